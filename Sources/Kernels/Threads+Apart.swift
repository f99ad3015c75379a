internal import COneDNN

extension Threads {
  /// How many threads kernels that the calling thread starts may use.
  package static var count: Int { Int(omp_get_max_threads()) }

  /// Makes primitives that run on the one thread that calls them, whatever `use` has allowed.
  package static func onOne<Result>(_ body: () throws -> Result) rethrows -> Result {
    let allowed = omp_get_max_threads()
    omp_set_num_threads(1)
    defer { omp_set_num_threads(allowed) }
    return try body()
  }

  /// Runs `body(0)` to `body(count − 1)` at once, each on its own thread of the library's pool, and waits for all.
  ///
  /// `body` must be safe to run on several threads; primitives it calls are made by `onOne`.
  /// - Throws: the error of the lowest part that failed.
  package static func apart(_ count: Int, _ body: (Int) throws -> Void) throws {
    guard count > 1 else { return try body(0) }
    try withoutActuallyEscaping(body) { body in
      let region = Region(body, count: count)
      unsafe GOMP_parallel(
        { context in
          let region = unsafe Unmanaged<Region>.fromOpaque(context!).takeUnretainedValue()
          omp_set_num_threads(1)
          // A pool may grant fewer threads than asked for: each takes the parts that are its own modulo their number.
          region.run(thread: Int(omp_get_thread_num()), of: Int(omp_get_num_threads()))
        }, Unmanaged.passUnretained(region).toOpaque(), UInt32(count), 0)
      try region.rethrow()
    }
  }

  /// What the threads of a parallel region share. Each writes the errors of its own parts only.
  @safe private final class Region {
    private let body: (Int) throws -> Void
    private let count: Int
    private let errors: UnsafeMutableBufferPointer<(any Error)?>

    init(_ body: @escaping (Int) throws -> Void, count: Int) {
      self.body = body
      self.count = count
      unsafe errors = .allocate(capacity: count)
      unsafe errors.initialize(repeating: nil)
    }

    deinit {
      unsafe errors.deinitialize()
      unsafe errors.deallocate()
    }

    func run(thread: Int, of threads: Int) {
      for part in stride(from: thread, to: count, by: threads) {
        do { try body(part) } catch { unsafe errors[part] = error }
      }
    }

    func rethrow() throws {
      for part in 0..<count {
        if let error = unsafe errors[part] { throw error }
      }
    }
  }
}
