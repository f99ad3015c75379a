/// How ranks do a collective operation together.
package enum ScheduleAlgorithm: String, CaseIterable, Codable, Hashable, Sendable {
  /// Each rank to its neighbour, slice by slice, around all ranks (Patarasuk & Yuan 2009): the fewest bytes, 2(n−1) rounds.
  case ring
  /// Pairs at distances 1, 2, 4 … exchange everything (Thakur et al. 2005, §4.5): log₂ n rounds. Ranks beyond a power of two
  /// hand theirs to a neighbour first.
  case recursiveDoubling = "recursive_doubling"
  /// Pairs exchange halves, quarters …, and back (Rabenseifner 2004): the bytes of a ring in 2 log₂ n rounds.
  case halvingDoubling = "halving_doubling"
  /// Up a binomial tree and down again.
  case binomialTree = "binomial_tree"
  /// Two binary trees at once, each for half of the elements, with the inner ranks of the one at the leaves of the other
  /// (Sanders, Speck & Träff 2009), in chunks.
  case doubleTree = "double_tree"
  /// Reduce-scatter inside each host, all-reduce of every slice between the hosts by the rank that has it, so that all ranks
  /// of a host, and with them all rails, send at the same time; all-gather inside.
  case hierarchical
  /// As `hierarchical`, with halving-doubling between the hosts: fewer rounds for small sizes and many hosts.
  case hierarchicalHalving = "hierarchical_halving"
  /// Each rank to each other at once, two rounds: what ranks of one host do that read each other's memory.
  case mesh
  /// The mesh of reproducible mode: contributions reach the rank that sums a slice as they are, and are summed there along
  /// the canonical tree, whatever rank brought them.
  case canonical
  /// Reproducible mode for small sizes: every rank gets all contributions and sums them itself, in one round.
  case canonicalExchange = "canonical_exchange"
  /// One message, or one rank alone: there is nothing to schedule.
  case direct

  /// For people.
  package var name: String { rawValue.replacing("_", with: " ") }

  /// Why it has no schedule for this; nil if it has.
  package func obstacle(_ collective: Collective, _ topology: Topology) -> String? {
    let n = topology.rankCount
    let isPower = n & (n - 1) == 0
    switch (self, collective) {
    case (_, .allToAll), (_, .pointToPoint): return "\(collective.rawValue) has no schedules"
    case (.direct, _): return "direct is one message, no schedule"
    case (.ring, _), (.mesh, _), (.canonical, .allReduce), (.canonicalExchange, .allReduce),
      (.recursiveDoubling, .allReduce),
      (.halvingDoubling, .allReduce), (.binomialTree, .allReduce), (.binomialTree, .broadcast),
      (.doubleTree, .allReduce),
      (.doubleTree, .broadcast):
      return nil
    case (.recursiveDoubling, .allGather), (.halvingDoubling, .reduceScatter), (.halvingDoubling, .allGather):
      return isPower ? nil : "\(name) of \(collective.rawValue) needs a power of two of ranks, not \(n); use ring"
    case (.hierarchical, .allReduce), (.hierarchicalHalving, .allReduce):
      guard topology.ranksPerHost == nil else { return nil }
      let counts = topology.hosts.map { String($0.count) }.joined(separator: ", ")
      return "\(name) needs as many ranks on each host, not \(counts); use ring, or the same number"
    default: return "\(name) has no \(collective.rawValue); use ring or mesh"
    }
  }

  /// Chunks of 64 Ki elements, 1,024 at most, for algorithms that pass messages on; 1 for others.
  package func usualChunks(_ count: Int) -> Int { min(1024, max(1, count / 65_536)) }

  /// Whether it passes data on in chunks.
  package func isPipelined(_ collective: Collective) -> Bool {
    self == .doubleTree || (self == .ring && collective == .broadcast)
  }

  /// Those that have a schedule for this.
  package static func available(for collective: Collective, _ topology: Topology) -> [ScheduleAlgorithm] {
    allCases.filter { $0.obstacle(collective, topology) == nil }
  }

  /// Whether sums have the same bits on any number of ranks.
  package var isReproducible: Bool { self == .canonical || self == .canonicalExchange }

  func pattern(
    _ collective: Collective, _ topology: Topology, count: Int, chunks: Int, root: Int
  ) throws(ScheduleProblem) -> any SchedulePattern {
    if let obstacle = obstacle(collective, topology) { throw ScheduleProblem(.unavailable, obstacle) }
    let whole = 0..<count
    switch self {
    case .ring:
      guard collective == .broadcast else { return RingPattern(collective, Members(topology.order), whole) }
      return ChainPattern(Members(topology.order), whole, chunks: chunks, root: root)
    case .recursiveDoubling:
      return collective == .allGather
        ? DoublingGatherPattern(Members(0..<topology.rankCount), whole)
        : RecursiveDoublingPattern(Members(topology.order), whole)
    case .halvingDoubling:
      return HalvingDoublingPattern(
        collective, collective == .allReduce ? Members(topology.order) : Members(0..<topology.rankCount), whole)
    case .binomialTree: return BinomialTreePattern(collective, Members(topology.order), whole, root: root)
    case .doubleTree: return DoubleTreePattern(collective, topology, whole, chunks: chunks, root: root)
    case .hierarchical, .hierarchicalHalving:
      return HierarchicalPattern(topology, whole, halves: self == .hierarchicalHalving)
    case .canonicalExchange: return ExchangePattern(Members(0..<topology.rankCount), whole)
    case .mesh, .canonical, .direct: return MeshPattern(collective, Members(0..<topology.rankCount), whole, root: root)
    }
  }
}

/// The ranks that a pattern is about, by their position in it.
struct Members: Sendable {
  let ranks: [Int]
  /// Of each rank up to the largest; −1 for others.
  private let positions: [Int]

  init(_ ranks: some Sequence<Int>) {
    self.ranks = Array(ranks)
    var positions = Array(repeating: -1, count: (self.ranks.max() ?? 0) + 1)
    for (position, rank) in self.ranks.enumerated() { positions[rank] = position }
    self.positions = positions
  }

  var count: Int { ranks.count }
  subscript(position: Int) -> Int { ranks[position] }

  /// Nil for a rank that takes no part.
  func position(_ rank: Int) -> Int? {
    guard positions.indices.contains(rank), positions[rank] >= 0 else { return nil }
    return positions[rank]
  }
}

/// The slices of a range of elements.
struct RangeSlices: Sendable {
  private let slices: Slices
  private let start: Int

  init(_ range: Range<Int>, parts: Int) {
    slices = Slices(count: range.count, parts: parts)
    start = range.lowerBound
  }

  subscript(part: Int) -> Range<Int> {
    let slice = slices[part]
    return start + slice.lowerBound..<start + slice.upperBound
  }

  subscript(parts: Range<Int>) -> Range<Int> {
    guard let last = parts.last else { return start..<start }
    return self[parts.lowerBound].lowerBound..<self[last].upperBound
  }
}
