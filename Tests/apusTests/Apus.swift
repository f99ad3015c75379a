import Foundation
import TestSupport
import Testing

/// Tests of the built command, one after the other: its runs would starve each other of the machine's few cores.
@Suite("The command", .serialized) enum CommandTests {}

/// Runs the built command, on ranks under mpirun if there are several.
///
/// Without mpirun training takes one rank, unless `arguments` ask for `--ranks`.
func apus(
  _ arguments: [String], ranks: Int = 1, in small: SmallJob, environment: [String: String] = [:],
  timeout: Duration = .seconds(60)
) async throws -> ProcessResult {
  let executable = try BuiltProduct.url("apus")
  let isAlone =
    arguments.first == "train" && arguments.count > 1 && ranks == 1 && !arguments.contains("--ranks")
    && environment.isEmpty
  let arguments = arguments + (isAlone ? ["--ranks", "1"] : [])
  return ranks == 1
    ? try await runProcess(
      executable, arguments, environment: environment, workingDirectory: small.folder, timeout: timeout)
    : try await mpirun(
      ranks, executable, arguments, environment: environment, workingDirectory: small.folder, timeout: timeout)
}

extension ProcessResult {
  /// Standard error without what mpirun adds when a rank ends with an exit code.
  var ownErrors: String {
    errors.split(separator: "-\n", omittingEmptySubsequences: false).map(String.init)
      .filter { !$0.contains("mpirun detected that") && !$0.contains("terminated normally, but") }
      .map { $0.trimmingCharacters(in: CharacterSet(charactersIn: "-")) }
      .filter { !$0.isEmpty && $0 != "\n" }.joined()
  }
}
