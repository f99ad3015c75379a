// What ranks that share memory need of the kernel and of the processor and Swift cannot spell: memory files, which the
// C library declares for GNU sources only; futexes, which are reached through a variadic function; and stores that go
// past the caches.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// A new file that lives in memory and has no name; -1 with errno.
static inline int csm_memory_file(void) { return (int)syscall(SYS_memfd_create, "apus", 1U /* MFD_CLOEXEC */); }

// Maps the first `count` bytes of a file for reading and writing, seen by all who map it; null with errno.
static inline void *csm_map(int file, size_t count) {
  void *address = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  return address == MAP_FAILED ? NULL : address;
}

// Makes the pages present, so that no access to them traps. Kernels before 5.14 cannot; then the first accesses do it.
static inline void csm_populate(void *address, size_t count) { (void)madvise(address, count, 23 /* POPULATE_WRITE */); }

// Sleeps while `word` has the value `expected`, for at most so many nanoseconds.
static inline void csm_sleep(uint32_t *word, uint32_t expected, long nanoseconds) {
  struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  (void)syscall(SYS_futex, word, FUTEX_WAIT, expected, &time, NULL, 0);
}

// Wakes all that sleep on `word`.
static inline void csm_wake(uint32_t *word) { (void)syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0); }

// Tells the processor that this is a loop that waits.
static inline void csm_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Makes streaming stores visible before any later store.
static inline void csm_stream_fence(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

typedef float csm_lanes __attribute__((vector_size(32), aligned(4)));
typedef float csm_line __attribute__((vector_size(32)));

// How up to four vectors are added: the shapes of canonical trees that have a loop of their own.
enum { csm_one = 1, csm_two = 2, csm_left_three = 3, csm_right_three = 4, csm_four = 5 };

static inline __attribute__((always_inline)) csm_lanes csm_add_lanes(
    const float *const *sources, size_t index, int shape) {
  csm_lanes first = *(const csm_lanes *)(sources[0] + index);
  if (shape == csm_one) return first;
  csm_lanes second = *(const csm_lanes *)(sources[1] + index);
  if (shape == csm_two) return first + second;
  csm_lanes third = *(const csm_lanes *)(sources[2] + index);
  if (shape == csm_left_three) return (first + second) + third;
  if (shape == csm_right_three) return first + (second + third);
  return (first + second) + (third + *(const csm_lanes *)(sources[3] + index));
}

static inline __attribute__((always_inline)) float csm_add_one(const float *const *sources, size_t index, int shape) {
  float first = sources[0][index];
  if (shape == csm_one) return first;
  if (shape == csm_two) return first + sources[1][index];
  if (shape == csm_left_three) return (first + sources[1][index]) + sources[2][index];
  if (shape == csm_right_three) return first + (sources[1][index] + sources[2][index]);
  return (first + sources[1][index]) + (sources[2][index] + sources[3][index]);
}

static inline __attribute__((always_inline)) void csm_add_shape(
    const float *const *sources, float *const *totals, size_t total_count, size_t count, int shape, int streams) {
  size_t index = 0;
  if (streams) {
    for (; index < count && ((uintptr_t)(totals[0] + index) & 31) != 0; index++) {
      float sum = csm_add_one(sources, index, shape);
      for (size_t rank = 0; rank < total_count; rank++) totals[rank][index] = sum;
    }
  }
  for (; index + 32 <= count; index += 32) {
    csm_lanes sum0 = csm_add_lanes(sources, index, shape);
    csm_lanes sum1 = csm_add_lanes(sources, index + 8, shape);
    csm_lanes sum2 = csm_add_lanes(sources, index + 16, shape);
    csm_lanes sum3 = csm_add_lanes(sources, index + 24, shape);
    for (size_t rank = 0; rank < total_count; rank++) {
      float *total = totals[rank] + index;
      if (streams) {
        __builtin_nontemporal_store((csm_line)sum0, (csm_line *)total);
        __builtin_nontemporal_store((csm_line)sum1, (csm_line *)(total + 8));
        __builtin_nontemporal_store((csm_line)sum2, (csm_line *)(total + 16));
        __builtin_nontemporal_store((csm_line)sum3, (csm_line *)(total + 24));
      } else {
        *(csm_lanes *)total = sum0;
        *(csm_lanes *)(total + 8) = sum1;
        *(csm_lanes *)(total + 16) = sum2;
        *(csm_lanes *)(total + 24) = sum3;
      }
    }
  }
  for (; index < count; index++) {
    float sum = csm_add_one(sources, index, shape);
    for (size_t rank = 0; rank < total_count; rank++) totals[rank][index] = sum;
  }
}

// Adds up `sources` element by element in the order of `shape` and writes the total to each of `totals`, any of which
// may be one of the sources. With `streams` the stores go past the caches; the totals are equally aligned then.
static inline void csm_add(
    const float *const *sources, int shape, float *const *totals, size_t total_count, size_t count, int streams) {
#define CSM_SHAPE(name)                                                                        \
  case name:                                                                                   \
    if (streams) csm_add_shape(sources, totals, total_count, count, name, 1);                  \
    else if (total_count == 1) csm_add_shape(sources, totals, 1, count, name, 0);              \
    else if (total_count == 2) csm_add_shape(sources, totals, 2, count, name, 0);              \
    else csm_add_shape(sources, totals, total_count, count, name, 0);                          \
    break;
  switch (shape) {
    CSM_SHAPE(csm_one)
    CSM_SHAPE(csm_two)
    CSM_SHAPE(csm_left_three)
    CSM_SHAPE(csm_right_three)
    CSM_SHAPE(csm_four)
  }
#undef CSM_SHAPE
  if (streams) csm_stream_fence();
}
