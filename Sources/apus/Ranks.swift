import ArgumentParser
import Collectives
import Foundation
import Glibc
import Kernels
import MPIGroup
import Training

/// The group this process belongs to: MPI's, or itself alone.
struct Ranks: Sendable {
  let group: any Group
  private let usesMPI: Bool

  /// - Throws: `GroupError` with `.launch` if a launcher started ranks that MPI cannot join: never trains alone then.
  static func join() throws -> Ranks {
    guard isLaunched else {
      return Ranks(group: InProcessGroup.solo(), usesMPI: false)
    }
    try MPIRuntime.initialize()
    return Ranks(group: try MPIGroup.world(), usesMPI: true)
  }

  /// Joins, runs `body`, leaves, and ends the process with the status that `body` returns or its error stands for.
  ///
  /// An error is told before this rank leaves, because mpirun ends the others once one has left with an error. And the
  /// others may not know of it and wait for this rank for ever: one that cannot leave within two seconds ends anyhow.
  static func run(_ body: (Ranks) throws -> ExitStatus) throws {
    let ranks = try join()
    let status: ExitStatus
    do {
      status = try body(ranks)
    } catch {
      let failure = Failure(error)
      if let text = failure.text { Console.complain(text) }
      if ranks.usesMPI { endProcess(in: .seconds(2), failure.code) }
      status = failure.code
    }
    ranks.leave()
    if status != .done { throw ExitCode(status.rawValue) }
  }

  /// Whether this process speaks for its peers before it has joined them: rank 0, as the launcher numbers them.
  static var isFirst: Bool { (ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_RANK"] ?? "0") == "0" }

  /// Whether a launcher started this process as one of several ranks.
  static var isLaunched: Bool { MPIRuntime.launchedByMPI || MPIRuntime.foreignLauncher != nil }

  /// Runs `body` on `count` ranks that are threads of this process, and ends the process as `run` does.
  static func run(inProcess count: Int, _ body: @escaping @Sendable (Ranks) throws -> ExitStatus) throws {
    guard count > 1 else { return try run(body) }
    let outcomes = try InProcessGroup.run(rankCount: count) { group in
      Result { try body(Ranks(group: group, usesMPI: false)) }
    }
    let failures = outcomes.compactMap { outcome -> (any Error)? in
      if case .failure(let error) = outcome { error } else { nil }
    }
    // What went wrong, rather than what the others saw of it.
    let cause = failures.first { !($0 is PeerFailed) && ($0 as? GroupError)?.code != .peerLost }
    if let error = cause ?? failures.first { throw error }
    let status = try outcomes[0].get()
    if status != .done { throw ExitCode(status.rawValue) }
  }

  private static func endProcess(in time: Duration, _ status: ExitStatus) {
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: Double(time.components.seconds))
      _exit(status.rawValue)
    }
  }

  func leave() { if usesMPI { try? MPIRuntime.finalize() } }

  /// Where a rank's threads run.
  struct Cores {
    /// That the rank computes with.
    let threads: Int
    /// Whether gradients are worth a thread of their own: where a network carries them, or a core has nothing to do. Where
    /// every core computes and messages are copies in memory, that thread would take its time from the computation.
    let overlaps: Bool
    /// Cores that no rank computes on; none if they are unknown.
    let spare: [Int]
  }

  /// Whether gradients go out beside backward.
  enum Overlap: String, CaseIterable { case auto, on, off }

  /// Settles how many threads this rank computes with, and on which cores. Collective.
  ///
  /// Ranks of one host that fit its cores get cores of their own, unless the launcher has bound them already: two ranks
  /// that wait for each other by yielding may otherwise share one core for seconds.
  /// - Parameter asked: threads that the user wants; nil for the cores divided by the host's ranks.
  func placeThreads(_ asked: Int?, overlap: Overlap = .auto) throws -> Cores {
    let hosts = try group.gatherMessages(Array(group.hostName.utf8), root: 0) ?? []
    let table = hosts.indices.flatMap { rank in
      [hosts[..<rank].filter { $0 == hosts[rank] }.count, hosts.filter { $0 == hosts[rank] }.count].flatMap {
        [UInt8($0 & 0xff), UInt8($0 >> 8)]
      }
    }
    let shared = try group.broadcastMessage(table, root: 0).map(Int.init)
    let own = group.rank * 4
    let localRank = shared[own] + shared[own + 1] << 8
    let localCount = shared[own + 2] + shared[own + 3] << 8
    let cores = Threads.allowedCores
    let total = ProcessInfo.processInfo.processorCount
    let isBound = cores.count < total
    let threads = asked ?? max(1, isBound ? cores.count : total / localCount)
    let hasSpare = isBound ? cores.count > threads : localCount * threads < cores.count
    if !isBound, localCount > 1, localCount * threads <= cores.count {
      _ = Threads.bind(to: cores[localRank * threads..<(localRank + 1) * threads])
    }
    let overlaps =
      switch overlap {
      case .on: true
      case .off: false
      case .auto: localCount < group.rankCount || hasSpare
      }
    return Cores(
      threads: threads, overlaps: overlaps, spare: hasSpare && !isBound ? Array(cores[(localCount * threads)...]) : [])
  }
}
