import Foundation

extension Double {
  var exponential: Double { exp(self) }
  var logarithm: Double { log(self) }
}

/// Φ: the probability that a standard normal variable is at most `deviations`.
func normalProbability(_ deviations: Double) -> Double { 0.5 * erfc(-deviations / 2.0.squareRoot()) }
