/// Least squares in the logarithm: constants that must be positive, residuals ln(modelled / measured).
///
/// Levenberg–Marquardt (Marquardt 1963) with numeric derivatives by the logarithm of each constant, bounds, and the soft-ℓ₁
/// loss 2 s² (√(1 + (r/s)²) − 1), which is r² below s and s·|r| above: with a small s one bad point among many moves
/// nothing, and the mean absolute error is what is made small.
package struct LeastSquares: Sendable {
  package struct Variable: Hashable, Sendable {
    package let start: Double
    package let lower: Double
    package let upper: Double

    /// - Precondition: 0 < lower ≤ start ≤ upper.
    package init(_ start: Double, in bounds: ClosedRange<Double>) {
      precondition(bounds.lowerBound > 0 && bounds.contains(start), "a positive start within its bounds")
      self.start = start
      lower = bounds.lowerBound
      upper = bounds.upperBound
    }
  }

  package struct Solution: Hashable, Sendable {
    package let values: [Double]
    package let loss: Double
  }

  private let variables: [Variable]
  private let scale: Double
  private let iterations: Int

  package init(_ variables: [Variable], scale: Double = 0.01, iterations: Int = 60) {
    self.variables = variables
    self.scale = scale
    self.iterations = iterations
  }

  /// The best of descents from the start and from starts around it: the minimum of two curves has kinks, and each side of
  /// one may hold a descent.
  ///
  /// - Parameter residuals: ln(modelled / measured) of each point, for the values of the variables in their order.
  package func solve(_ residuals: ([Double]) -> [Double]) -> Solution {
    let spreads = [1, 0.6, 1.6]
    var best: Solution?
    for odd in spreads {
      for even in spreads {
        let start = variables.enumerated().map { index, variable in
          clamp(variable.start * (index.isMultiple(of: 2) ? even : odd), variable)
        }
        let solution = descend(from: start, residuals)
        if solution.loss < best?.loss ?? .infinity { best = solution }
      }
    }
    return best ?? Solution(values: variables.map(\.start), loss: .infinity)
  }

  private func clamp(_ value: Double, _ variable: Variable) -> Double {
    min(variable.upper, max(variable.lower, value))
  }

  private func loss(_ residuals: [Double]) -> Double {
    let total = residuals.reduce(0) { $0 + 2 * ((1 + square($1 / scale)).squareRoot() - 1) }
    return total.isFinite ? total : .infinity
  }

  private func descend(from start: [Double], _ residuals: ([Double]) -> [Double]) -> Solution {
    var values = start
    var current = residuals(values)
    var loss = loss(current)
    var damping = 1e-2
    for _ in 0..<iterations {
      let (matrix, right) = normalEquations(values, current, residuals)
      var gained = false
      while damping < 1e8 {
        let candidate = stepped(values, matrix, right, damping)
        let next = residuals(candidate)
        let nextLoss = self.loss(next)
        if nextLoss < loss {
          gained = nextLoss < loss * (1 - 1e-7)
          (values, current, loss) = (candidate, next, nextLoss)
          damping = max(damping / 5, 1e-9)
          break
        }
        damping *= 4
      }
      if !gained { break }
    }
    return Solution(values: values, loss: loss)
  }

  private func normalEquations(
    _ values: [Double], _ current: [Double], _ residuals: ([Double]) -> [Double]
  ) -> (matrix: [Double], right: [Double]) {
    let count = values.count
    let move = 1e-5
    let columns = values.indices.map { index in
      var moved = values
      moved[index] *= exp(move)
      return zip(residuals(moved), current).map { ($0 - $1) / move }
    }
    let weights = current.map { 1 / (1 + square($0 / scale)).squareRoot() }
    var matrix = Array(repeating: 0.0, count: count * count)
    var right = Array(repeating: 0.0, count: count)
    for row in 0..<count {
      for column in 0...row {
        var sum = row == column ? 1e-9 : 0
        for point in current.indices { sum += weights[point] * columns[row][point] * columns[column][point] }
        matrix[row * count + column] = sum
        matrix[column * count + row] = sum
      }
      for point in current.indices { right[row] -= weights[point] * columns[row][point] * current[point] }
    }
    return (matrix, right)
  }

  private func stepped(_ values: [Double], _ matrix: [Double], _ right: [Double], _ damping: Double) -> [Double] {
    let count = values.count
    var damped = matrix
    for index in 0..<count { damped[index * count + index] *= 1 + damping }
    guard let factored = SymmetricSystem(damped, count: count) else { return values }
    let move = factored.solve(right)
    return values.indices.map { clamp(values[$0] * exp(min(1, max(-1, move[$0]))), variables[$0]) }
  }
}
