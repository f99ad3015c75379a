/// Loops over numbers that travel as bfloat16: float32 without its lower 16 bits, rounded to nearest, ties to even.
///
/// Operands of one loop do not overlap, so that the compiler's test for it leads to the vectors.
@safe enum BFloat16Vectors {
  /// `x` rounded, as a Float. What is no number stays so; what is too large becomes infinite, as IEEE 754 has it.
  @inline(__always)
  static func rounded(_ x: Float) -> Float {
    let bits = x.bitPattern
    let even = bits &+ 0x7FFF &+ ((bits >> 16) & 1)
    let kept = (bits & 0x7FFF_FFFF) > 0x7F80_0000 ? bits | 0x0040_0000 : even
    return Float(bitPattern: kept & 0xFFFF_0000)
  }

  /// x[i] ← rounded.
  @unsafe static func round(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
    for i in 0..<count { unsafe x[i] = rounded(x[i]) }
  }

  /// sum[i] ← sum[i] + x[i], added in float32, then rounded.
  @unsafe static func addRounded(_ sum: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ count: Int) {
    for i in 0..<count { unsafe sum[i] = rounded(sum[i] + x[i]) }
  }

  /// sum[i] ← sum[i] + x[i].
  @unsafe static func add(_ sum: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ count: Int) {
    for i in 0..<count { unsafe sum[i] += x[i] }
  }

  /// The upper halves of `x`, rounded.
  @unsafe static func pack(_ x: UnsafePointer<Float>, into packed: UnsafeMutablePointer<UInt16>, _ count: Int) {
    for i in 0..<count { unsafe packed[i] = UInt16(truncatingIfNeeded: rounded(x[i]).bitPattern >> 16) }
  }

  @unsafe static func unpack(_ packed: UnsafePointer<UInt16>, into x: UnsafeMutablePointer<Float>, _ count: Int) {
    for i in 0..<count { unsafe x[i] = Float(bitPattern: UInt32(packed[i]) << 16) }
  }
}
