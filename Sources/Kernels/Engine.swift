internal import COneDNN

/// oneDNN's processor engine: made once, shared by all threads, never freed.
@safe struct Engine: @unchecked Sendable {
  let handle: dnnl_engine_t

  static let shared: Result<Engine, any Error> = Result {
    var handle: dnnl_engine_t?
    unsafe try check(dnnl_engine_create(&handle, dnnl_cpu, 0), "dnnl_engine_create")
    return unsafe Engine(handle: handle!)
  }

  static func current() throws -> Engine { try shared.get() }
}

/// The queue that a thread's kernels run on, in order; each call has finished when it returns.
@safe package final class Stream {
  let handle: dnnl_stream_t

  package init() throws {
    var handle: dnnl_stream_t?
    unsafe try check(
      dnnl_stream_create(&handle, Engine.current().handle, dnnl_stream_default_flags.rawValue), "dnnl_stream_create")
    unsafe self.handle = handle!
  }

  deinit { unsafe dnnl_stream_destroy(handle) }
}
