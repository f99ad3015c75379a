import Foundation
import TestSupport
import Testing

@Test("A process that outlives its time limit is ended, and the result says so")
func processTimeout() async throws {
  let result = try await runProcess(URL(filePath: "/bin/sleep"), ["60"], timeout: .milliseconds(100))
  #expect(result.timedOut)
  #expect(result.exitCode == 128 + 15)
}

@Test("A result has both streams, the exit code and the environment asked for")
func processResult() async throws {
  let result = try await runProcess(
    URL(filePath: "/bin/sh"), ["-c", "echo $GREETING; echo bad >&2; pwd; exit 3"], environment: ["GREETING": "hello"],
    workingDirectory: URL(filePath: "/usr"))
  #expect(result.lines == ["hello", "/usr"])
  #expect(result.errors == "bad\n")
  #expect(result.exitCode == 3)
  #expect(!result.timedOut)
}
