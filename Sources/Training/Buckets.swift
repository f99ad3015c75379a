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
}
