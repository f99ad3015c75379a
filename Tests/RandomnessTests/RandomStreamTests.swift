import Randomness
import TestSupport
import Testing

/// Golden values are from an independent Python implementation of the same definitions.
@Suite struct RandomStreamTests {
  @Test func bitsAreTheSameOnEveryPlatform() {
    var random = RandomStream(seed: 0x0123_4567_89ab_cdef, purpose: .test, stream: 0xfedc_ba98_7654_3210)
    #expect(
      (0..<5).map { _ in random.next() } == [
        0xe061_15e8_607d_5c55, 0xc84d_114c_407f_7e0c, 0x712b_6f9f_7207_b9ce, 0x8f72_0d76_3021_4515,
        0x2e9e_613d_9c9a_05c4,
      ])
  }

  @Test func normalsAreBoxAndMullersPairs() {
    var random = RandomStream(seed: 42, purpose: .initialisation, stream: 7)
    let values = (0..<6).map { _ in random.normal() }
    expectClose(
      values,
      [
        0.346083168529016, 2.5157311992232705, -0.5169152669544225, 0.626647492405942, -1.2638476581836908,
        -0.9135397080818717,
      ], relative: 1e-14)
  }

  @Test func uniformsAreLowerPlusWidthTimesFraction() {
    var random = RandomStream(seed: 42, purpose: .initialisation, stream: 7)
    let values = (0..<4).map { _ in random.uniform(in: -2..<3) }
    expectClose(
      values, [-1.8010897636413574, -0.8587900996208191, 1.5948190093040466, -0.20112675428390503], relative: 1e-7)
  }

  @Test func uniformNeverReturnsItsUpperBound() {
    var random = RandomStream(seed: 3, purpose: .test)
    let range = Float(16_777_214)..<Float(16_777_215)  // its only value is its lower bound
    #expect((0..<200).allSatisfy { _ in random.uniform(in: range) == range.lowerBound })
  }

  @Test func boundedIntegersRejectWhatWouldBias() {
    var random = RandomStream(seed: 5, purpose: .test)  // this bound rejects a quarter of all draws
    #expect(
      (0..<6).map { _ in random.below(6_917_529_027_641_081_856) } == [
        4_199_832_537_002_172_521, 2_328_019_272_829_020_051, 6_375_934_339_734_065_010, 4_594_489_546_117_658_264,
        5_684_634_778_634_663_135, 2_176_649_078_393_396_070,
      ])
  }

  @Test func momentsOfNormalAndUniformAreRight() {
    var random = RandomStream(seed: 11, purpose: .test)
    let count = 100_000
    var (sum, squares, fourths, uniformSum) = (0.0, 0.0, 0.0, 0.0)
    for _ in 0..<count {
      let value = random.normal()
      sum += value
      squares += value * value
      fourths += value * value * value * value
      uniformSum += Double(random.uniform(in: 0..<1))
    }
    // Four standard errors each: σ = 1/√n, √(2/n), √(96/n), √(1/12n).
    #expect(abs(sum / Double(count)) < 0.0127)
    #expect(abs(squares / Double(count) - 1) < 0.0179)
    #expect(abs(fourths / Double(count) - 3) < 0.124)
    #expect(abs(uniformSum / Double(count) - 0.5) < 0.00366)
  }

  @Test(
    arguments: [
      (1, .test, 0), (2, .dropout, 0), (2, .test, 1), (2, .test, 1 << 32),
      (2 | 1 << 32, .test, 0),
    ] as [(UInt64, RandomPurpose, UInt64)])
  func seedPurposeAndStreamEachChangeTheSequence(seed: UInt64, purpose: RandomPurpose, stream: UInt64) {
    var base = RandomStream(seed: 2, purpose: .test)
    var other = RandomStream(seed: seed, purpose: purpose, stream: stream)
    #expect((0..<4).allSatisfy { _ in base.next() != other.next() })
  }

  @Test func permutationIsTheGoldenOne() {
    #expect(
      seededPermutation(count: 11, seed: 9, purpose: .dataOrder, stream: 3) == [1, 8, 10, 3, 5, 4, 0, 9, 2, 7, 6])
  }

  @Test(arguments: [0, 1, 2, 1009])
  func permutationHoldsEachIndexOnce(count: Int) {
    let permutation = seededPermutation(count: count, seed: 77, purpose: .dataOrder, stream: 1)
    #expect(permutation.sorted() == (0..<UInt32(count)).map { $0 })
  }

  @Test(
    arguments: [(1.0, 0.0), (0.5, -0.6931471805599453), (1e-16, -36.841361487904734), (0.75, -0.2876820724517809)]
      as [(Double, Double)])
  func logarithmIsThatOfTheTables(x: Double, expected: Double) {
    expectClose([naturalLogarithm(x)], [expected], relative: 4e-16, absolute: 1e-17)
  }

  @Test(
    arguments: [
      (0.0, 0.0, 1.0), (1.0 / 12, 0.5, 0.8660254037844386), (0.25, 1, 0),
      (0.4, 0.5877852522924731, -0.8090169943749475),
      (0.7, -0.9510565162951536, -0.30901699437494734), (0.95, -0.3090169943749476, 0.9510565162951535),
    ] as [(Double, Double, Double)])
  func sineAndCosineAreThoseOfTheTables(turns: Double, sine: Double, cosine: Double) {
    let actual = sineAndCosine(turns: turns)
    expectClose([actual.sine, actual.cosine], [sine, cosine], relative: 1e-15)
  }
}
