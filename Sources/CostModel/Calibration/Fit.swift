/// Fits the constants to measured steps: least squares of the logarithms, Levenberg–Marquardt (Marquardt 1963) with
/// priors, bounds and a soft-ℓ₁ loss.
///
/// Runs of one cluster (source, model, platform) share most of their residual, so a cluster of fifty weighs little more
/// than one of five: residuals are whitened with the covariance σ² I + τ² 1 1ᵀ of a cluster.
package struct Fit {
  package struct Run: Sendable {
    package let shape: StepShape
    package let seconds: Double
    package let cluster: Int

    package init(shape: StepShape, seconds: Double, cluster: Int) {
      self.shape = shape
      self.seconds = seconds
      self.cluster = cluster
    }
  }

  /// Standard deviations of the logarithm: of a run within its cluster, and of clusters.
  static let withinCluster = 0.1
  static let betweenClusters = 0.2

  private let runs: [Run]
  private let clusters: [[Int]]

  package init(_ runs: [Run]) {
    self.runs = runs
    var byCluster: [Int: [Int]] = [:]
    for (index, run) in runs.enumerated() { byCluster[run.cluster, default: []].append(index) }
    clusters = byCluster.keys.sorted().map { byCluster[$0]! }
  }

  /// Improves `start` until it moves less than a thousandth, or `iterations` steps.
  package func fitted(from start: Constants, iterations: Int = 40) -> Constants {
    var constants = start
    var damping = 1e-2
    var cost = self.cost(residuals(constants), constants)
    for _ in 0..<iterations {
      let system = normalEquations(constants)
      var moved = false
      while damping < 1e6 {
        let (candidate, step) = stepped(constants, system, damping: damping)
        let next = self.cost(residuals(candidate), candidate)
        if next < cost {
          let gain = cost - next
          constants = candidate
          cost = next
          damping = max(damping / 4, 1e-6)
          moved = step > 1e-3 && gain > 1e-4 * cost
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

  private func residuals(_ constants: Constants) -> [Double] { whitened(logResiduals(constants)) }

  /// Σ within a cluster is σ² I + τ² 1 1ᵀ, whose inverse root takes all but a share of the mean away.
  private func whitened(_ values: [Double]) -> [Double] {
    var result = values
    for members in clusters {
      let n = Double(members.count)
      let mean = members.reduce(0) { $0 + values[$1] } / n
      let ratio = Self.withinCluster / (Self.withinCluster * Self.withinCluster
        + n * Self.betweenClusters * Self.betweenClusters).squareRoot()
      for member in members { result[member] = (values[member] - (1 - ratio) * mean) / Self.withinCluster }
    }
    return result
  }

  /// Σ 2(√(1 + r²) − 1) + Σ ((log c − log prior) / spread)².
  private func cost(_ residuals: [Double], _ constants: Constants) -> Double {
    let misfit = residuals.reduce(0) { $0 + 2 * ((1 + $1 * $1).squareRoot() - 1) }
    return misfit + constants.list.reduce(0) { $0 + square(log($1.value / $1.prior) / $1.spread) }
  }

  private struct System {
    var matrix: [Double]
    var right: [Double]
  }

  /// Jᵀ W J and Jᵀ W r of the whitened residuals, with the priors; derivatives by the logarithm of each constant.
  private func normalEquations(_ constants: Constants) -> System {
    let base = logResiduals(constants)
    let r = whitened(base)
    let count = constants.list.count
    let step = 1e-4
    let columns: [[Double]] = (0..<count).map { index in
      var moved = constants
      moved[index] *= exp(step)
      let affected = self.affected(index, constants)
      var slope = Array(repeating: 0.0, count: runs.count)
      for run in affected {
        slope[run] = (log(runs[run].seconds / runs[run].shape.breakdown(moved).total.count) - base[run]) / step
      }
      return whitened(slope)
    }
    let weights = r.map { 1 / (1 + $0 * $0).squareRoot() }
    var system = System(
      matrix: Array(repeating: 0, count: count * count), right: Array(repeating: 0, count: count))
    for a in 0..<count {
      for b in 0...a {
        var sum = 0.0
        for row in r.indices { sum += weights[row] * columns[a][row] * columns[b][row] }
        system.matrix[a * count + b] = sum
        system.matrix[b * count + a] = sum
      }
      for row in r.indices { system.right[a] -= weights[row] * columns[a][row] * r[row] }
      let constant = constants.list[a]
      system.matrix[a * count + a] += 1 / square(constant.spread)
      system.right[a] -= log(constant.value / constant.prior) / square(constant.spread)
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
