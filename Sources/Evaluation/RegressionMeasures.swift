/// How far predicted numbers are from the true ones, beside a guess without a model.
///
/// Sums only, so that parts merge by addition: ranks sum `sums`. A measure that is 0/0 is nil.
package struct RegressionMeasures: Hashable, Codable, Sendable {
  /// Subtracted from the true values before they are squared, so that the variance of large ones keeps its digits; any
  /// value near their mean does.
  package let shift: Double
  /// Count, Σ e², Σ |e|, the guess's Σ e² and Σ |e|, Σ (y − shift), Σ (y − shift)².
  package private(set) var sums: [Double]

  package init(shift: Double) { self.init(shift: shift, sums: Array(repeating: 0, count: 7)) }

  /// Those with the sums of another one, or of several.
  package init(shift: Double, sums: [Double]) {
    precondition(sums.count == 7, "there are seven sums")
    self.shift = shift
    self.sums = sums
  }

  package mutating func add(truth: Double, predicted: Double, guess: Double) {
    let (error, guessError, shifted) = (predicted - truth, guess - truth, truth - shift)
    let terms = [
      1, error * error, abs(error), guessError * guessError, abs(guessError), shifted, shifted * shifted,
    ]
    for index in sums.indices { sums[index] += terms[index] }
  }

  package mutating func merge(_ other: RegressionMeasures) {
    precondition(other.shift == shift, "measures with the shifts \(shift) and \(other.shift)")
    for index in sums.indices { sums[index] += other.sums[index] }
  }

  package var count: Double { sums[0] }

  /// √(Σ e² / n), in the unit of the values.
  package var rootMeanSquaredError: Double? { mean(sums[1]).map { $0.squareRoot() } }

  /// Σ |e| / n
  package var meanAbsoluteError: Double? { mean(sums[2]) }

  /// 1 − Σ e² / Σ (y − ȳ)²: the share of the variance that is explained; nil if the values are all the same.
  package var coefficientOfDetermination: Double? {
    let spread = sums[6] - sums[5] * sums[5] / count
    return count > 0 && spread > 0 ? 1 - sums[1] / spread : nil
  }

  package var guessRootMeanSquaredError: Double? { mean(sums[3]).map { $0.squareRoot() } }
  package var guessMeanAbsoluteError: Double? { mean(sums[4]) }

  private func mean(_ sum: Double) -> Double? { count > 0 ? sum / count : nil }
}
