extension VectorFunctions {
  /// log x of a normal number above 0, the polynomial of Cephes' `logf` (Moshier 1992).
  @inline(__always)
  package static func logarithm(_ x: Float) -> Float {
    let bits = Int32(bitPattern: x.bitPattern)
    // The mantissa in √½ ..< √2.
    let shift = (bits &- 0x3F35_04F3) &>> 23
    let m = Float(bitPattern: UInt32(bitPattern: bits &- (shift &<< 23))) - 1
    let n = Float(shift)
    var p: Float = 7.037_683_6e-2
    p = Float(-1.151_461_03e-1).addingProduct(p, m)
    p = Float(1.167_699_87e-1).addingProduct(p, m)
    p = Float(-1.242_014_08e-1).addingProduct(p, m)
    p = Float(1.424_932_28e-1).addingProduct(p, m)
    p = Float(-1.666_805_77e-1).addingProduct(p, m)
    p = Float(2.000_071_48e-1).addingProduct(p, m)
    p = Float(-2.499_999_4e-1).addingProduct(p, m)
    p = Float(3.333_333_1e-1).addingProduct(p, m)
    let square = m * m
    let tail = (p * m * square).addingProduct(n, -2.121_944_4e-4).addingProduct(square, -0.5)
    return (m + tail).addingProduct(n, 0.693_359_375)
  }

  /// log(1 + x) of 0 ≤ x ≤ 1, exact where x is small.
  @inline(__always)
  package static func logarithm1p(_ x: Float) -> Float {
    let sum = 1 + x
    return logarithm(sum) + (x - (sum - 1)) / sum
  }
}
