#include "ccatalog.h"

// #embed is C23, which clang knows in every mode and warns about in older ones.
#pragma clang diagnostic ignored "-Wc23-extensions"

// Each array is followed by the function that gives it out.
#define CCATALOG_ACCESS(name)                           \
  CCATALOG_FILE(name) {                                 \
    *count = sizeof name;                               \
    return name;                                        \
  }

static const unsigned char sources[] = {
#embed "../Catalog/Resources/sources.csv"
};
CCATALOG_ACCESS(sources)

static const unsigned char accelerators[] = {
#embed "../Catalog/Resources/accelerators.csv"
};
CCATALOG_ACCESS(accelerators)

static const unsigned char instances[] = {
#embed "../Catalog/Resources/instances.csv"
};
CCATALOG_ACCESS(instances)

static const unsigned char prices[] = {
#embed "../Catalog/Resources/prices.csv"
};
CCATALOG_ACCESS(prices)

static const unsigned char known_differences[] = {
#embed "../Catalog/Resources/known-differences.csv"
};
CCATALOG_ACCESS(known_differences)

static const unsigned char describe_sample[] = {
#embed "../Catalog/Resources/describe-instance-types-sample.json"
};
CCATALOG_ACCESS(describe_sample)
