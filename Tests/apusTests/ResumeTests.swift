import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("A run that is ended from outside and goes on")
  struct ResumeTests {
    struct Case: Sendable, CustomTestStringConvertible {
      let testDescription: String
      let ranks: Int
      let signal: Int32
      let target: RankTarget
      /// The first checkpoint to wait for, so that the signal comes early or late.
      let step: Int
      let ranksAfter: Int
    }

    static let cases = [
      Case(testDescription: "TERM, early", ranks: 1, signal: SIGTERM, target: .rank(0), step: 20, ranksAfter: 1),
      Case(testDescription: "TERM, late", ranks: 1, signal: SIGTERM, target: .rank(0), step: 300, ranksAfter: 2),
      Case(testDescription: "INT", ranks: 1, signal: SIGINT, target: .rank(0), step: 100, ranksAfter: 1),
      Case(testDescription: "KILL", ranks: 1, signal: SIGKILL, target: .rank(0), step: 150, ranksAfter: 3),
      Case(
        testDescription: "TERM of rank 1 of 2", ranks: 2, signal: SIGTERM, target: .rank(1), step: 60, ranksAfter: 2),
      Case(testDescription: "TERM of mpirun", ranks: 2, signal: SIGTERM, target: .launcher, step: 100, ranksAfter: 2),
      Case(
        testDescription: "KILL of rank 0 of 2", ranks: 2, signal: SIGKILL, target: .rank(0), step: 80, ranksAfter: 2),
      Case(
        testDescription: "KILL of rank 1 of 2", ranks: 2, signal: SIGKILL, target: .rank(1), step: 200, ranksAfter: 1),
      Case(testDescription: "KILL of all", ranks: 2, signal: SIGKILL, target: .everything, step: 40, ranksAfter: 2),
    ]

    @Test("It ends with the bits of an undisturbed run, and each step recorded once", arguments: cases)
    func sameBits(ended: Case) async throws {
      let small = try SmallJob()
      let job = try small.job(["every_steps: 4": "every_steps: 20"])
      // Epochs without end; how many there shall be is known once it has been ended.
      let first = try await end(ended, job, small)
      switch (ended.signal, ended.target) {
      case (SIGKILL, _): #expect(first.exitCode == 137, "\(first.errors)")
      case (_, .launcher): #expect(first.exitCode != 0)
      default: #expect(first.exitCode == 128 + ended.signal, "\(first.errors)")
      }
      let step = try #require(small.checkpoints("run").last)
      #expect(step >= ended.step)
      if ended.signal != SIGKILL, case .rank = ended.target {
        #expect(
          first.errors.contains(
            "after step \(step), checkpoint written; go on with: apus train \(job) --run-dir run --resume"),
          "\(first.errors)")
        #expect(try small.recordedSteps("run") == Array(1...step))
      }

      let epochs = "\(step / 6 + 4)"
      let resumed = try await apus(
        ["train", job, "--run-dir", "run", "--resume", "--epochs", epochs], ranks: ended.ranksAfter, in: small)
      #expect(resumed.exitCode == 0, "\(resumed.errors)")
      #expect(resumed.errors.contains("resumed after step \(step)\n"))
      let whole = try await apus(["train", job, "--run-dir", "whole", "--epochs", epochs], in: small)
      #expect(whole.exitCode == 0, "\(whole.errors)")
      #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
      #expect(try small.recordedSteps("run") == small.recordedSteps("whole"))
      #expect(try small.recordedSteps("run") == Array(1...(step / 6 + 4) * 6))
      let files = try FileManager.default.subpathsOfDirectory(atPath: small.path("run"))
      #expect(!files.contains { $0.hasSuffix(".partial") }, "\(files)")
    }

    /// Runs the job until the case's signal ends it.
    private func end(_ ended: Case, _ job: String, _ small: SmallJob) async throws -> ProcessResult {
      async let result = apus(
        ["train", job, "--run-dir", "run", "--epochs", "100000"], ranks: ended.ranks, in: small, timeout: .seconds(30))
      let deadline = ContinuousClock.now + .seconds(120)
      while (small.checkpoints("run").last ?? 0) < ended.step, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(2))
      }
      for process in ended.target.processes(training: job) { kill(process, ended.signal) }
      return try await result
    }
  }
}
