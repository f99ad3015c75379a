// oneDNN (2.6 today). Its handles are opaque pointers; `DNNL_RUNTIME_*` and `DNNL_ARG_*` constants are macros, of
// which Swift sees the plain integers only. libgomp is the thread pool oneDNN was built with.
#pragma once
#include <oneapi/dnnl/dnnl.h>

void omp_set_num_threads(int num_threads);
