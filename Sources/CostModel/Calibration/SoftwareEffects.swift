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
    Factor(name: "family and accelerator", spread: 0.14),
    Factor(name: "model", spread: 0.10),
    Factor(name: "model and framework", spread: 0.28),
    Factor(name: "platform", spread: 0.20),
    Factor(name: "platform and framework", spread: 0.10),
    Factor(name: "source", spread: 0.10),
    Factor(name: "framework and era", spread: 0.15),
    Factor(name: "framework, era and arithmetic", spread: 0.12),
    Factor(name: "platform and scale", spread: 0.10),
  ]
  /// Of one run beside its like, standard deviation of the logarithm.
  package static let noise = 0.14

  package struct Estimate: Hashable, Sendable {
    /// Of the logarithm of the factor.
    package var mean: Double
    package var deviation: Double
    /// Factors of which no calibrated run is a member.
    package var unknown: Int
  }

  private let groups: EffectGroups
  private let effects: [Double]
  private let system: SymmetricSystem?

  /// - Parameters:
  ///   - keys: for each run its group under each of `factors`; nil where it has none.
  ///   - residuals: logarithm of measured over modelled time of each run.
  package init(keys: [[String?]], residuals: [Double]) {
    groups = EffectGroups(keys)
    let covariance = EffectCovariance(groups, residuals: residuals)
    effects = covariance?.effects ?? []
    system = covariance?.system
  }

  /// The factor of a run with these groups.
  package func estimate(_ keys: [String?]) -> Estimate {
    var result = Estimate(mean: 0, deviation: 0, unknown: 0)
    var variance = Self.noise * Self.noise
    var members: [Int] = []
    for (factor, key) in keys.enumerated() {
      if let position = groups.position(factor, key) {
        members.append(position)
        result.mean += effects[position]
      } else {
        result.unknown += 1
        variance += Self.factors[factor].spread * Self.factors[factor].spread
      }
    }
    if let system, !members.isEmpty {
      var indicator = Array(repeating: 0.0, count: system.count)
      for member in members { indicator[member] = 1 }
      variance += system.half(indicator).reduce(0) { $0 + $1 * $1 }
    }
    result.deviation = variance.squareRoot()
    return result
  }
}

/// Which runs share a group: the columns of the mixed model's indicator matrix Z.
struct EffectGroups: Sendable {
  private var positions: [String: Int] = [:]
  /// Standard deviation of each group's effect.
  private(set) var spreads: [Double] = []
  /// The groups of each run.
  private(set) var members: [[Int]] = []

  init(_ keys: [[String?]]) {
    for row in keys {
      var mine: [Int] = []
      for (factor, key) in row.enumerated() {
        guard let key else { continue }
        let name = "\(factor)|\(key)"
        if let known = positions[name] {
          mine.append(known)
        } else {
          positions[name] = spreads.count
          mine.append(spreads.count)
          spreads.append(SoftwareEffects.factors[factor].spread)
        }
      }
      members.append(mine)
    }
  }

  func position(_ factor: Int, _ key: String?) -> Int? { key.flatMap { positions["\(factor)|\($0)"] } }
}

/// V = Z D Zᵀ + σ² W⁻¹ of residuals, and products with its inverse by way of A = D⁻¹ + Zᵀ W Z / σ² (Woodbury 1950).
struct EffectCovariance {
  /// A vector of a number a run, with what products need of it.
  struct Vector {
    /// Times √(W) / σ.
    fileprivate let scaled: [Double]
    /// L⁻¹ Zᵀ W v / σ², L Lᵀ = A.
    fileprivate let projected: [Double]
  }

  let system: SymmetricSystem
  /// What is expected of each group, given the residuals.
  let effects: [Double]
  private let groups: EffectGroups
  private let weights: [Double]

  /// Weights are those of Student's t with four degrees of freedom: an outlier tells little about its group.
  init?(_ groups: EffectGroups, residuals: [Double]) {
    let variance = square(SoftwareEffects.noise)
    var weights = Array(repeating: 1 / variance, count: residuals.count)
    var solved: (SymmetricSystem, [Double])?
    for _ in 0..<4 {
      guard let system = Self.system(groups, weights) else { return nil }
      let effects = system.solve(Self.gathered(groups, weights, residuals))
      solved = (system, effects)
      for (row, members) in groups.members.enumerated() {
        let left = residuals[row] - members.reduce(0) { $0 + effects[$1] }
        weights[row] = 5 / (4 + left * left / variance) / variance
      }
    }
    guard let solved, let system = Self.system(groups, weights) else { return nil }
    self.system = system
    effects = solved.1
    self.groups = groups
    self.weights = weights
  }

  private static func system(_ groups: EffectGroups, _ weights: [Double]) -> SymmetricSystem? {
    let count = groups.spreads.count
    var matrix = Array(repeating: 0.0, count: count * count)
    for (group, spread) in groups.spreads.enumerated() { matrix[group * count + group] = 1 / square(spread) }
    for (row, members) in groups.members.enumerated() {
      for a in members { for b in members { matrix[a * count + b] += weights[row] } }
    }
    return SymmetricSystem(matrix, count: count)
  }

  /// Zᵀ W v.
  private static func gathered(_ groups: EffectGroups, _ weights: [Double], _ values: [Double]) -> [Double] {
    var sums = Array(repeating: 0.0, count: groups.spreads.count)
    for (row, members) in groups.members.enumerated() where values[row] != 0 {
      for group in members { sums[group] += weights[row] * values[row] }
    }
    return sums
  }

  func vector(_ values: [Double]) -> Vector {
    Vector(
      scaled: zip(values, weights).map { $0 * $1.squareRoot() },
      projected: system.half(Self.gathered(groups, weights, values)))
  }

  /// aᵀ V⁻¹ b.
  func product(_ a: Vector, _ b: Vector) -> Double { dot(a.scaled, b.scaled) - dot(a.projected, b.projected) }
  func product(_ a: [Double], _ b: [Double]) -> Double { product(vector(a), vector(b)) }

  private func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for index in a.indices { sum += a[index] * b[index] }
    return sum
  }
}
