/// Many Philox-4x32-10 blocks at a time (Salmon et al. 2011): the same words as `Philox.block`.
///
/// A plain loop over the blocks, which the compiler turns into SIMD instructions; SIMD types of the standard library
/// were slower by a factor of 14 here.
struct PhiloxBlocks {
  private let key: (UInt32, UInt32)

  init(seed: UInt64) { key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)) }

  /// Writes the words of the blocks at counters (first, rest), (first + 1, rest) … to `words`, four a block.
  /// - Precondition: `words` has room for 4 · `count` words.
  @inline(__always)
  func write(
    _ words: UnsafeMutablePointer<UInt32>, count: Int, first: UInt32, _ rest: (UInt32, UInt32, UInt32)
  ) {
    for block in 0..<count {
      var (c0, c1, c2, c3) = (first &+ UInt32(truncatingIfNeeded: block), rest.0, rest.1, rest.2)
      var (key0, key1) = key
      for _ in 0..<10 {
        let a = UInt64(c0) &* 0xD251_1F53
        let b = UInt64(c2) &* 0xCD9E_8D57
        c0 = UInt32(truncatingIfNeeded: b &>> 32) ^ c1 ^ key0
        c1 = UInt32(truncatingIfNeeded: b)
        c2 = UInt32(truncatingIfNeeded: a &>> 32) ^ c3 ^ key1
        c3 = UInt32(truncatingIfNeeded: a)
        key0 &+= 0x9E37_79B9
        key1 &+= 0xBB67_AE85
      }
      unsafe words[4 &* block] = c0
      unsafe words[4 &* block &+ 1] = c1
      unsafe words[4 &* block &+ 2] = c2
      unsafe words[4 &* block &+ 3] = c3
    }
  }
}
