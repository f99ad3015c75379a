import Collectives
import Foundation

/// What started this process, as its environment tells. A process that one of several was meant to be must not go on
/// alone, so a run asks this before it takes itself for a single rank.
package enum Launcher: Equatable, Sendable {
  /// Nothing that starts ranks: a run of one process.
  case none
  /// mpirun of Open MPI.
  case openMPI(rankCount: Int)
  /// A resource manager that speaks PMIx, such as `srun --mpi=pmix`. The rank count if it tells it.
  case pmix(rankCount: Int?)
  /// A launcher whose processes Open MPI sees as so many single ranks.
  case foreign(name: String)

  package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    let steps = environment["SLURM_STEP_NUM_TASKS"].flatMap(Int.init)
    if let text = environment["OMPI_COMM_WORLD_SIZE"], let count = Int(text) {
      self = .openMPI(rankCount: count)
    } else if environment["PMIX_RANK"] != nil, environment["PMIX_NAMESPACE"] != nil {
      self = .pmix(rankCount: steps)
    } else if let size = environment["PMI_SIZE"] ?? environment["MPI_LOCALNRANKS"] {
      self = .foreign(name: "an MPICH or Intel MPI launcher (PMI, \(size) ranks)")
    } else if let steps, steps > 1 {
      self = .foreign(name: "srun without --mpi=pmix (\(steps) tasks)")
    } else {
      self = .none
    }
  }
}

extension MPIRuntime {
  /// Whether this process is a rank that MPI can join with its peers.
  package static var launchedByMPI: Bool {
    switch Launcher() {
    case .openMPI, .pmix: true
    case .none, .foreign: false
    }
  }

  /// A launcher that started several processes which MPI here cannot join; nil if there is none.
  package static var foreignLauncher: String? {
    if case .foreign(let name) = Launcher() { name } else { nil }
  }

  /// - Throws: `.launch` if `rankCount` ranks are not what `launcher` started.
  static func checkLaunch(_ launcher: Launcher, rankCount: Int) throws(GroupError) {
    let remedy = "start the ranks with Open MPI's mpirun, or with srun --mpi=pmix"
    switch launcher {
    case .foreign(let name):
      throw GroupError(.launch, "started by \(name), whose ranks Open MPI cannot join", remedy: remedy)
    case .openMPI(let started), .pmix(let started?):
      guard started == rankCount else {
        throw GroupError(
          .launch, "the launcher started \(started) ranks but MPI joined \(rankCount)", remedy: remedy)
      }
    case .none, .pmix(nil): break
    }
  }
}
