import Units

/// Fits the constants to measured steps: generalised least squares of the logarithms (Aitken 1936) by Levenberg–Marquardt
/// (Marquardt 1963), with priors and bounds.
///
/// Runs of one framework, model, platform or source share most of what physics leaves, so fifty runs of a group weigh little
/// more than five: residuals have the covariance of `SoftwareEffects`, and an outlier the weight of Student's t.
package struct Fit {
  package struct Run: Sendable {
    package let shape: StepShape
    package let seconds: Double
    /// What its residual shares with others'.
    package let traits: RunTraits

    package init(shape: StepShape, seconds: Double, traits: RunTraits) {
      self.shape = shape
      self.seconds = seconds
      self.traits = traits
    }
  }

  private let runs: [Run]
  private let pattern: EffectPattern

  package init(_ runs: [Run]) {
    self.runs = runs
    pattern = EffectPattern(runs.map(\.traits))
  }

  /// Improves `start` until it moves less than a thousandth, or `iterations` steps.
  package func fitted(from start: Constants, iterations: Int = 40) -> Constants {
    var constants = start
    var damping = 1e-2
    var weights: [Double]?
    for _ in 0..<iterations {
      let base = logResiduals(constants)
      guard
        let covariance = EffectCovariance(
          pattern, residuals: base, weights: weights, rounds: weights == nil ? 4 : 1)
      else { break }
      weights = covariance.weights
      let cost = covariance.quadraticForm(base) + penalty(constants)
      let system = normalEquations(constants, base, covariance)
      var moved = false
      while damping < 1e6 {
        let (candidate, step) = stepped(constants, system, damping: damping)
        let left = logResiduals(candidate)
        let next = covariance.quadraticForm(left) + penalty(candidate)
        if next < cost {
          constants = candidate
          damping = max(damping / 4, 1e-6)
          moved = step > 1e-3
          break
        }
        damping *= 5
      }
      if !moved { break }
    }
    return constants
  }

  /// Logarithms of measured over modelled time.
  package func logResiduals(_ constants: Constants) -> [Double] {
    runs.map { log($0.seconds / $0.shape.breakdown(constants).total.count) }
  }

  /// Σ ((log c − log prior) / spread)².
  private func penalty(_ constants: Constants) -> Double {
    constants.list.reduce(0) { $0 + square(log($1.value / $1.prior) / $1.spread) }
  }

  private struct System {
    var matrix: [Double]
    var right: [Double]
  }

  /// Jᵀ V⁻¹ J and −Jᵀ V⁻¹ r, with the priors; derivatives by the logarithm of each constant.
  private func normalEquations(_ constants: Constants, _ base: [Double], _ covariance: EffectCovariance) -> System {
    let count = constants.list.count
    let step = 1e-4
    let columns: [[Double]] = (0..<count).map { index in
      var moved = constants
      moved[index] *= exp(step)
      var slope = Array(repeating: 0.0, count: runs.count)
      for run in affected(index, constants) {
        slope[run] = (log(runs[run].seconds / runs[run].shape.breakdown(moved).total.count) - base[run]) / step
      }
      return covariance.vector(slope)
    }
    let residuals = covariance.vector(base)
    var system = System(
      matrix: Array(repeating: 0, count: count * count), right: Array(repeating: 0, count: count))
    for a in 0..<count {
      for b in 0...a {
        let sum = covariance.product(columns[a], columns[b])
        system.matrix[a * count + b] = sum
        system.matrix[b * count + a] = sum
      }
      let constant = constants.list[a]
      system.matrix[a * count + a] += 1 / square(constant.spread)
      system.right[a] =
        -covariance.product(columns[a], residuals) - log(constant.value / constant.prior) / square(constant.spread)
    }
    return system
  }

  /// The runs that a constant can move: all for a general one.
  private func affected(_ index: Int, _ constants: Constants) -> [Int] {
    if index < General.allCases.count { return Array(runs.indices) }
    return runs.indices.filter { run in
      let shape = runs[run].shape
      return shape.acceleratorConstant == index || shape.dispatchConstant == index || shape.trafficConstant == index
        || shape.attentionConstant == index
    }
  }

  private func stepped(_ constants: Constants, _ system: System, damping: Double) -> (Constants, Double) {
    let count = constants.list.count
    var matrix = system.matrix
    for index in 0..<count { matrix[index * count + index] *= 1 + damping }
    guard let factored = SymmetricSystem(matrix, count: count) else { return (constants, 0) }
    let move = factored.solve(system.right)
    var result = constants
    var longest = 0.0
    for index in 0..<count {
      let limited = min(1, max(-1, move[index]))
      let constant = constants.list[index]
      result[index] = min(constant.upper, max(constant.lower, constant.value * exp(limited)))
      longest = max(longest, abs(log(result[index] / constant.value)))
    }
    return (result, longest)
  }
}

func square(_ value: Double) -> Double { value * value }
