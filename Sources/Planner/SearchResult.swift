package import CostModel
package import Units

/// What a search over layouts found, and what proves it.
package struct SearchResult: Hashable, Sendable, Codable {
  /// The fastest layout that fits; nil if none does.
  package let best: ParallelLayout?
  package let time: Seconds?
  /// No layout is faster: `time` itself where the search came to its end.
  package let provenBound: Seconds?
  /// What the bounds alone say of the whole space, before any layout was tried.
  package let rootBound: Seconds?
  package let counts: Counts

  package struct Counts: Hashable, Sendable, Codable {
    /// Layouts whose time or memory was computed.
    package var evaluated = 0
    /// Of those, the ones that did not fit.
    package var tooLarge = 0
    /// Branches left alone because nothing in them fits, or because nothing in them is faster.
    package var prunedByMemory = 0
    package var prunedByTime = 0

    package init() {}
  }

  /// How far the best may be from the fastest: 0 where that is proven.
  package var gap: Double? {
    guard let time, let provenBound, time > .zero else { return nil }
    return max(0, 1 - provenBound / time)
  }
}
