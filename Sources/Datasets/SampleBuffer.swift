package import ModelGraph

/// Room for samples: an array for each field, sample after sample, allocated once at 64-byte boundaries.
///
/// Whoever holds it hands it on as a whole: one thread touches it at a time.
@safe package final class SampleBuffer: @unchecked Sendable {
  package let fields: [SampleField]
  /// Samples that it has room for.
  package let capacity: Int
  private let bases: [UnsafeMutableRawPointer]

  package init(fields: [SampleField], capacity: Int) {
    self.fields = fields
    self.capacity = capacity
    unsafe bases = fields.map { field in
      let byteCount = capacity * field.type.byteCount
      let base = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
      unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
      return unsafe base
    }
  }

  deinit { for index in fields.indices { unsafe bases[index].deallocate() } }

  /// The position of a field, to be looked up once; nil if there is none of this name.
  package func position(of name: String) -> Int? { fields.firstIndex { $0.name == name } }

  /// The float32 elements of `places`, to be written or read.
  package func withFloats<Result>(
    _ field: Int, _ places: Range<Int>, _ body: (inout MutableSpan<Float>) throws -> Result
  ) rethrows -> Result {
    precondition(fields[field].type.elementType == .float32, "'\(fields[field].name)' is of integers")
    let (address, byteCount) = unsafe address(field, places)
    var span = unsafe MutableSpan<Float>(
      _unsafeStart: address.assumingMemoryBound(to: Float.self), count: byteCount / 4)
    return try body(&span)
  }

  /// The int32 elements of `places`, to be written or read.
  package func withIntegers<Result>(
    _ field: Int, _ places: Range<Int>, _ body: (inout MutableSpan<Int32>) throws -> Result
  ) rethrows -> Result {
    precondition(fields[field].type.elementType == .int32, "'\(fields[field].name)' is of floats")
    let (address, byteCount) = unsafe address(field, places)
    var span = unsafe MutableSpan<Int32>(
      _unsafeStart: address.assumingMemoryBound(to: Int32.self), count: byteCount / 4)
    return try body(&span)
  }

  /// The elements of `places` as they lie in memory.
  package func withBytes<Result>(
    _ field: Int, _ places: Range<Int>, _ body: (RawSpan) throws -> Result
  ) rethrows -> Result {
    let (address, byteCount) = unsafe address(field, places)
    return try body(unsafe RawSpan(_unsafeStart: address, byteCount: byteCount))
  }

  /// Copies one sample's elements of a field.
  func copy<Element: BitwiseCopyable>(_ elements: Span<Element>, to place: Int, field: Int) {
    let (address, byteCount) = unsafe address(field, place..<place + 1)
    unsafe elements.withUnsafeBytes { bytes in
      precondition(bytes.count == byteCount, "a sample of '\(fields[field].name)' has \(byteCount) bytes")
      if let base = bytes.baseAddress { unsafe address.copyMemory(from: base, byteCount: byteCount) }
    }
  }

  /// Zeros all places from `place` on.
  func clear(from place: Int) {
    for field in fields.indices {
      let (address, byteCount) = unsafe address(field, place..<capacity)
      unsafe address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }
  }

  /// The elements of `places` as an array; to look at a few.
  package func values(_ field: Int, _ places: Range<Int>? = nil) -> [Double] {
    let places = places ?? 0..<capacity
    return switch fields[field].type.elementType {
    case .int32: withIntegers(field, places) { span in span.indices.map { Double(span[$0]) } }
    case .float32, .uint8: withFloats(field, places) { span in span.indices.map { Double(span[$0]) } }
    }
  }

  private func address(_ field: Int, _ places: Range<Int>) -> (UnsafeMutableRawPointer, byteCount: Int) {
    precondition(places.lowerBound >= 0 && places.upperBound <= capacity, "\(places) of \(capacity) samples")
    let size = fields[field].type.byteCount
    return unsafe (bases[field] + places.lowerBound * size, places.count * size)
  }
}
