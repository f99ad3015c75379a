import ModelGraph

/// A bounded ring of buffers between one producer thread and one consumer.
final class BatchRing: @unchecked Sendable {
  private let buffers: [SampleBuffer]
  private let monitor = Monitor()
  // Guarded by `monitor`.
  private var filled = 0
  private var consumed = 0
  private var isClosed = false
  private var ending: Result<Void, any Error>?

  init(depth: Int, fields: [SampleField], capacity: Int) {
    buffers = (0..<depth).map { _ in SampleBuffer(fields: fields, capacity: capacity) }
  }

  /// The next buffer to fill, once there is one; nil when the ring has been closed.
  func nextToFill() -> SampleBuffer? {
    monitor.wait {
      if isClosed { return .some(nil) }
      return filled - consumed < buffers.count ? .some(buffers[filled % buffers.count]) : nil
    }
  }

  func publish() { monitor.change { filled += 1 } }

  /// No more buffers will come: all are done, or the next one failed.
  func end(_ result: Result<Void, any Error>) { monitor.change { ending = result } }

  /// The next filled buffer, once there is one; nil at the end. What was filled before an error is given first.
  func nextToConsume() throws -> SampleBuffer? {
    try monitor.wait {
      if isClosed { throw BatchLoaderError(code: .closed, reason: "close() was called") }
      if consumed < filled { return .some(buffers[consumed % buffers.count]) }
      if let ending {
        try ending.get()
        return .some(nil)
      }
      return nil
    }
  }

  func release() { monitor.change { consumed += 1 } }

  func close() { monitor.change { isClosed = true } }
}
