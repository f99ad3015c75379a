/// What ranks do together. S is the full buffer: of one rank for an all-reduce, a broadcast and an all-to-all, the sum over
/// the ranks' parts for a reduce-scatter and an all-gather.
package enum Collective: String, CaseIterable, Codable, Hashable, Sendable {
  case allReduce = "all_reduce"
  case reduceScatter = "reduce_scatter"
  case allGather = "all_gather"
  case broadcast = "broadcast"
  case allToAll = "all_to_all"
  case pointToPoint = "p2p"

  /// Bytes that cross a rank's link per byte of the buffer, with the algorithm that moves the fewest: 2(n−1)/n, (n−1)/n or
  /// 1. It is also what nccl-tests multiplies algbw = S / t with to print busbw (its doc/PERFORMANCE.md).
  package func wireFactor(ranks: Int) -> Double {
    guard ranks > 1 else { return 0 }
    let n = Double(ranks)
    switch self {
    case .allReduce: return 2 * (n - 1) / n
    case .reduceScatter, .allGather, .allToAll: return (n - 1) / n
    case .broadcast, .pointToPoint: return 1
    }
  }
}

/// One thing that a rank does in a round.
package struct ScheduleAction: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, Codable {
    /// Elements of the range as they were when the round began.
    case send
    /// Replaces the elements of the range.
    case receive
    /// Adds to the elements of the range.
    case reduce
  }

  package let kind: Kind
  package let peer: Int
  package let range: Range<Int>

  package init(_ kind: Kind, _ peer: Int, _ range: Range<Int>) {
    self.kind = kind
    self.peer = peer
    self.range = range
  }
}

/// Who sends which elements to whom and when: a collective operation as data.
///
/// A schedule is a sequence of rounds. In a round a rank sends what its elements were when the round began, and receives or
/// adds what others send it in the same round; several messages between the same two ranks come in the order of the
/// actions. Rounds are a function of the parameters and not stored, so that 4,096 ranks cost no memory.
///
///     let schedule = try Schedule(.allReduce, .ring, Topology(ranksPerHost: 4), count: 1000)
///     schedule.actions(rank: 2, round: 0)     // send [250, 500) to 3, add [0, 250) of 1
///
/// Elements by collective: an all-reduce starts with a contribution of every rank and ends with the sum on all; a
/// reduce-scatter ends with the sum of slice r on rank r (`slices`), an all-gather starts with slice r on rank r; a broadcast
/// starts with the elements of rank `root`.
package struct Schedule: Hashable, Sendable {
  package let collective: Collective
  package let algorithm: ScheduleAlgorithm
  package let topology: Topology
  /// Elements of the whole buffer.
  package let count: Int
  /// Pieces of a pipeline; 1 where the algorithm has none.
  package let chunkCount: Int
  package let root: Int
  package let roundCount: Int
  private let pattern: any SchedulePattern
  /// Rounds that were written out instead of made from the parameters; nil of the usual ones.
  private let listed: [[[ScheduleAction]]]?

  /// - Parameters:
  ///   - chunks: pieces that algorithms cut messages into which pass them on from rank to rank (trees, the broadcast of a
  ///     ring); nil for `ScheduleAlgorithm.usualChunks`.
  ///   - root: of a broadcast.
  /// - Throws: `ScheduleProblem` `.unavailable` where the algorithm has no schedule for it, `.invalidArgument`.
  package init(
    _ collective: Collective, _ algorithm: ScheduleAlgorithm, _ topology: Topology, count: Int, chunks: Int? = nil,
    root: Int = 0
  ) throws(ScheduleProblem) {
    guard count >= 0, 0..<topology.rankCount ~= root, chunks ?? 1 >= 1 else {
      throw ScheduleProblem(
        .invalidArgument,
        "a schedule of \(count) elements in \(chunks ?? 1) chunks from rank \(root) of \(topology.rankCount); use 0 elements or "
          + "more, one chunk or more, and a rank that there is")
    }
    self.collective = collective
    self.algorithm = algorithm
    self.topology = topology
    self.count = count
    self.root = root
    chunkCount = algorithm.isPipelined(collective) ? chunks ?? algorithm.usualChunks(count) : 1
    listed = nil
    pattern = try algorithm.pattern(collective, topology, count: count, chunks: chunkCount, root: root)
    roundCount = topology.rankCount > 1 ? pattern.roundCount : 0
  }

  /// For tests of the verifier.
  package init(_ collective: Collective, _ topology: Topology, count: Int, root: Int = 0, rounds: [[[ScheduleAction]]])
  {
    self.collective = collective
    algorithm = .ring
    self.topology = topology
    self.count = count
    self.root = root
    chunkCount = 1
    roundCount = rounds.count
    listed = rounds
    pattern = ListedPattern(rounds: rounds)
  }

  package var rankCount: Int { topology.rankCount }

  /// The slice of each rank in a reduce-scatter and an all-gather.
  package var slices: [Range<Int>] {
    let slices = Slices(count: count, parts: rankCount)
    return (0..<rankCount).map { slices[$0] }
  }

  package func actions(rank: Int, round: Int) -> [ScheduleAction] {
    var actions: [ScheduleAction] = []
    append(rank: rank, round: round, to: &actions)
    return actions
  }

  /// Appends the actions of a rank in a round; messages of no element are left out.
  package func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    pattern.append(rank: rank, round: round, to: &actions)
  }

  package static func == (a: Self, b: Self) -> Bool {
    a.collective == b.collective && a.algorithm == b.algorithm && a.count == b.count && a.chunkCount == b.chunkCount
      && a.root == b.root && a.topology == b.topology && a.listed == b.listed
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(collective)
    hasher.combine(algorithm)
    hasher.combine(topology)
    hasher.combine(count)
    hasher.combine(chunkCount)
    hasher.combine(root)
  }
}

/// A schedule in a file is its parameters; reading it makes the same rounds again.
extension Schedule: Codable {
  private enum Key: String, CodingKey {
    case collective, algorithm, count, root
    case hosts = "host_of_rank"
    case chunkCount = "chunks"
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let hosts = try container.decode([Int].self, forKey: .hosts)
    guard !hosts.isEmpty else {
      throw ScheduleProblem(.invalidArgument, "a schedule of no rank; list the host of each rank")
    }
    try self.init(
      container.decode(Collective.self, forKey: .collective),
      container.decode(ScheduleAlgorithm.self, forKey: .algorithm), Topology(hostOfRank: hosts),
      count: container.decode(Int.self, forKey: .count), chunks: container.decode(Int.self, forKey: .chunkCount),
      root: container.decode(Int.self, forKey: .root))
  }

  /// - Throws: `ScheduleProblem` for rounds that were written out: they have no parameters.
  package func encode(to encoder: any Encoder) throws {
    guard listed == nil else {
      throw ScheduleProblem(.invalidArgument, "rounds written out are no file; encode a schedule of an algorithm")
    }
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(collective, forKey: .collective)
    try container.encode(algorithm, forKey: .algorithm)
    try container.encode(topology.hostOfRank, forKey: .hosts)
    try container.encode(count, forKey: .count)
    try container.encode(chunkCount, forKey: .chunkCount)
    try container.encode(root, forKey: .root)
  }
}

extension Schedule: CustomStringConvertible {
  /// "ring all_reduce of 1000 elements, 8 ranks on 2 hosts: 14 rounds".
  package var description: String {
    let chunks = chunkCount > 1 ? " in \(chunkCount) chunks" : ""
    return "\(algorithm.name) \(collective.rawValue) of \(count) elements\(chunks), \(rankCount) ranks on "
      + "\(topology.hosts.count) hosts: \(roundCount) rounds"
  }
}

/// Why there is no such schedule, or why it must not run: one sentence with the remedy.
package struct ScheduleProblem: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable, CaseIterable {
    case invalidArgument, unavailable
    /// A message without its counterpart, out of range, or to the rank itself.
    case unmatched
    /// A contribution that a rank would add twice, or that is missing in the end.
    case counted
  }

  package let code: Code
  package let message: String
  package var description: String { message }

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// Rounds by number. Ranks and elements are those of the whole schedule.
protocol SchedulePattern: Sendable {
  var roundCount: Int { get }
  func append(rank: Int, round: Int, to actions: inout [ScheduleAction])
}

/// Rounds written out, by round and rank.
struct ListedPattern: SchedulePattern {
  let rounds: [[[ScheduleAction]]]
  var roundCount: Int { rounds.count }
  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) { actions += rounds[round][rank] }
}

extension [ScheduleAction] {
  /// Leaves out messages of no element, which neither side makes.
  mutating func add(_ kind: ScheduleAction.Kind, _ peer: Int, _ range: Range<Int>) {
    if !range.isEmpty { append(ScheduleAction(kind, peer, range)) }
  }
}
