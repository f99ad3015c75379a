package import Units

/// How much must change for the runner-up to be the better plan, all else equal.
package struct Crossover: Hashable, Sendable, Codable {
  package let group: NodeGroup
  /// The hourly price of one of its nodes below which it costs less; nil if the objective is time.
  package let hourly: Money?
  /// What its network's bandwidth must be multiplied by; nil if no network would do.
  package let networkFactor: Double?

  /// The argument in `low` ... `high` at which `value`, which falls, reaches `target`; nil if it does not within them.
  ///
  /// - Returns: an argument where `value` is at most `target`, within a relative `precision` of the least such.
  package static func bisect(
    low: Double, high: Double, target: Double, precision: Double = 1e-6, value: (Double) -> Double
  ) -> Double? {
    precondition(low > 0 && high > low, "a range of positive arguments")
    guard value(high) <= target else { return nil }
    if value(low) <= target { return low }
    var (outside, inside) = (low, high)
    while inside / outside - 1 > precision {
      let middle = (inside * outside).squareRoot()
      if value(middle) <= target { inside = middle } else { outside = middle }
    }
    return inside
  }
}
