/// eˣ, sigmoid and tanh as polynomials that a loop over an array vectorises with; the C library's functions do not.
///
/// Relative errors below 4·10⁻⁷, measured over all magnitudes by a test. What is not a number stays so.
package enum VectorFunctions {
  /// eˣ, kept within 2^±126: Cody & Waite's reduction to |f| ≤ ½ ln 2, then the polynomial of Cephes' `expf`.
  @inline(__always)
  package static func exponential(_ x: Float) -> Float {
    let high: Float = 87.3
    let low: Float = -87.3
    var x = x > high ? high : x
    x = x < low ? low : x
    // Adding 1.5 · 2²³ leaves the nearest whole number in the low bits of the sum.
    let shifter: Float = 12_582_912
    let shifted = shifter.addingProduct(x, 1.442_695_04)
    let whole = shifted - shifter
    let f = x.addingProduct(whole, -0.693_359_375).addingProduct(whole, 2.121_944_4e-4)
    var p: Float = 1.987_569_15e-4
    p = Float(1.398_199_95e-3).addingProduct(p, f)
    p = Float(8.333_452e-3).addingProduct(p, f)
    p = Float(4.166_579_6e-2).addingProduct(p, f)
    p = Float(1.666_666_55e-1).addingProduct(p, f)
    p = Float(0.5).addingProduct(p, f)
    p = (f + 1).addingProduct(p, f * f)
    return p * Float(bitPattern: (shifted.bitPattern &+ 127) &<< 23)
  }

  /// 1 / (1 + e⁻ˣ).
  @inline(__always)
  package static func sigmoid(_ x: Float) -> Float { 1 / (1 + exponential(-x)) }

  /// tanh x: x P(x²) / Q(x²), the minimax quotient of degrees 13 and 6 of Eigen's `ptanh`.
  @inline(__always)
  package static func tangent(_ x: Float) -> Float {
    let limit: Float = 7.905_311
    var x = x > limit ? limit : x
    x = x < -limit ? -limit : x
    let square = x * x
    var p: Float = -2.760_768_5e-16
    p = Float(2.000_187_9e-13).addingProduct(p, square)
    p = Float(-8.604_672e-11).addingProduct(p, square)
    p = Float(5.122_297e-8).addingProduct(p, square)
    p = Float(1.485_722_4e-5).addingProduct(p, square)
    p = Float(6.372_619_3e-4).addingProduct(p, square)
    p = Float(4.893_524_6e-3).addingProduct(p, square)
    var q: Float = 1.198_258_4e-6
    q = Float(1.185_347_06e-4).addingProduct(q, square)
    q = Float(2.268_434_6e-3).addingProduct(q, square)
    q = Float(4.893_525e-3).addingProduct(q, square)
    return x * p / q
  }
}
