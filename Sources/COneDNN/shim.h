// oneDNN (2.6 today). Its handles are opaque pointers; `DNNL_RUNTIME_*` and `DNNL_ARG_*` constants are macros, of
// which Swift sees the plain integers only. libgomp is the thread pool oneDNN was built with; where its threads may run
// is a system call that Swift's Glibc module leaves out, because the C library declares it for GNU sources only.
#pragma once
#include <oneapi/dnnl/dnnl.h>
#include <sys/syscall.h>
#include <unistd.h>

void omp_set_num_threads(int num_threads);
int omp_get_max_threads(void);
int omp_get_num_threads(void);
int omp_get_thread_num(void);
// What a compiler calls for `#pragma omp parallel`: Swift has no pragmas, and loops of its own share oneDNN's threads.
void GOMP_parallel(void (*body)(void *), void *data, unsigned num_threads, unsigned flags);

static inline long apus_get_affinity(unsigned char *mask, size_t size) {
  return syscall(SYS_sched_getaffinity, 0, size, mask);
}

static inline long apus_set_affinity(const unsigned char *mask, size_t size) {
  return syscall(SYS_sched_setaffinity, 0, size, mask);
}
