import Dispatch
package import Foundation
import Synchronization

/// How a process ended and all it wrote.
package struct ProcessResult: Sendable {
  /// The exit code, or 128 + the signal that ended it, as a shell reports it.
  package let exitCode: Int32
  package let output: String
  package let errors: String
  /// Whether the time limit ended it.
  package let timedOut: Bool

  /// The lines of the standard output, without empty ones.
  package var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// Runs `executable` to its end and returns what it wrote.
///
/// - Parameters:
///   - environment: set on top of this process's own variables; an empty value removes the variable.
///   - timeout: after it the process gets SIGTERM, and SIGKILL 3 seconds later.
/// - Throws: the launch error of `Process`, or the error of making the two capture files.
package func runProcess(
  _ executable: URL, _ arguments: [String] = [], environment: [String: String] = [:],
  workingDirectory: URL? = nil, timeout: Duration = .seconds(120)
) async throws -> ProcessResult {
  // Files, not pipes: a grandchild that outlives the process would keep a pipe open and the reader waiting.
  let folder = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let files = try ["output", "errors"].map { name in
    let file = folder.appending(path: name)
    try Data().write(to: file)
    return (url: file, handle: try FileHandle(forWritingTo: file))
  }

  let process = Process()
  process.executableURL = executable
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }.filter { !$0.value.isEmpty }
  if let workingDirectory { process.currentDirectoryURL = workingDirectory }
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = files[0].handle
  process.standardError = files[1].handle

  var watchdog: Watchdog?
  try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
    process.terminationHandler = { _ in ended.resume() }
    do {
      try withSignalsUnblocked { try process.run() }
      watchdog = Watchdog(process.processIdentifier, timeout: timeout)
    } catch {
      process.terminationHandler = nil
      ended.resume(throwing: error)
    }
  }
  let timedOut = watchdog?.end() ?? false

  for file in files { try file.handle.close() }
  let texts = try files.map { String(decoding: try Data(contentsOf: $0.url), as: UTF8.self) }
  let bySignal = process.terminationReason == .uncaughtSignal
  return ProcessResult(
    exitCode: process.terminationStatus + (bySignal ? 128 : 0), output: texts[0], errors: texts[1],
    timedOut: timedOut)
}

/// Calls `body` with no signal blocked on this thread: the threads that tasks run on block most, and a process inherits
/// that from the thread that starts it, so it would not see SIGTERM.
private func withSignalsUnblocked(_ body: () throws -> Void) rethrows {
  var none = sigset_t()
  var before = sigset_t()
  unsafe sigemptyset(&none)
  unsafe pthread_sigmask(SIG_SETMASK, &none, &before)
  defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
  try body()
}

/// Ends a process that outlives its time limit. Its clock does not wait for the threads that tasks share: tests that compute
/// hold those for as long as they like.
private final class Watchdog: Sendable {
  private enum State { case watching, ended, timedOut }
  private let state = Mutex(State.watching)

  init(_ process: Int32, timeout: Duration) {
    let (seconds, attoseconds) = timeout.components
    let limit = Double(seconds) + Double(attoseconds) * 1e-18
    let queue = DispatchQueue.global(qos: .userInteractive)
    queue.asyncAfter(deadline: .now() + limit) { [self] in
      let isLate = state.withLock { state in
        guard state == .watching else { return false }
        state = .timedOut
        kill(process, SIGTERM)
        return true
      }
      guard isLate else { return }
      queue.asyncAfter(deadline: .now() + 3) { [self] in
        state.withLock { if $0 == .timedOut { kill(process, SIGKILL) } }
      }
    }
  }

  /// The process has ended; whether by its time limit.
  func end() -> Bool {
    state.withLock { state in
      let wasLate = state == .timedOut
      state = .ended
      return wasLate
    }
  }
}
