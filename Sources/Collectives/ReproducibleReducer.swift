/// Sums the gradients of all shards along the canonical tree: the same bits for any rank count and any split of the
/// shards over the ranks.
///
/// Each rank has summed its maximal subtrees alone. An all-reduce sends those sums, never sums over ranks, to whoever
/// adds them up in the order of the tree:
/// - `sharedMemory`: for ranks of one host; see `HostReduction`.
/// - `hostwise`: for hosts of several ranks; see `HostwiseReduction`.
/// - `messages`: between all ranks, as `exchangeAll` or `reduceScatter`, by size; see `MessageReduction`.
@safe package final class ReproducibleReducer: ShardReducer {
  package enum Algorithm: String, Sendable, CaseIterable {
    case sharedMemory, hostwise, messages, exchangeAll, reduceScatter
  }

  package let schedule: AccumulationSchedule
  package let tree: CanonicalTree
  /// The shards of all ranks, by rank.
  package let ranges: [Range<Int>]
  private let maximumCount: Int
  private let way: Way

  private enum Way {
    case alone
    case shared(HostReduction)
    case hostwise(HostwiseReduction)
    case messages(MessageReduction)
  }

  /// Collective: tells each rank which shards the others have. Later calls allocate nothing.
  ///
  /// - Parameters:
  ///   - shardCount: of the global batch; the same on every rank.
  ///   - range: the shards of this rank; the ranks' ranges cover 0 ..< shardCount in order.
  ///   - maximumCount: the most elements that one call reduces; the same on every rank.
  ///   - algorithm: the same on every rank; nil for what is fastest on their hosts.
  ///   - timeout: how long to wait for a rank.
  /// - Throws: `.invalidArgument` on every rank for ranges that do not cover the shards, for `sharedMemory` over ranks of
  ///   several hosts or `hostwise` over ranks in any order; `.countMismatch` if ranks disagree on a count.
  package init(
    group: any Group, shardCount: Int, range: Range<Int>, maximumCount: Int, algorithm: Algorithm? = nil,
    timeout: Duration = .collectiveTimeout
  ) throws(GroupError) {
    ranges = try Self.agree(group, shardCount: shardCount, range: range, maximumCount: maximumCount)
    tree = CanonicalTree(shardCount: shardCount)
    schedule = AccumulationSchedule(tree: tree, range: range)
    self.maximumCount = maximumCount
    guard group.rankCount > 1 else {
      way = .alone
      return
    }
    var leaves: [[Range<Int>]] = []
    for range in ranges { leaves.append(tree.maximalSubtrees(in: range)) }
    let (sumCounts, merges) = (leaves.map(\.count), tree.merges(of: Array(leaves.joined())))
    let hosts = try group.hostIndices()
    let algorithm = algorithm ?? Self.usual(hosts)
    if let obstacle = Self.obstacle(algorithm, hosts) {
      throw GroupError(.invalidArgument, obstacle, remedy: "let the reducer choose how it reduces")
    }
    way =
      switch algorithm {
      case .sharedMemory:
        .shared(
          try HostReduction(
            group: group, sumCounts: sumCounts, merges: merges, maximumCount: maximumCount, timeout: timeout))
      case .hostwise:
        .hostwise(
          try HostwiseReduction(
            group: group, hosts: hosts, tree: tree, ranges: ranges, maximumCount: maximumCount, timeout: timeout))
      case .messages, .exchangeAll, .reduceScatter:
        .messages(
          MessageReduction(
            group: group, members: Array(0..<group.rankCount), sumCounts: sumCounts, merges: merges,
            maximumCount: maximumCount,
            way: algorithm == .exchangeAll ? .exchangeAll : algorithm == .reduceScatter ? .reduceScatter : nil,
            timeout: timeout))
      }
  }

  /// What is fastest for ranks on these hosts.
  private static func usual(_ hosts: [Int]) -> Algorithm {
    let count = Set(hosts).count
    if count == 1 { return .sharedMemory }
    return count < hosts.count && obstacle(.hostwise, hosts) == nil ? .hostwise : .messages
  }

  private static func obstacle(_ algorithm: Algorithm, _ hosts: [Int]) -> String? {
    switch algorithm {
    case .sharedMemory: Set(hosts).count == 1 ? nil : "a reduction in shared memory over ranks of several hosts"
    case .hostwise: HostwiseReduction.obstacle(hosts: hosts).map { "a reduction host by host of \($0)" }
    case .messages, .exchangeAll, .reduceScatter: nil
    }
  }

  /// Room for sums of ranks: what the reducer allocates.
  package var byteCount: Int {
    switch way {
    case .alone: 0
    case .shared(let host): host.byteCount
    case .hostwise(let hosts): hosts.byteCount
    case .messages(let messages): messages.byteCount
    }
  }

  package func adopt(_ slots: SharedMemory) {
    switch way {
    case .alone, .messages: break
    case .shared(let host): host.adopt(slots)
    case .hostwise(let hosts): hosts.adopt(slots)
    }
  }

  package var algorithms: [String] {
    switch way {
    case .alone, .shared: ["shared memory"]
    case .hostwise: ["\(ScheduleAlgorithm.canonical.name), host by host"]
    case .messages: ["\(ScheduleAlgorithm.canonical.name), by messages"]
    }
  }

  package func allReduce(_ slots: inout MutableSpan<Float>, stride: Int, elements: Range<Int>) throws(GroupError) {
    try checkPart(slots.count, stride: stride, elements: elements)
    guard elements.count <= maximumCount else {
      throw GroupError(
        .invalidArgument, "\(elements.count) elements for a reducer made for \(maximumCount)",
        remedy: "make the reducer for the largest part")
    }
    guard !elements.isEmpty else { return }
    try unsafe slots.withUnsafeMutableBufferPointer { buffer throws(GroupError) in
      guard let base = buffer.baseAddress else { return }
      switch way {
      case .alone: break
      case .shared(let host): try unsafe host.allReduce(base, stride: stride, elements: elements)
      case .hostwise(let hosts): try unsafe hosts.allReduce(base, stride: stride, elements: elements)
      case .messages(let messages):
        try unsafe messages.reduce(base + elements.lowerBound, stride: stride, count: elements.count)
      }
    }
  }

  static func agree(
    _ group: any Group, shardCount: Int, range: Range<Int>, maximumCount: Int
  ) throws(GroupError) -> [Range<Int>] {
    var bounds: [Range<Int>] = []
    let lower = try group.allGatherCounts(range.lowerBound)
    let upper = try group.allGatherCounts(range.upperBound)
    for (lower, upper) in zip(lower, upper) { bounds.append(lower..<upper) }
    for (name, value) in [("shards", shardCount), ("maximal elements", maximumCount)] {
      let values = try group.allGatherCounts(value)
      guard values.allSatisfy({ $0 == value }) else {
        throw GroupError(
          .countMismatch, "the ranks count \(values) \(name)", remedy: "make the reducer with equal counts on all ranks"
        )
      }
    }
    var next = 0
    for range in bounds {
      guard range.lowerBound == next, !range.isEmpty else { break }
      next = range.upperBound
    }
    guard next == shardCount, bounds.last?.upperBound == shardCount, maximumCount >= 0 else {
      throw GroupError(
        .invalidArgument, "the ranks hold shards \(bounds) of 0..<\(shardCount), for \(maximumCount) elements",
        remedy: "give each rank one shard or more, in rank order, and every shard to one rank")
    }
    return bounds
  }
}
