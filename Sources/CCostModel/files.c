#include "ccostmodel.h"

// #embed is C23, which clang knows in every mode and warns about in older ones.
#pragma clang diagnostic ignored "-Wc23-extensions"

// Each array is followed by the function that gives it out.
#define CCOSTMODEL_ACCESS(name)                           \
  CCOSTMODEL_FILE(name) {                                 \
    *count = sizeof name;                                 \
    return name;                                          \
  }

static const unsigned char constants[] = {
#embed "../CostModel/Resources/constants.csv"
};
CCOSTMODEL_ACCESS(constants)

static const unsigned char residuals[] = {
#embed "../CostModel/Resources/residuals.csv"
};
CCOSTMODEL_ACCESS(residuals)

static const unsigned char published_runs[] = {
#embed "../CostModel/Resources/published-runs.csv"
};
CCOSTMODEL_ACCESS(published_runs)

static const unsigned char fabrics[] = {
#embed "../CostModel/Resources/fabrics.csv"
};
CCOSTMODEL_ACCESS(fabrics)

static const unsigned char collectives[] = {
#embed "../CostModel/Resources/collectives.csv"
};
CCOSTMODEL_ACCESS(collectives)
