// The calibration with the published runs and the measured collectives that it comes from, held in the binary by #embed,
// as the catalog's files are.
#pragma once
#include <stddef.h>

#define CCOSTMODEL_FILE(name) const unsigned char *ccostmodel_##name(size_t *count)

CCOSTMODEL_FILE(constants);
CCOSTMODEL_FILE(residuals);
CCOSTMODEL_FILE(published_runs);
CCOSTMODEL_FILE(fabrics);
CCOSTMODEL_FILE(collectives);
