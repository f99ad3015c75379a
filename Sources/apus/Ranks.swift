import ArgumentParser
import Collectives
import Foundation
import Glibc
import MPIGroup

/// The group this process belongs to: MPI's, or itself alone.
struct Ranks {
  let group: any Group
  private let usesMPI: Bool

  /// - Throws: `GroupError` with `.launch` if a launcher started ranks that MPI cannot join: never trains alone then.
  static func join() throws -> Ranks {
    guard MPIRuntime.launchedByMPI || MPIRuntime.foreignLauncher != nil else {
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

  private static func endProcess(in time: Duration, _ status: ExitStatus) {
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: Double(time.components.seconds))
      _exit(status.rawValue)
    }
  }

  func leave() { if usesMPI { try? MPIRuntime.finalize() } }

  /// The host's cores divided by the ranks on it, at least 1. Collective.
  func coresPerRank() throws -> Int {
    let hosts = try group.gatherMessages(Array(group.hostName.utf8), root: 0) ?? []
    let counts = try group.broadcastMessage(
      hosts.map { host in UInt8(min(255, hosts.filter { $0 == host }.count)) }, root: 0)
    let cores = ProcessInfo.processInfo.activeProcessorCount
    return max(1, cores / max(1, Int(counts[group.rank])))
  }
}
