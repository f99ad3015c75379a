/// Philox4x32-10: a counter-based generator. The n-th number is a function of (key, n), so it can be computed anywhere,
/// in any order, on any rank, with the same bits.
///
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
package struct Philox: Sendable, Hashable {
  @usableFromInline let key: SIMD2<UInt32>

  /// The generator whose 64-bit key is `seed`: its low half is the first key word.
  @inlinable
  package init(seed: UInt64) {
    key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
  }

  /// The four random words at place `counter`, a 128-bit number with its lowest word first.
  @inlinable
  package func block(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var words = counter
    var roundKey = key
    for _ in 0..<10 {
      let first = UInt64(words.x) &* 0xD251_1F53
      let second = UInt64(words.z) &* 0xCD9E_8D57
      words = SIMD4(
        UInt32(truncatingIfNeeded: second >> 32) ^ words.y ^ roundKey.x,
        UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ words.w ^ roundKey.y,
        UInt32(truncatingIfNeeded: first))
      roundKey = roundKey &+ SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return words
  }
}

/// What a random number is for. The raw value is the last word of the counter, so that two uses of one seed never
/// share a number. Raw values are part of what a seed means: never renumber them.
package enum RandomPurpose: UInt32, Sendable, CaseIterable {
  case initialisation = 1
  case dataOrder = 2
  case dropout = 3
  case test = 4
  case augmentation = 5
  /// Tokens of a text that is written.
  case sampling = 6
}
