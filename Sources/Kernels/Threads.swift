internal import COneDNN
internal import COpenBLAS

/// The thread pools of the compute libraries.
package enum Threads {
  /// Sets how many threads oneDNN (through OpenMP) and OpenBLAS use for kernels that the calling thread starts.
  ///
  /// OpenMP keeps the number by thread: call it on the thread that builds and runs a program, before building it.
  package static func use(_ count: Int) {
    precondition(count >= 1, "a rank computes on at least one thread")
    omp_set_num_threads(Int32(count))
    openblas_set_num_threads(Int32(count))
  }
}
