import Foundation
package import Units

/// Measures all-reduces of this group, each beside the others: sizes × algorithms.
///
/// Algorithms take turns within a sample, so that what else the machine does hits them alike. A time is that of the
/// slowest rank; small sizes are repeated, back to back, because one call is shorter than what a clock tells apart.
package final class CollectiveBenchmark {
  /// What sums the values of all ranks.
  package enum Algorithm: Hashable, Sendable, CustomStringConvertible {
    /// The transport's own: of MPI's ranks `MPI_Allreduce` with the settings it runs with.
    case transport
    /// Reproducible, fastest and reproducible from slots outside of shared memory.
    case canonical, fastest, copied
    /// Reproducible by messages between all ranks.
    case messages
    /// A schedule, by messages.
    case schedule(ScheduleAlgorithm)
    /// The ring in the order of the ranks, whatever hosts they are on.
    case flatRing
    /// No all-reduce: each rank passes once over its own memory, reading and writing, at the same time. An all-reduce in
    /// place cannot read and write less, so out of the caches it cannot be faster.
    case memory

    package static let all: [Algorithm] =
      [.transport, .canonical, .fastest, .copied, .messages] + ScheduleAlgorithm.allCases.map(Algorithm.schedule)
      + [.flatRing, .memory]

    package var description: String {
      switch self {
      case .transport: "transport"
      case .canonical: "reproducible"
      case .fastest: "fastest"
      case .copied: "reproducible-copied"
      case .messages: "reproducible-messages"
      case .schedule(let algorithm):
        algorithm.rawValue.replacing("_", with: "-") + (algorithm == .canonical ? "-mesh" : "")
      case .flatRing: "flat-ring"
      case .memory: "memory"
      }
    }

    package init?(_ name: String) {
      guard let found = Self.all.first(where: { $0.description == name }) else { return nil }
      self = found
    }
  }

  /// One cell of the table.
  package struct Row: Codable, Sendable, Equatable {
    package let bytes: Bytes
    package let algorithm: String
    /// The median over the samples, and the shortest.
    package let time: Seconds
    package let shortest: Seconds
    /// bytes / time, and that times 2 (n − 1) / n: what nccl-tests prints.
    package let algorithmBandwidth: Bandwidth
    package let busBandwidth: Bandwidth
    /// Of a schedule, on links as they were measured before.
    package let simulated: Seconds?
    /// How often it ran, and for a schedule the bytes that each host sends to others in a run, by host.
    package let runs: Int
    package let sentBytes: [Bytes]?
  }

  private let group: any Group
  private let topology: Topology
  private let samples: Int
  private let timeout: Duration
  /// The links that schedules are simulated on; nil before they are measured.
  package private(set) var links: LinkModel?

  /// Collective.
  /// - Parameters:
  ///   - samples: measurements of each cell; the table has their medians.
  ///   - timeout: how long a rank waits for another one.
  package init(
    group: any Group, samples: Int, timeout: Duration = .collectiveTimeout
  ) throws(GroupError) {
    self.group = group
    self.samples = samples
    self.timeout = timeout
    group.limitWaits(to: timeout)
    topology = Topology(hostOfRank: try group.hostIndices())
  }

  /// Measures the links, for `simulated`. Collective.
  package func measureLinks() throws(GroupError) { links = try LinkModel.measured(group, topology) }

  /// Why `algorithm` cannot run here; nil if it can.
  package func obstacle(_ algorithm: Algorithm) -> String? {
    switch algorithm {
    case .flatRing where topology.hosts.count == 1: "\(algorithm) is the ring where all ranks are on one host"
    case .copied where topology.hosts.count > 1: "\(algorithm) needs ranks of one host"
    case .schedule(let schedule): schedule.obstacle(.allReduce, topology)
    default: nil
    }
  }

  /// All cells of a size, in the order of `algorithms`. Collective.
  ///
  /// - Throws: `GroupError` with `.failed` if a sum is wrong.
  package func measure(_ bytes: Bytes, _ algorithms: [Algorithm]) throws -> [Row] {
    let count = max(1, Int(bytes.count) / MemoryLayout<Float>.stride)
    let contenders = try algorithms.map {
      try Contender($0, group: group, topology: topology, count: count, timeout: timeout)
    }
    for contender in contenders {
      try contender.check(group)
    }
    let repeats = max(1, min(100, (1 << 22) / (count * MemoryLayout<Float>.stride)))
    var times = contenders.map { _ in [Double]() }
    for _ in 0..<samples {
      for (index, contender) in contenders.enumerated() {
        // Twice: what came before has emptied the caches of this one.
        if repeats > 1 { try contender.run() }
        try group.barrier()
        let start = ContinuousClock.now
        for _ in 0..<repeats { try contender.run() }
        let own = (ContinuousClock.now - start) / .nanoseconds(1) / Double(repeats)
        times[index].append(try group.allReduce(own, .maximum))
      }
    }
    return zip(contenders, times).map { contender, times in
      row(
        contender, bytes, count, times.sorted(), isInARow: repeats > 1,
        runs: 1 + samples * (repeats + (repeats > 1 ? 1 : 0)))
    }
  }

  private func row(
    _ contender: Contender, _ bytes: Bytes, _ count: Int, _ times: [Double], isInARow: Bool, runs: Int
  ) -> Row {
    let time = times[times.count / 2] * 1e-9
    let bandwidth = Double(count * MemoryLayout<Float>.stride) / time
    let factor = contender.algorithm == .memory ? 1 : Collective.allReduce.wireFactor(ranks: group.rankCount)
    let schedule = contender.algorithm == .flatRing ? nil : contender.schedule
    let simulation = links.flatMap { schedule?.simulated(on: $0) }
    let simulated = isInARow ? links.flatMap { schedule?.simulatedInARow(on: $0) } : simulation?.seconds
    return Row(
      bytes: bytes, algorithm: "\(contender.algorithm)", time: Seconds(time), shortest: Seconds(times[0] * 1e-9),
      algorithmBandwidth: Bandwidth(bandwidth), busBandwidth: Bandwidth(bandwidth * factor),
      simulated: simulated.map { Seconds($0) }, runs: runs,
      sentBytes: simulation.map { $0.bytesOut.map { Bytes($0) } })
  }
}
