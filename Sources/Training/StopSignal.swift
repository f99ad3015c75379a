import Glibc
import Synchronization

private let received = Atomic<Int32>(0)

/// Asks a run to stop at the next step's end: set by a signal, read by the training loop.
package enum StopSignal {
  /// The signal that asked, or nil.
  package static var requested: Int32? {
    let value = received.load(ordering: .relaxed)
    return value == 0 ? nil : value
  }

  /// Catches SIGTERM, SIGINT and SIGUSR1 (what Slurm sends before it preempts). A second one ends the process at once.
  package static func install() {
    for number in [SIGTERM, SIGINT, SIGUSR1] {
      _ = signal(number) { number in
        if received.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
      }
    }
  }
}
