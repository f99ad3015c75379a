/// A mean weighted by counts, such as of a loss over batches of unequal size; merges with those of other ranks.
package struct RunningMean: Hashable, Codable, Sendable {
  /// Sum of mean × count.
  package private(set) var sum: Double
  package private(set) var count: Int64

  /// `sum` and `count` are those of other means added up, as after a reduction over ranks.
  package init(sum: Double = 0, count: Int64 = 0) {
    precondition(count >= 0, "counts are 0 or more")
    self.sum = sum
    self.count = count
  }

  /// Adds a `mean` of `count` values.
  package mutating func add(_ mean: Double, count: Int64 = 1) {
    precondition(count >= 0, "counts are 0 or more")
    guard count > 0 else { return }  // the mean of nothing may be NaN, and weighs nothing
    sum += mean * Double(count)
    self.count += count
  }

  package mutating func merge(_ other: RunningMean) {
    sum += other.sum
    count += other.count
  }

  /// nil if nothing was added.
  package var mean: Double? { count == 0 ? nil : sum / Double(count) }
}
