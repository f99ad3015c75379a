/// Room for one step's samples of a rank: float images and labels, allocated once, at 64-byte boundaries.
@safe final class BatchBuffer: @unchecked Sendable {
  // Handed from thread to thread by the ring: one of them touches it at a time.
  let images: UnsafeMutableBufferPointer<Float>
  let labels: UnsafeMutableBufferPointer<Int32>

  init(sampleCount: Int, elementCount: Int) {
    unsafe images = Self.allocate(sampleCount * elementCount, of: Float.self)
    unsafe labels = Self.allocate(sampleCount, of: Int32.self)
    unsafe images.initialize(repeating: 0)
    unsafe labels.initialize(repeating: 0)
  }

  deinit {
    unsafe UnsafeMutableRawPointer(images.baseAddress!).deallocate()
    unsafe UnsafeMutableRawPointer(labels.baseAddress!).deallocate()
  }

  private static func allocate<Element>(_ count: Int, of type: Element.Type) -> UnsafeMutableBufferPointer<Element> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Element>.stride, alignment: 64)
    return unsafe UnsafeMutableBufferPointer(start: memory.bindMemory(to: type, capacity: count), count: count)
  }

  /// Fills the first `samples.count` places from `source` and clears the others.
  func fill(from source: any SampleSource, _ samples: Span<UInt32>) throws {
    let elementCount = samples.count * source.sampleElementCount
    var images = unsafe self.images.extracting(0..<elementCount).mutableSpan
    var labels = unsafe self.labels.extracting(0..<samples.count).mutableSpan
    try source.load(samples, images: &images, labels: &labels)
    unsafe self.images.extracting(elementCount...).update(repeating: 0)
    unsafe self.labels.extracting(samples.count...).update(repeating: 0)
  }
}

/// A bounded ring of buffers between one producer thread and one consumer.
final class BatchRing: @unchecked Sendable {
  private let buffers: [BatchBuffer]
  private let monitor = Monitor()
  // Guarded by `monitor`.
  private var filled = 0
  private var consumed = 0
  private var isClosed = false
  private var ending: Result<Void, any Error>?

  init(depth: Int, sampleCount: Int, elementCount: Int) {
    buffers = (0..<depth).map { _ in BatchBuffer(sampleCount: sampleCount, elementCount: elementCount) }
  }

  /// The next buffer to fill, once there is one; nil when the ring has been closed.
  func nextToFill() -> BatchBuffer? {
    monitor.wait {
      if isClosed { return .some(nil) }
      return filled - consumed < buffers.count ? .some(buffers[filled % buffers.count]) : nil
    }
  }

  func publish() { monitor.change { filled += 1 } }

  /// No more buffers will come: all are done, or the next one failed.
  func end(_ result: Result<Void, any Error>) { monitor.change { ending = result } }

  /// The next filled buffer, once there is one; nil at the end. What was filled before an error is given first.
  func nextToConsume() throws -> BatchBuffer? {
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
