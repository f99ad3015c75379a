/// Sums the gradients of all shards along the canonical tree: the same bits for any rank count and any split of the
/// shards over the ranks.
///
/// Each rank has summed its maximal subtrees alone. An all-reduce sends those sums, never sums over ranks, to whoever
/// adds them up in the order of the tree. Three ways of doing that are measured:
/// - `sharedMemory`: for ranks of one host; see `HostReduction`.
/// - `exchangeAll`: each rank sends its sums whole to each other and adds all up itself. 1 exchange with each peer.
/// - `reduceScatter`: each rank owns a slice, gets the sums of all for it, and sends the total around. 2 exchanges with
///   each peer, of 1/rankCount of the elements.
@safe package final class ReproducibleReducer: ShardReducer {
  package enum Algorithm: String, Sendable, CaseIterable { case sharedMemory, exchangeAll, reduceScatter }

  package let schedule: AccumulationSchedule
  package let tree: CanonicalTree
  /// The shards of all ranks, by rank.
  package let ranges: [Range<Int>]
  let group: any Group
  private let algorithm: Algorithm?
  /// For `sharedMemory`.
  private let host: HostReduction?
  /// How many sums each rank brings, by rank.
  let sumCounts: [Int]
  /// The additions over the sums of all ranks, in rank order.
  let merges: [AccumulationSchedule.Merge]
  let maximumCount: Int
  /// Room for the sums of the other ranks, and the address of each sum of each rank within the work at hand.
  let received: UnsafeMutableBufferPointer<Float>
  let sums: UnsafeMutableBufferPointer<UnsafeMutablePointer<Float>>
  /// The messages of an exchange.
  let transfers: UnsafeMutableBufferPointer<Transfer>
  let timeout: Duration

  /// Collective: tells each rank which shards the others have. Later calls allocate nothing.
  ///
  /// - Parameters:
  ///   - shardCount: of the global batch; the same on every rank.
  ///   - range: the shards of this rank; the ranks' ranges cover 0 ..< shardCount in order.
  ///   - maximumCount: the most elements that one call reduces; the same on every rank.
  ///   - algorithm: the same on every rank; nil for the one that was measured to be faster at each size.
  ///   - timeout: how long to wait for a rank.
  /// - Throws: `.invalidArgument` on every rank for ranges that do not cover the shards or for `sharedMemory` over ranks
  ///   of several hosts, `.countMismatch` if ranks disagree on a count.
  package init(
    group: any Group, shardCount: Int, range: Range<Int>, maximumCount: Int, algorithm: Algorithm? = nil,
    timeout: Duration = .collectiveTimeout
  ) throws(GroupError) {
    ranges = try Self.agree(group, shardCount: shardCount, range: range, maximumCount: maximumCount)
    tree = CanonicalTree(shardCount: shardCount)
    schedule = AccumulationSchedule(tree: tree, range: range)
    var leaves: [[Range<Int>]] = []
    for range in ranges { leaves.append(tree.maximalSubtrees(in: range)) }
    sumCounts = leaves.map(\.count)
    merges = tree.merges(of: Array(leaves.joined()))
    self.group = group
    self.maximumCount = maximumCount
    let hostCount = Set(try group.hostIndices()).count
    let sharesHost = group.rankCount > 1 && hostCount == 1
    guard sharesHost || algorithm != .sharedMemory || group.rankCount == 1 else {
      throw GroupError(
        .invalidArgument, "a reduction in shared memory over ranks of several hosts",
        remedy: "let the reducer choose how it reduces")
    }
    let chosen = algorithm ?? (sharesHost ? .sharedMemory : nil)
    self.algorithm = chosen
    host =
      chosen == .sharedMemory && sharesHost
      ? try HostReduction(
        group: group, sumCounts: sumCounts, merges: merges, maximumCount: maximumCount, timeout: timeout) : nil
    let foreign = host == nil ? sumCounts.reduce(0, +) - sumCounts[group.rank] : 0
    let slice = Slices(count: maximumCount, parts: group.rankCount).largest
    let longest =
      switch chosen {
      case .exchangeAll: maximumCount
      case .reduceScatter, .sharedMemory: slice
      case nil: max(slice, min(maximumCount, Self.exchangeAllLimit(group.rankCount)))
      }
    unsafe received = .allocate(capacity: foreign * longest)
    let sumCount = sumCounts.reduce(0, +)
    unsafe sums = .allocate(capacity: sumCount)
    unsafe transfers = .allocate(capacity: group.rankCount * (sumCounts[group.rank] + 1) + sumCount)
    self.timeout = timeout
  }

  /// Room for sums of ranks: what the reducer allocates.
  package var byteCount: Int { unsafe received.count * MemoryLayout<Float>.stride + (host?.byteCount ?? 0) }

  package func adopt(_ slots: SharedMemory) { host?.adopt(slots) }

  package var algorithms: [String] {
    host == nil ? ["\(ScheduleAlgorithm.canonical.name), by messages"] : ["shared memory"]
  }

  deinit {
    unsafe received.deallocate()
    unsafe sums.deallocate()
    unsafe transfers.deallocate()
  }

  package func allReduce(_ slots: inout MutableSpan<Float>, stride: Int, elements: Range<Int>) throws(GroupError) {
    try checkPart(slots.count, stride: stride, elements: elements)
    guard elements.count <= maximumCount else {
      throw GroupError(
        .invalidArgument, "\(elements.count) elements for a reducer made for \(maximumCount)",
        remedy: "make the reducer for the largest part")
    }
    guard group.rankCount > 1, !elements.isEmpty else { return }
    let exchangesAll = elements.count <= Self.exchangeAllLimit(group.rankCount)
    try unsafe slots.withUnsafeMutableBufferPointer { buffer throws(GroupError) in
      guard let base = buffer.baseAddress else { return }
      let own = unsafe Sums(base: base + elements.lowerBound, stride: stride)
      switch algorithm ?? (exchangesAll ? .exchangeAll : .reduceScatter) {
      case .sharedMemory: try unsafe host?.allReduce(base, stride: stride, elements: elements)
      case .exchangeAll: try unsafe exchangeAll(own, count: elements.count)
      case .reduceScatter: try unsafe reduceScatter(own, count: elements.count)
      }
    }
  }

  /// Up to how many elements every rank adds up everything itself.
  ///
  /// Measured with `group-conformance time` over shared memory on 2 cores: at 2 to 4 ranks it wins or draws up to 16 000
  /// elements and loses from 62 000 (2 ranks: 28 against 20 µs; 536 000 elements: 220 against 169 µs, where
  /// `MPI_Allreduce` takes 171). What it sends grows with the rank count, so the limit shrinks with it.
  static func exchangeAllLimit(_ rankCount: Int) -> Int { 32768 / rankCount }

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

/// The slices of `count` elements that the ranks own: whole cache lines but for the end; the last ones may be empty.
struct Slices {
  let count: Int
  let largest: Int

  init(count: Int, parts: Int) {
    let line = 16
    self.count = count
    largest = min(count, ((count + parts - 1) / parts + line - 1) / line * line)
  }

  subscript(part: Int) -> Range<Int> { min(count, part * largest)..<min(count, (part + 1) * largest) }
}
