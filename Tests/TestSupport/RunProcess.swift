package import Foundation

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

  var watchdog: Task<Bool, Never>?
  try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
    process.terminationHandler = { _ in ended.resume() }
    do {
      try withSignalsUnblocked { try process.run() }
      watchdog = watch(process.processIdentifier, timeout: timeout)
    } catch {
      process.terminationHandler = nil
      ended.resume(throwing: error)
    }
  }
  watchdog?.cancel()
  let timedOut = await watchdog?.value ?? false

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

/// Ends `process` when `timeout` has passed; the value says whether that happened before the task was cancelled.
private func watch(_ process: Int32, timeout: Duration) -> Task<Bool, Never> {
  Task {
    guard (try? await Task.sleep(for: timeout)) != nil else { return false }
    kill(process, SIGTERM)
    if (try? await Task.sleep(for: .seconds(3))) != nil { kill(process, SIGKILL) }
    return true
  }
}
