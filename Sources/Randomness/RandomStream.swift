/// A sequential generator over one (seed, purpose, stream) triple; triples that differ never overlap.
///
/// Its n-th block is Philox at counter (n, stream low, stream high, purpose). Integers, uniform and normal values are
/// the same bits on every platform: only IEEE arithmetic that rounds correctly is used, never the C library's `log`
/// and `cos`, whose last bit depends on the machine.
package struct RandomStream: RandomNumberGenerator, Sendable {
  private let generator: Philox
  private var counter: SIMD4<UInt32>
  private var pending: UInt64?
  private var pendingNormal: Double?

  package init(seed: UInt64, purpose: RandomPurpose, stream: UInt64 = 0) {
    generator = Philox(seed: seed)
    counter = SIMD4(
      0, UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32), purpose.rawValue)
  }

  /// The next 64 random bits; a block gives two of them, its first word lowest.
  /// A stream has 2³³ of them and traps at its end.
  package mutating func next() -> UInt64 {
    if let second = pending {
      pending = nil
      return second
    }
    let words = generator.block(counter)
    counter.x += 1
    pending = UInt64(words.w) << 32 | UInt64(words.z)
    return UInt64(words.y) << 32 | UInt64(words.x)
  }

  /// A value of `range` from 24 random bits: lower + (upper − lower) · k / 2²⁴, never the upper bound itself.
  package mutating func uniform(in range: Range<Float>) -> Float {
    precondition(!range.isEmpty, "a uniform value needs a range that is not empty")
    let fraction = Float(next() >> 40) * 0x1p-24
    let value = range.lowerBound + (range.upperBound - range.lowerBound) * fraction
    return value < range.upperBound ? value : range.upperBound.nextDown
  }

  /// A normal value of mean 0 and deviation 1, by Box and Muller's transform; every second call returns the sine half.
  package mutating func normal() -> Double {
    if let sineHalf = pendingNormal {
      pendingNormal = nil
      return sineHalf
    }
    let radiusFraction = Double((next() >> 11) + 1) * 0x1p-53  // (0, 1]
    let turn = Double(next() >> 11) * 0x1p-53  // [0, 1)
    let radius = (-2 * naturalLogarithm(radiusFraction)).squareRoot()
    let (sine, cosine) = sineAndCosine(turns: turn)
    pendingNormal = radius * sine
    return radius * cosine
  }

  /// An integer of 0..<`bound`, each equally likely (Lemire's multiplication with rejection, 2019).
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "a random integer needs a positive bound")
    let width = UInt64(bound)
    var product = next().multipliedFullWidth(by: width)
    if product.low < width {
      let threshold = (0 &- width) % width
      while product.low < threshold { product = next().multipliedFullWidth(by: width) }
    }
    return Int(product.high)
  }
}

/// The permutation of 0..<`count` (Fisher–Yates) that belongs to (seed, purpose, stream).
package func seededPermutation(count: Int, seed: UInt64, purpose: RandomPurpose, stream: UInt64) -> [UInt32] {
  precondition(count >= 0 && count <= Int(UInt32.max), "a permutation has 0 to 2³² − 1 elements")
  var random = RandomStream(seed: seed, purpose: purpose, stream: stream)
  var permutation = (0..<UInt32(count)).map { $0 }
  for last in stride(from: count - 1, to: 0, by: -1) {
    permutation.swapAt(last, random.below(last + 1))
  }
  return permutation
}

/// ln x for a normal x > 0, within 1e-15 of its magnitude: 2 artanh((m − 1)/(m + 1)) of the significand, by its series.
package func naturalLogarithm(_ x: Double) -> Double {
  var significand = x.significand
  var exponent = Double(x.exponent)
  if significand > 1.414_213_562_373_095_1 {
    significand *= 0.5
    exponent += 1
  }
  let ratio = (significand - 1) / (significand + 1)
  let square = ratio * ratio
  var series = 0.0
  for odd in stride(from: 23.0, through: 3, by: -2) { series = (series + 1 / odd) * square }
  return exponent * 0.693_147_180_559_945_3 + 2 * ratio * (1 + series)
}

/// Sine and cosine of 2π · `turns`, 0 ≤ turns < 1: exact reduction to an eighth of a turn, then Taylor's series.
package func sineAndCosine(turns: Double) -> (sine: Double, cosine: Double) {
  let quarter = (turns * 4).rounded()
  let angle = (turns - quarter * 0.25) * (2 * Double.pi)
  let square = angle * angle
  var sine = 1.0
  var cosine = 1.0
  for degree in stride(from: 18.0, through: 2, by: -2) {
    sine = 1 - sine * square / (degree * (degree + 1))
    cosine = 1 - cosine * square / (degree * (degree - 1))
  }
  sine *= angle
  switch Int(quarter) & 3 {
  case 0: return (sine, cosine)
  case 1: return (cosine, -sine)
  case 2: return (-sine, -cosine)
  default: return (-cosine, sine)
  }
}
