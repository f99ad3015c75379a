/// What is left of a run's time when the step is priced by physics: its framework, its version, its model's implementation,
/// its cluster. The logarithms are a Gaussian process over runs (kriging; Rasmussen & Williams 2006, §2.2): runs that share
/// something share a part of what is left, drawn towards nothing by how few they are, so that a run of a known kind is
/// predicted by its like and any other is not.
package struct SoftwareEffects: Sendable {
  /// A part of the residual that runs of one label share, with standard deviation `spread` of the logarithm.
  package struct Factor: Hashable, Sendable {
    /// What of a step's time the part is of.
    package enum Part: Hashable, Sendable { case step, products, communication }
    /// Along what the part changes smoothly, e-fold by e-fold: by exp(−½ (Δ/length)²) alike.
    package enum Curve: Hashable, Sendable { case batch(length: Double), ranks(length: Double) }

    package let label: RunTraits.Label
    package let spread: Double
    package let part: Part
    package let curve: Curve?

    package init(_ label: RunTraits.Label, _ spread: Double, of part: Part = .step, along curve: Curve? = nil) {
      self.label = label
      self.spread = spread
      self.part = part
      self.curve = curve
    }
  }

  /// Chosen by how well left-out clusters and sources are predicted; each may be off by half without moving the errors by
  /// more than a fortieth. See the article on calibration.
  package static let factors: [Factor] = [
    Factor(.frameworkAndArithmetic, 0.17),
    Factor(.modelAndFramework, 0.28),
    Factor(.modelAndFramework, 0.4, of: .products),
    Factor(.platform, 0.12),
    Factor(.platform, 0.3, of: .communication),
    Factor(.port, 0.27),
    Factor(.task, 0.2),
    Factor(.framework, 0.4, of: .communication),
    Factor(.familyAndAccelerator, 0.2, along: .batch(length: 1)),
    Factor(.familyAndAccelerator, 0.12, along: .ranks(length: 1.5)),
    Factor(.sequence, 0.12),
  ]
  /// Of one run beside its like, standard deviation of the logarithm.
  package static let noise = 0.15

  package struct Estimate: Hashable, Sendable {
    /// Of the logarithm of the factor.
    package var mean: Double
    package var deviation: Double
    /// Labels that no calibrated run has.
    package var unknown: Int
  }

  private let covariance: EffectCovariance?

  /// - Parameters:
  ///   - residuals: logarithm of measured over modelled time of each run.
  ///   - weights: of each run, as found before; found if nil.
  package init(_ traits: [RunTraits], residuals: [Double], weights: [Double]? = nil) {
    covariance = EffectCovariance(EffectPattern(traits), residuals: residuals, weights: weights)
  }

  /// Whether any calibrated run has this label.
  func has(_ label: RunTraits.Label, _ value: String?) -> Bool { covariance?.pattern.has(label, value) ?? false }

  /// How much each run counts: less than 1 for an outlier.
  package var weights: [Double] { covariance?.weights ?? [] }

  /// The mean of `estimate(traits)` alone, which takes a hundredth of the time.
  package func mean(_ traits: RunTraits) -> Double {
    guard let covariance else { return 0 }
    return zip(covariance.pattern.covariances(with: traits), covariance.solved).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The factor of a run.
  package func estimate(_ traits: RunTraits) -> Estimate {
    let own = Self.factors.reduce(0) { $0 + square($1.spread * EffectPattern.slope(traits, $1.part)) }
    let free = Estimate(mean: 0, deviation: (own + square(Self.noise)).squareRoot(), unknown: traits.labels.count)
    guard let covariance else { return free }
    let shared = covariance.pattern.covariances(with: traits)
    let explained = covariance.system.half(shared).reduce(0) { $0 + square($1) }
    return Estimate(
      mean: zip(shared, covariance.solved).reduce(0) { $0 + $1.0 * $1.1 },
      deviation: (max(0, own - explained) + square(Self.noise)).squareRoot(),
      unknown: RunTraits.Label.allCases.count { !covariance.pattern.has($0, traits[$0]) })
  }
}

/// Runs, and how their residuals vary together.
struct EffectPattern: Sendable {
  private let traits: [RunTraits]
  /// Number of each run's label under each kind; −1 where it has none.
  private let labels: [[Int]]
  private let numbers: [[String: Int]]

  var count: Int { traits.count }

  init(_ traits: [RunTraits]) {
    self.traits = traits
    var numbers: [[String: Int]] = Array(repeating: [:], count: RunTraits.Label.allCases.count)
    labels = traits.map { run in
      run.labels.enumerated().map { kind, label in
        guard let label else { return -1 }
        let number = numbers[kind][label] ?? numbers[kind].count
        numbers[kind][label] = number
        return number
      }
    }
    self.numbers = numbers
  }

  func has(_ label: RunTraits.Label, _ value: String?) -> Bool {
    value.map { numbers[label.rawValue][$0] != nil } ?? false
  }

  static func slope(_ traits: RunTraits, _ part: SoftwareEffects.Factor.Part) -> Double {
    switch part {
    case .step: 1
    case .products: traits.products
    case .communication: traits.communication
    }
  }

  private static func likeness(_ a: RunTraits, _ b: RunTraits, _ curve: SoftwareEffects.Factor.Curve?) -> Double {
    switch curve {
    case .none: 1
    case .batch(let length): exp(-0.5 * square((a.logBatch - b.logBatch) / length))
    case .ranks(let length): exp(-0.5 * square((a.logRanks - b.logRanks) / length))
    }
  }

  private func covariance(_ a: RunTraits, _ labelsOfA: [Int], _ index: Int) -> Double {
    let b = traits[index]
    let labelsOfB = labels[index]
    var sum = 0.0
    for factor in SoftwareEffects.factors {
      let kind = factor.label.rawValue
      guard labelsOfA[kind] >= 0, labelsOfA[kind] == labelsOfB[kind] else { continue }
      sum +=
        factor.spread * factor.spread * Self.slope(a, factor.part) * Self.slope(b, factor.part)
        * Self.likeness(a, b, factor.curve)
    }
    return sum
  }

  /// Of every run's residual with that of `other`, but for its noise.
  func covariances(with other: RunTraits) -> [Double] {
    let own = other.labels.enumerated().map { kind, label in label.flatMap { numbers[kind][$0] } ?? -1 }
    return traits.indices.map { covariance(other, own, $0) }
  }

  /// Of all runs, by rows; only the diagonal and what is right of it.
  var matrix: [Double] {
    var result = Array(repeating: 0.0, count: count * count)
    for row in traits.indices {
      for column in row..<count { result[row * count + column] = covariance(traits[row], labels[row], column) }
    }
    return result
  }
}

/// V = K + σ² W⁻¹ of residuals, and products with its inverse.
struct EffectCovariance: Sendable {
  let pattern: EffectPattern
  let system: SymmetricSystem
  /// V⁻¹ r.
  let solved: [Double]
  let weights: [Double]

  /// Weights are those of Student's t with four degrees of freedom (Lange, Little & Taylor 1989): an outlier tells little
  /// about its like.
  ///
  /// - Parameters:
  ///   - start: weights of an earlier fit, to go on from with `rounds` of improvement, or none if they stand.
  init?(_ pattern: EffectPattern, residuals: [Double], weights start: [Double]? = nil, rounds: Int? = nil) {
    let variance = square(SoftwareEffects.noise)
    let shared = pattern.matrix
    var weights = start ?? Array(repeating: 1, count: pattern.count)
    func factored() -> SymmetricSystem? {
      var matrix = shared
      for row in 0..<pattern.count { matrix[row * pattern.count + row] += variance / weights[row] }
      return SymmetricSystem(matrix, count: pattern.count)
    }
    for _ in 0..<(rounds ?? (start == nil ? 4 : 0)) {
      guard let system = factored() else { return nil }
      let solved = system.solve(residuals)
      for row in weights.indices {
        let left = variance / weights[row] * solved[row]
        weights[row] = 5 / (4 + left * left / variance)
      }
    }
    guard let system = factored() else { return nil }
    self.pattern = pattern
    self.system = system
    self.weights = weights
    solved = system.solve(residuals)
  }

  /// U⁻ᵀ v, whose products are those of V⁻¹.
  func vector(_ values: [Double]) -> [Double] { system.half(values) }

  /// aᵀ V⁻¹ b of two such vectors.
  func product(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for index in a.indices { sum += a[index] * b[index] }
    return sum
  }

  /// rᵀ V⁻¹ r.
  func quadraticForm(_ residuals: [Double]) -> Double {
    let half = vector(residuals)
    return product(half, half)
  }
}
