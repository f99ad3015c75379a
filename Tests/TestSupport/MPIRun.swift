package import Foundation

/// Runs `executable` on `rankCount` ranks of this host under mpirun and returns what all of them wrote.
///
/// One mpirun runs at a time, whatever tests run in parallel: more ranks than cores starve each other. The time limit
/// counts from the launch, not from the wait for that turn. Ranks may share a core (`--oversubscribe`), are not bound
/// (`--bind-to none`), yield while they wait, and speak over shared memory only.
///
/// - Parameters:
///   - options: further options of mpirun, before the executable.
///   - killsAtOnce: whether a dead rank ends the others at once; else they have a second to tell what they saw.
///   - environment: set for mpirun and so for each rank; an empty value removes the variable.
/// - Throws: the launch error, such as no mpirun in PATH.
package func mpirun(
  _ rankCount: Int, _ executable: URL, _ arguments: [String] = [], options: [String] = [],
  environment: [String: String] = [:], workingDirectory: URL? = nil, timeout: Duration = .seconds(120),
  killsAtOnce: Bool = true
) async throws -> ProcessResult {
  let settings = settings + (killsAtOnce ? [("odls_base_sigkill_timeout", "0")] : [])
  let line =
    ["mpirun", "-np", "\(rankCount)", "--oversubscribe", "--bind-to", "none"]
    + settings.flatMap { ["--mca", $0.name, $0.value] } + options + [executable.path] + arguments
  let allowed = ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"]
  await Turn.shared.take()
  do {
    let result = try await runProcess(
      URL(filePath: "/usr/bin/env"), line, environment: allowed.merging(environment) { $1 },
      workingDirectory: workingDirectory, timeout: timeout)
    await Turn.shared.give()
    return result
  } catch {
    await Turn.shared.give()
    throw error
  }
}

/// Open MPI settings that start fast and stay live when ranks outnumber cores.
private let settings: [(name: String, value: String)] = [
  ("pml", "ob1"),
  ("btl", "vader,self"),
  ("btl_vader_single_copy_mechanism", "none"),
  ("mpi_yield_when_idle", "1"),
]

/// A lock that suspends the task that waits instead of its thread, first come first served.
private actor Turn {
  static let shared = Turn()
  private var taken = false
  private var queue: [CheckedContinuation<Void, Never>] = []

  func take() async {
    if !taken {
      taken = true
      return
    }
    await withCheckedContinuation { queue.append($0) }
  }

  func give() {
    if queue.isEmpty {
      taken = false
    } else {
      queue.removeFirst().resume()
    }
  }
}
