internal import COneDNN

extension Threads {
  /// Cuts 0 ..< count into a range for each of the calling thread's cores (see `use`) and runs `body` on all at once.
  ///
  /// The threads are those of oneDNN's pool, so that kernels and loops take turns on the same cores. Ranges depend on
  /// nothing but `count` and the number of threads.
  package static func parallel(_ count: Int, _ body: (Range<Int>) -> Void) {
    let threads = min(Int(omp_get_max_threads()), count)
    guard threads > 1 else {
      if count > 0 { body(0..<count) }
      return
    }
    withoutActuallyEscaping(body) { body in
      var task = Task(body: body, count: count, threads: threads)
      unsafe withUnsafeMutablePointer(to: &task) { task in
        unsafe GOMP_parallel(
          { task in
            let task = unsafe task!.assumingMemoryBound(to: Task.self)
            unsafe task.pointee.run(part: Int(omp_get_thread_num()))
          }, task, UInt32(threads), 0)
      }
    }
  }

  private struct Task {
    let body: (Range<Int>) -> Void
    let count: Int
    let threads: Int

    func run(part: Int) { body(part * count / threads..<(part + 1) * count / threads) }
  }
}
