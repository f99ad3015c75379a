// Transcendental functions that the compiler turns into vector code when they stand in a loop, as `expf` and `logf` of
// the C library do not. Polynomials are those of Cephes (Moshier 1992).

/// eˣ within 2 units in the last place; e⁻⁸⁸ (6·10⁻³⁹) below −88, infinite above 88.7, nan of nan.
@inline(__always)
func exponential(_ x: Float) -> Float {
  let clamped = x < -88 ? -88 : (x > 89 ? 89 : x)
  // Adding 1.5 · 2²³ rounds to a whole number, which is then in the low bits.
  let shifted = clamped * 1.442_695_04 + 12_582_912
  let n = shifted - 12_582_912
  let r = (clamped - n * 0.693_359_375) + n * 2.121_944_4e-4
  var p: Float = 1.987_569_15e-4
  p = p * r + 1.398_199_95e-3
  p = p * r + 8.333_451_9e-3
  p = p * r + 4.166_579_6e-2
  p = p * r + 1.666_666_55e-1
  p = p * r + 5.000_000_1e-1
  let y = p * (r * r) + (r + 1)
  // 2ⁿ in two factors, so that n = 128 is in range.
  let bits = Int32(bitPattern: shifted.bitPattern) &- 0x4B40_0000
  let half = bits &>> 1
  let first = Float(bitPattern: UInt32(bitPattern: (half &+ 127) &<< 23))
  let second = Float(bitPattern: UInt32(bitPattern: (bits &- half &+ 127) &<< 23))
  return y * first * second
}

/// log x of a normal number above 0, within 2 units in the last place.
@inline(__always)
func logarithm(_ x: Float) -> Float {
  let bits = Int32(bitPattern: x.bitPattern)
  // The mantissa in √½ ..< √2.
  let shift = (bits &- 0x3F35_04F3) &>> 23
  let m = Float(bitPattern: UInt32(bitPattern: bits &- (shift &<< 23))) - 1
  let n = Float(shift)
  var p: Float = 7.037_683_6e-2
  p = p * m - 1.151_461_03e-1
  p = p * m + 1.167_699_87e-1
  p = p * m - 1.242_014_08e-1
  p = p * m + 1.424_932_28e-1
  p = p * m - 1.666_805_77e-1
  p = p * m + 2.000_071_48e-1
  p = p * m - 2.499_999_4e-1
  p = p * m + 3.333_333_1e-1
  let square = m * m
  let tail = p * m * square - 2.121_944_4e-4 * n - 0.5 * square
  return m + tail + 0.693_359_375 * n
}

/// log(1 + x) of 0 ≤ x ≤ 1, exact where x is small.
@inline(__always)
func logarithm1p(_ x: Float) -> Float {
  let sum = 1 + x
  return logarithm(sum) + (x - (sum - 1)) / sum
}
