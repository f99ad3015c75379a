package import Units

/// Gradients reduced in one go: ranges of a slot, in the order in which backward makes them ready.
package struct Buckets: Hashable, Sendable {
  /// The gradient of a parameter, where it begins and when it is there.
  package struct Gradient: Hashable, Sendable {
    /// Offset in a slot, in floats.
    package let start: Int
    /// The step of the program that writes it last; nil if none does.
    package let step: Int?

    package init(start: Int, step: Int?) {
      self.start = start
      self.step = step
    }
  }

  package let ranges: [Range<Int>]
  /// The step of the program behind which each bucket and all before it are whole; ascending. 0 is a bucket that no step
  /// writes.
  package let readySteps: [Int]

  /// Cuts a slot where gradients begin, each bucket as near to `byteCount` as that allows.
  ///
  /// - Parameters:
  ///   - gradients: in the order of the slot, ascending.
  ///   - end: floats of a slot; what lies behind the last gradient goes with it.
  ///   - split: where the last bucket begins, whatever its size; nil for wherever.
  package init(_ gradients: [Gradient], end: Int, split: Int? = nil, byteCount: Bytes) {
    if let split {
      let first = Buckets(gradients.filter { $0.start < split }, end: split, byteCount: byteCount)
      let rest = gradients.filter { $0.start >= split }.compactMap(\.step)
      ranges = first.ranges + [split..<end]
      readySteps = first.readySteps + [max(first.readySteps.last ?? 0, rest.max() ?? 0)]
      return
    }
    let wanted = Int(byteCount.count) / 4
    var ranges: [Range<Int>] = []
    var readySteps: [Int] = []
    var start = 0
    var ready = 0
    for (index, gradient) in gradients.enumerated() {
      let next = index + 1 < gradients.count ? gradients[index + 1].start : end
      let now = gradient.start - start
      // Ending here leaves the bucket nearer to what is wanted than ending behind this gradient.
      if now > 0, abs(now - wanted) <= abs(next - start - wanted) {
        ranges.append(start..<gradient.start)
        readySteps.append(ready)
        start = gradient.start
      }
      ready = max(ready, gradient.step ?? 0)
    }
    ranges.append(start..<end)
    readySteps.append(ready)
    self.ranges = ranges
    self.readySteps = readySteps
  }

  /// How large buckets are where nobody says.
  ///
  /// What goes out last cannot hide behind backward, so buckets that go out beside it are a sixteenth of the gradients.
  /// From 1 MB, which takes a 1 Gbit/s link eighty times as long as a message's latency; to 25 MB, at which DDP's
  /// default settled (Li et al. 2020, "PyTorch Distributed", §5.2) and behind which time per byte falls no more. Buckets
  /// that go out when backward is over are of 25 MB: few, and of a size that bounds the room to receive them in.
  ///
  /// - Parameter isOverlapped: whether they go out beside backward.
  package static func byteCount(gradients: Bytes, isOverlapped: Bool) -> Bytes {
    let largest = Bytes(25_000_000)
    guard isOverlapped else { return largest }
    return min(largest, max(Bytes(1_000_000), Bytes(gradients.count / 16)))
  }
}
