// glibc's own account of the heap, mallinfo2(), which Swift's Glibc module leaves out.
#pragma once
#include <malloc.h>
