/// Gradients reduced in one go: ranges of a slot, in the order in which backward makes them ready.
package struct Buckets {
  /// 25 MB, the size at which DDP's defaults settled (Li et al. 2020, "PyTorch Distributed", §5.2).
  package static let defaultByteCount = 25_000_000

  package let ranges: [Range<Int>]

  /// - Parameters:
  ///   - boundaries: where each parameter's gradient begins, ascending, in floats.
  ///   - end: floats of a slot; what lies behind the last gradient goes with it.
  package init(boundaries: [Int], end: Int, byteCount: Int = Self.defaultByteCount) {
    var ranges: [Range<Int>] = []
    var start = 0
    for boundary in boundaries.dropFirst() where (boundary - start) * 4 >= byteCount {
      ranges.append(start..<boundary)
      start = boundary
    }
    ranges.append(start..<end)
    self.ranges = ranges
  }
}
