/// Sums of squares, always in the same order of additions.
@safe enum Norms {
  /// Floats that are worked on while they are in the first-level cache.
  static let block = 2048

  /// Σ x², in double precision over eight lanes.
  /// - Parameter count: a multiple of 16, as the ranges of a store are.
  @unsafe static func sumOfSquares(_ x: UnsafeMutablePointer<Float>, _ count: Int) -> Double {
    precondition(count % 16 == 0)
    var (a0, a1, a2, a3, a4, a5, a6, a7) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    var i = 0
    while i < count {
      let (x0, x1, x2, x3) = unsafe (Double(x[i]), Double(x[i + 1]), Double(x[i + 2]), Double(x[i + 3]))
      let (x4, x5, x6, x7) = unsafe (Double(x[i + 4]), Double(x[i + 5]), Double(x[i + 6]), Double(x[i + 7]))
      a0 += x0 * x0
      a1 += x1 * x1
      a2 += x2 * x2
      a3 += x3 * x3
      a4 += x4 * x4
      a5 += x5 * x5
      a6 += x6 * x6
      a7 += x7 * x7
      i += 8
    }
    return ((a0 + a4) + (a1 + a5)) + ((a2 + a6) + (a3 + a7))
  }
}
