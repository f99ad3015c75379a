/// A symmetric positive definite system A x = b, factored once as Uᵀ U (Cholesky), in panels of rows that stay in the cache
/// while what is below them is updated (Golub & Van Loan 2013, §4.2.5).
package struct SymmetricSystem {
  package let count: Int
  /// Rows of U, of `count` each; what is left of the diagonal is not read.
  private var factor: [Double]

  /// - Parameter matrix: A by rows, `count`² numbers, of which those right of the diagonal and on it are read.
  /// - Returns: nil if A is not positive definite.
  package init?(_ matrix: [Double], count: Int) {
    precondition(matrix.count == count * count, "a square matrix")
    self.count = count
    factor = matrix
    let isPositive = unsafe factor.withUnsafeMutableBufferPointer { buffer in
      guard let rows = buffer.baseAddress else { return true }
      return unsafe Self.factor(rows, count)
    }
    guard isPositive else { return nil }
  }

  private static func factor(_ a: UnsafeMutablePointer<Double>, _ n: Int) -> Bool {
    let width = 8
    for first in stride(from: 0, to: n, by: width) {
      let end = min(first + width, n)
      for k in first..<end {
        let row = unsafe a + k * n
        for above in first..<k {
          unsafe subtract(a[above * n + k], a + above * n, from: row, k, n)
        }
        let pivot = unsafe row[k]
        guard pivot > 0 else { return false }
        let scale = 1 / pivot.squareRoot()
        for column in k..<n { unsafe row[column] *= scale }
      }
      for below in end..<max(n, end) {
        if end - first == width {
          unsafe subtractPanel(a + first * n, n, from: a + below * n, below)
        } else {
          for above in first..<end {
            unsafe subtract(a[above * n + below], a + above * n, from: a + below * n, below, n)
          }
        }
      }
    }
    return true
  }

  /// row −= factor · source, from a column on.
  private static func subtract(
    _ factor: Double, _ source: UnsafeMutablePointer<Double>, from row: UnsafeMutablePointer<Double>, _ start: Int,
    _ end: Int
  ) {
    for column in start..<end { unsafe row[column] -= factor * source[column] }
  }

  /// row −= Σ of the panel's eight rows, each times its entry in the column `start` of the diagonal, from `start` on.
  private static func subtractPanel(
    _ p: UnsafeMutablePointer<Double>, _ n: Int, from row: UnsafeMutablePointer<Double>, _ start: Int
  ) {
    let (a, b, c, d) = unsafe (p[start], p[n + start], p[2 * n + start], p[3 * n + start])
    let (e, f, g, h) = unsafe (p[4 * n + start], p[5 * n + start], p[6 * n + start], p[7 * n + start])
    for column in start..<n {
      let low = unsafe a * p[column] + b * p[n + column] + c * p[2 * n + column] + d * p[3 * n + column]
      let high = unsafe e * p[4 * n + column] + f * p[5 * n + column] + g * p[6 * n + column] + h * p[7 * n + column]
      unsafe row[column] -= low + high
    }
  }

  /// U⁻ᵀ b.
  package func half(_ b: [Double]) -> [Double] {
    var x = b
    unsafe factor.withUnsafeBufferPointer { rows in
      unsafe x.withUnsafeMutableBufferPointer { x in
        for k in 0..<count {
          let value = unsafe x[k] / rows[k * count + k]
          unsafe x[k] = value
          for column in k + 1..<max(count, k + 1) { unsafe x[column] -= value * rows[k * count + column] }
        }
      }
    }
    return x
  }

  /// A⁻¹ b.
  package func solve(_ b: [Double]) -> [Double] {
    var x = half(b)
    for row in (0..<count).reversed() {
      var sum = x[row]
      for k in row + 1..<max(count, row + 1) { sum -= factor[row * count + k] * x[k] }
      x[row] = sum / factor[row * count + row]
    }
    return x
  }
}
