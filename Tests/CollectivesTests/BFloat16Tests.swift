import Collectives
import Testing

@Suite("Rounding to bfloat16")
struct BFloat16Tests {
  /// What one rank's sum of one shard makes of `x`.
  private func rounded(_ x: [Float]) throws -> [Float] {
    let reducer = try BFloat16Reducer(
      group: InProcessGroup.solo(), shardCount: 1, range: 0..<1, maximumCount: x.count, isReproducible: true)
    var slots = x
    var span = slots.mutableSpan
    for step in reducer.schedule.steps { try reducer.merge(step, &span, stride: x.count, elements: 0..<x.count) }
    try reducer.allReduce(&span, stride: x.count, elements: 0..<x.count)
    return slots
  }

  @Test("To nearest, ties to even; infinities stay, what is too large becomes one; what is no number stays none")
  func values() throws {
    let pairs: [(UInt32, UInt32)] = [
      (0x3F80_0000, 0x3F80_0000), (0x3F80_7FFF, 0x3F80_0000), (0x3F80_8000, 0x3F80_0000), (0x3F80_8001, 0x3F81_0000),
      (0x3F81_8000, 0x3F82_0000), (0xBF81_8000, 0xBF82_0000), (0x0000_0001, 0x0000_0000), (0x8000_0000, 0x8000_0000),
      (0x0000_8001, 0x0001_0000), (0x7F7F_FFFF, 0x7F80_0000), (0xFF80_0000, 0xFF80_0000), (0x3FFF_FFFF, 0x4000_0000),
    ]
    let actual = try rounded(pairs.map { Float(bitPattern: $0.0) })
    #expect(actual.map(\.bitPattern) == pairs.map(\.1))
    // The lower bits of what is no number may be all it is told by.
    let none = try rounded([0x7F80_0001, 0xFF80_0001, 0x7FFF_FFFF, 0xFFFF_FFFF].map { Float(bitPattern: $0) })
    let areNone = none.allSatisfy { $0.isNaN }
    #expect(areNone)
  }
}
