import Units

/// A schedule's simulated time, in the number of chunks that is fastest.
package struct SimulatedTime: Hashable, Sendable, Codable {
  package let algorithm: ScheduleAlgorithm
  /// 1 where the algorithm has no pipeline.
  package let chunks: Int
  package let seconds: Double

  /// Times a schedule on the links of each protocol that a library has; the fastest is taken.
  ///
  /// - Throws: `ScheduleProblem` `.unavailable` where the algorithm has no schedule for it.
  /// - Complexity: one simulation, some 15 of a pipeline: from one chunk to 512, until more make it slower.
  package init(
    _ collective: Collective, _ algorithm: ScheduleAlgorithm, _ topology: Topology, count: Int, elementSize: Int = 4,
    root: Int = 0, on protocols: [LinkModel]
  ) throws(ScheduleProblem) {
    var best: (chunks: Int, seconds: Double) = (1, .infinity)
    let most = algorithm.isPipelined(collective) ? 512 : 1
    for links in protocols {
      var least = Double.infinity
      var chunks = 1
      while chunks <= most {
        let schedule = try Schedule(collective, algorithm, topology, count: count, chunks: chunks, root: root)
        let seconds = schedule.simulated(on: links, elementSize: elementSize).seconds
        if seconds < best.seconds { best = (chunks, seconds) }
        least = min(least, seconds)
        // One valley: chunks that cost a quarter more than the best are past it.
        if seconds > 1.25 * least { break }
        chunks = max(chunks + 1, chunks * 4 / 3)
      }
    }
    self.algorithm = algorithm
    chunks = best.chunks
    seconds = best.seconds
  }
}

/// Which algorithm a collective of one size takes, and what the others would have taken: a decision that can be printed.
package struct AlgorithmChoice: Hashable, Sendable, Codable {
  /// An algorithm that was not timed, and why.
  package struct Rejection: Hashable, Sendable, Codable {
    package let algorithm: ScheduleAlgorithm
    package let reason: String
  }

  package let collective: Collective
  package let count: Int
  package let elementSize: Int
  package let rankCount: Int
  package let hostCount: Int
  package let chosen: SimulatedTime
  /// Whether a job named it.
  package let isForced: Bool
  /// All that were timed, the fastest first.
  package let candidates: [SimulatedTime]
  package let rejected: [Rejection]

  /// Messages above which a candidate is not simulated, as it would take seconds: a ring of 1,000 ranks.
  package static let messageLimit = 2_000_000

  /// Times the algorithms and takes the fastest.
  ///
  /// - Parameters:
  ///   - algorithms: nil for all; the reproducible ones take part only if named here, as `mesh` moves what they move.
  ///   - forced: what the job names; it is taken whatever the others need.
  ///   - links: what an algorithm finds: one model for each protocol, at least one.
  /// - Throws: `ScheduleProblem` `.unavailable`, naming the reasons, if no algorithm can do it or the forced one cannot.
  package init(
    _ collective: Collective, _ topology: Topology, count: Int, elementSize: Int = 4,
    among algorithms: [ScheduleAlgorithm]? = nil, forced: ScheduleAlgorithm? = nil,
    links: (ScheduleAlgorithm) -> [LinkModel]
  ) throws(ScheduleProblem) {
    if let forced, let obstacle = forced.obstacle(collective, topology) {
      throw ScheduleProblem(.unavailable, obstacle)
    }
    var candidates: [SimulatedTime] = []
    var rejected: [Rejection] = []
    let usual = ScheduleAlgorithm.allCases.filter { !$0.isReproducible && $0 != .direct }
    var all = algorithms ?? usual
    if let forced, !all.contains(forced) { all.append(forced) }
    for algorithm in all {
      if let obstacle = algorithm.obstacle(collective, topology) {
        rejected.append(Rejection(algorithm: algorithm, reason: obstacle))
        continue
      }
      let messages = try Self.messages(collective, algorithm, topology, count: count)
      guard messages <= Self.messageLimit || algorithm == forced else {
        rejected.append(Rejection(algorithm: algorithm, reason: "\(messages) messages are too many to simulate"))
        continue
      }
      candidates.append(
        try SimulatedTime(
          collective, algorithm, topology, count: count, elementSize: elementSize, on: links(algorithm)))
    }
    let order = candidates.enumerated().sorted { ($0.element.seconds, $0.offset) < ($1.element.seconds, $1.offset) }
    self.candidates = order.map(\.element)
    self.rejected = rejected
    guard let chosen = self.candidates.first(where: { forced == nil || $0.algorithm == forced }) else {
      throw ScheduleProblem(
        .unavailable,
        "no algorithm does \(collective.rawValue) for \(topology.rankCount) ranks: "
          + rejected.map { "\($0.algorithm.name): \($0.reason)" }.joined(separator: "; "))
    }
    self.chosen = chosen
    self.collective = collective
    self.count = count
    self.elementSize = elementSize
    rankCount = topology.rankCount
    hostCount = topology.hosts.count
    isForced = forced != nil
  }

  /// On links that are the same for every algorithm, as a calibration measures them.
  package init(
    _ collective: Collective, _ topology: Topology, count: Int, elementSize: Int = 4,
    among algorithms: [ScheduleAlgorithm]? = nil, forced: ScheduleAlgorithm? = nil, on links: LinkModel
  ) throws(ScheduleProblem) {
    try self.init(
      collective, topology, count: count, elementSize: elementSize, among: algorithms, forced: forced
    ) { _ in [links] }
  }

  /// About how many messages a schedule has.
  private static func messages(
    _ collective: Collective, _ algorithm: ScheduleAlgorithm, _ topology: Topology, count: Int
  ) throws(ScheduleProblem) -> Int {
    let n = topology.rankCount
    switch algorithm {
    case .mesh, .canonical, .canonicalExchange: return 2 * n * (n - 1)
    default: return try Schedule(collective, algorithm, topology, count: count, chunks: 1).roundCount * n
    }
  }
}

extension AlgorithmChoice: CustomStringConvertible {
  /// One line a candidate: "halving doubling  1.204 ms  taken".
  package var description: String {
    let width = candidates.map(\.algorithm.name.count).max() ?? 0
    return candidates.map { candidate in
      let name = candidate.algorithm.name
      let chunks = candidate.chunks > 1 ? " in \(candidate.chunks) chunks" : ""
      let note = candidate == chosen ? (isForced ? "  named by the job" : "  taken") : ""
      return name + String(repeating: " ", count: width - name.count) + "  \(Seconds(candidate.seconds))" + chunks
        + note
    }.joined(separator: "\n")
  }
}
