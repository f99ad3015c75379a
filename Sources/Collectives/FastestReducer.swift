/// Sums in the order that is fastest: one running sum a rank, then an all-reduce. The last bits of the result depend on the
/// rank count and on how it is done.
///
/// Ranks of one host add up through memory that they share. Ranks of several hosts follow a schedule: the one that is asked
/// for, or for each size the one that the simulator finds fastest on the links between them, which are measured first.
package final class FastestReducer: ShardReducer {
  package let schedule: AccumulationSchedule
  private let group: any Group
  private let topology: Topology
  private let host: HostReduction?
  private let algorithm: ScheduleAlgorithm?
  private let links: LinkModel?
  private let timeout: Duration
  /// By elements.
  private var executors: [Int: ScheduleExecutor] = [:]

  /// Collective; on several hosts a second or so, unless `algorithm` is given.
  /// - Parameters:
  ///   - range: the shards of this rank, one or more.
  ///   - algorithm: the same on every rank; nil for the fastest.
  ///   - timeout: how long a rank waits for another.
  /// - Throws: `.invalidArgument` if the algorithm has no all-reduce for these ranks.
  package init(
    group: any Group, range: Range<Int>, algorithm: ScheduleAlgorithm? = nil, timeout: Duration = .collectiveTimeout
  ) throws(GroupError) {
    self.group = group
    self.algorithm = algorithm
    self.timeout = timeout
    schedule = AccumulationSchedule(runningSumOver: range)
    topology = group.rankCount > 1 ? Topology(hostOfRank: try group.hostIndices()) : Topology(ranksPerHost: 1)
    if let algorithm, let obstacle = algorithm.obstacle(.allReduce, topology) {
      throw GroupError(.invalidArgument, obstacle, remedy: "or leave it to be chosen")
    }
    guard group.rankCount > 1, algorithm == nil else {
      (host, links) = (nil, nil)
      return
    }
    guard topology.hosts.count == 1 else {
      host = nil
      links = try LinkModel.measured(group, topology)
      return
    }
    links = nil
    let tree = CanonicalTree(shardCount: group.rankCount)
    host = try HostReduction(
      group: group, sumCounts: Array(repeating: 1, count: group.rankCount),
      merges: tree.merges(of: (0..<group.rankCount).map { $0..<($0 + 1) }), maximumCount: .max, timeout: timeout)
  }

  package func adopt(_ slots: SharedMemory) { host?.adopt(slots) }

  package var algorithms: [String] {
    if host != nil { return ["shared memory"] }
    return executors.values.map(\.schedule.algorithm.name).reduce(into: []) { names, name in
      if !names.contains(name) { names.append(name) }
    }.sorted()
  }

  package func allReduce(_ slots: inout MutableSpan<Float>, stride: Int, elements: Range<Int>) throws(GroupError) {
    try checkPart(slots.count, stride: stride, elements: elements)
    guard !elements.isEmpty, group.rankCount > 1 else { return }
    let executor = host == nil ? try executor(elements.count) : nil
    try unsafe slots.withUnsafeMutableBufferPointer { buffer throws(GroupError) in
      if let host {
        guard let base = buffer.baseAddress else { return }
        try unsafe host.allReduce(base, stride: stride, elements: elements)
      } else if let executor {
        var part = unsafe buffer.extracting(elements).mutableSpan
        try executor.run(&part)
      }
    }
  }

  /// Made and proved at the first all-reduce of that many elements.
  private func executor(_ count: Int) throws(GroupError) -> ScheduleExecutor {
    if let known = executors[count] { return known }
    let names = ScheduleAlgorithm.allCases
    // What rank 0 has chosen: figures that were measured may differ in their last digits between ranks.
    var own: Int64 = 0
    if group.rank == 0 {
      let (algorithm, chunks) = try told { () throws(ScheduleProblem) in try choice(count) }
      own = Int64(names.firstIndex(of: algorithm) ?? 0) << 32 | Int64(chunks)
    }
    let agreed = try group.allReduce(own, .maximum)
    let verified = try told { () throws(ScheduleProblem) in
      try VerifiedSchedule(
        Schedule(.allReduce, names[Int(agreed >> 32)], topology, count: count, chunks: Int(agreed & 0xffff_ffff)))
    }
    let made = try ScheduleExecutor(verified, group: group, timeout: timeout)
    executors[count] = made
    return made
  }

  private func choice(_ count: Int) throws(ScheduleProblem) -> (algorithm: ScheduleAlgorithm, chunks: Int) {
    guard let links else { return (algorithm ?? .ring, (algorithm ?? .ring).usualChunks(count)) }
    let chosen = try AlgorithmChoice(.allReduce, topology, count: count, on: links).chosen
    return (chosen.algorithm, chosen.chunks)
  }

  private func told<Value>(_ body: () throws(ScheduleProblem) -> Value) throws(GroupError) -> Value {
    do throws(ScheduleProblem) { return try body() } catch {
      throw GroupError(.failed, error.message, remedy: "name another algorithm, or leave it to be chosen")
    }
  }
}
