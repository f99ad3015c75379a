import Glibc

/// A mutex and a condition: threads that wait for what another one changes. Callers are threads that may block, which
/// tasks of Swift concurrency may not.
@safe final class Monitor: @unchecked Sendable {
  // On the heap: neither may move while threads use it.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe condition.initialize(to: pthread_cond_t())
    let status = unsafe (pthread_mutex_init(mutex, nil), pthread_cond_init(condition, nil))
    precondition(status == (0, 0), "default attributes are always accepted")
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Runs `body` with the mutex held, then wakes every waiter: `body` may have changed what they wait for.
  func change<Result>(_ body: () throws -> Result) rethrows -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer {
      unsafe pthread_cond_broadcast(condition)
      unsafe pthread_mutex_unlock(mutex)
    }
    return try body()
  }

  /// Blocks until `ready`, evaluated with the mutex held, gives a value.
  func wait<Result>(until ready: () throws -> Result?) rethrows -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while true {
      if let result = try ready() { return result }
      unsafe pthread_cond_wait(condition, mutex)
    }
  }
}

/// An operating system thread that is joined, not detached.
struct JoinableThread: ~Copyable, Sendable {
  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private let handle: pthread_t

  /// - Throws: `BatchLoaderError` with code `.cannotStartThread`.
  init(_ body: @escaping @Sendable () -> Void) throws(BatchLoaderError) {
    let work = unsafe Unmanaged.passRetained(Work(body))
    var handle = pthread_t()
    let status = unsafe pthread_create(
      &handle, nil,
      { argument in
        unsafe Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, work.toOpaque())
    guard status == 0 else {
      unsafe work.release()
      throw BatchLoaderError(code: .cannotStartThread, reason: unsafe String(cString: strerror(status)))
    }
    self.handle = handle
  }

  /// Waits for the end of the thread's body.
  consuming func join() { _ = pthread_join(handle, nil) }
}
