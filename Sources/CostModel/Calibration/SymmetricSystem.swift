/// A symmetric positive definite system A x = b, factored once as L Lᵀ (Cholesky).
struct SymmetricSystem {
  let count: Int
  /// Rows of L, of `count` each; what is right of the diagonal is not read.
  private var factor: [Double]

  /// - Parameter matrix: A by rows, `count`² numbers.
  /// - Returns: nil if A is not positive definite.
  init?(_ matrix: [Double], count: Int) {
    precondition(matrix.count == count * count, "a square matrix")
    self.count = count
    factor = matrix
    for row in 0..<count {
      for column in 0...row {
        var sum = factor[row * count + column]
        for k in 0..<column { sum -= factor[row * count + k] * factor[column * count + k] }
        if row == column {
          guard sum > 0 else { return nil }
          factor[row * count + row] = sum.squareRoot()
        } else {
          factor[row * count + column] = sum / factor[column * count + column]
        }
      }
    }
  }

  /// L⁻¹ b.
  func half(_ b: [Double]) -> [Double] {
    var x = b
    for row in 0..<count {
      var sum = x[row]
      for k in 0..<row { sum -= factor[row * count + k] * x[k] }
      x[row] = sum / factor[row * count + row]
    }
    return x
  }

  /// A⁻¹ b.
  func solve(_ b: [Double]) -> [Double] {
    var x = half(b)
    for row in (0..<count).reversed() {
      var sum = x[row]
      for k in row + 1..<max(count, row + 1) { sum -= factor[k * count + row] * x[k] }
      x[row] = sum / factor[row * count + row]
    }
    return x
  }
}
