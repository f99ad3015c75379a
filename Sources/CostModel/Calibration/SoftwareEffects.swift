/// What is left of a run's time when the step is priced by physics: its framework, its era, its model's implementation,
/// its cluster. One factor for many rows each, drawn towards 1 by how few they are (a linear mixed model of the logarithms;
/// Henderson 1975, Biometrics 31, 423), so that a run of a known kind is predicted by its like and any other is not.
package struct SoftwareEffects: Sendable {
  /// What groups runs, and by how much groups differ (standard deviation of the logarithm).
  package struct Factor: Hashable, Sendable {
    package let name: String
    package let spread: Double
  }

  /// Chosen by the likelihood of left-out sources; see the calibration's article.
  package static let factors: [Factor] = [
    Factor(name: "framework and arithmetic", spread: 0.17),
    Factor(name: "family and accelerator", spread: 0.10),
    Factor(name: "model", spread: 0.13),
    Factor(name: "model and framework", spread: 0.20),
    Factor(name: "platform", spread: 0.17),
    Factor(name: "platform and framework", spread: 0.14),
    Factor(name: "source", spread: 0.20),
  ]
  /// Of one run beside its like, standard deviation of the logarithm.
  package static let noise = 0.12

  package struct Estimate: Hashable, Sendable {
    /// Of the logarithm of the factor.
    package var mean: Double
    package var deviation: Double
    /// Factors of which no calibrated run is a member.
    package var unknown: Int
  }

  private var positions: [String: Int] = [:]
  private var effects: [Double] = []
  private var precision: SymmetricSystem?

  /// - Parameters:
  ///   - keys: for each run its group under each of `factors`; nil where it has none.
  ///   - residuals: logarithm of measured over modelled time of each run.
  package init(keys: [[String?]], residuals: [Double]) {
    var spreads: [Double] = []
    let members: [[Int]] = keys.map { row in
      row.enumerated().compactMap { factor, key in
        guard let key else { return nil }
        let name = "\(factor)|\(key)"
        if let known = positions[name] { return known }
        positions[name] = spreads.count
        spreads.append(Self.factors[factor].spread)
        return spreads.count - 1
      }
    }
    let count = spreads.count
    guard count > 0 else { return }
    // Student's t with four degrees of freedom, by weights: an outlier tells little about its group.
    var weights = Array(repeating: 1.0, count: keys.count)
    let variance = Self.noise * Self.noise
    for _ in 0..<4 {
      var matrix = Array(repeating: 0.0, count: count * count)
      var right = Array(repeating: 0.0, count: count)
      for group in 0..<count { matrix[group * count + group] = 1 / (spreads[group] * spreads[group]) }
      for (row, groups) in members.enumerated() {
        let weight = weights[row] / variance
        for a in groups {
          right[a] += weight * residuals[row]
          for b in groups { matrix[a * count + b] += weight }
        }
      }
      guard let system = SymmetricSystem(matrix, count: count) else { return }
      effects = system.solve(right)
      precision = system
      for (row, groups) in members.enumerated() {
        let left = residuals[row] - groups.reduce(0) { $0 + effects[$1] }
        weights[row] = 5 / (4 + left * left / variance)
      }
    }
  }

  /// The factor of a run with these groups.
  package func estimate(_ keys: [String?]) -> Estimate {
    var result = Estimate(mean: 0, deviation: 0, unknown: 0)
    var variance = Self.noise * Self.noise
    var members: [Int] = []
    for (factor, key) in keys.enumerated() {
      if let key, let position = positions["\(factor)|\(key)"] {
        members.append(position)
        result.mean += effects[position]
      } else {
        result.unknown += 1
        variance += Self.factors[factor].spread * Self.factors[factor].spread
      }
    }
    if let precision, !members.isEmpty {
      var indicator = Array(repeating: 0.0, count: precision.count)
      for member in members { indicator[member] = 1 }
      variance += precision.half(indicator).reduce(0) { $0 + $1 * $1 }
    }
    result.deviation = variance.squareRoot()
    return result
  }
}
