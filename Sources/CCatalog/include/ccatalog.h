// The catalog's data files, held in the binary by #embed: a command that is copied anywhere still has its catalog, and
// 230 kB compile in a moment (as a Swift array they take half a minute). Swift cannot import C arrays of unknown size,
// hence functions.
#pragma once
#include <stddef.h>

#define CCATALOG_FILE(name) const unsigned char *ccatalog_##name(size_t *count)

CCATALOG_FILE(sources);
CCATALOG_FILE(accelerators);
CCATALOG_FILE(instances);
CCATALOG_FILE(prices);
CCATALOG_FILE(known_differences);
CCATALOG_FILE(describe_sample);
