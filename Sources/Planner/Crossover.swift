package import Units

/// How much must change for the runner-up to be the better plan, all else equal.
package struct Crossover: Hashable, Sendable, Codable {
  /// The runner-up: what it costs and takes as it is.
  package let group: NodeGroup
  package let cost: Money
  package let time: Seconds
  /// The hourly price of one of its nodes below which it costs less; nil if the objective is time, or if no price would do.
  package let hourly: Money?
  /// What its network's bandwidth must be multiplied by; nil if no network would do.
  package let networkFactor: Double?
  /// Of a node, as it is rated; nil if not known, or if the plan does not depend on it.
  package let network: Bandwidth?

  package init(
    _ entry: PlanEntry, hourly: Money?, networkFactor: Double?, network: Bandwidth?
  ) {
    group = entry.group
    cost = entry.cost
    time = entry.time
    self.hourly = hourly
    self.networkFactor = networkFactor
    self.network = network
  }

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
