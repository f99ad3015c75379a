import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("A rank that is lost in training")
  struct LostRankTests {
    @Test("Stopped: the others name it when their time is up, and end with 6", arguments: ["reproducible", "fastest"])
    func stopped(reduction: String) async throws {
      let result = try await lose(
        1, SIGSTOP, ["every_steps: 4": "every_steps: 20", "shards: 6": "shards: 6\n  reduction: \(reduction)"])
      #expect(result.exitCode == 6, "timed out: \(result.timedOut)\n\(result.errors)")
      // Rank 1 speaks too, once mpirun lets it go on.
      let told = result.errors.split(separator: "\n")
        .filter { $0.contains("did not arrive within ") && !$0.contains("rank 1 waits") }
      #expect(!told.isEmpty && told.allSatisfy { $0.contains("for rank 1 ") }, "\(result.errors)")
    }

    @Test("Killed: the others name it at once", arguments: [0, 2])
    func killed(rank: Int) async throws {
      let result = try await lose(rank, SIGKILL)
      #expect(result.exitCode == 137, "timed out: \(result.timedOut)\n\(result.errors)")
    }

    /// Trains on three ranks until one gets a signal.
    private func lose(
      _ rank: Int, _ signal: Int32, _ changes: KeyValuePairs<String, String> = ["every_steps: 4": "every_steps: 20"]
    ) async throws -> ProcessResult {
      let small = try SmallJob()
      let job = try small.job(changes)
      // Killed at once, ranks that are stopped hold up mpirun now and then.
      async let result = mpirun(
        3, BuiltProduct.url("apus"),
        ["train", job, "--run-dir", "run", "--epochs", "100000", "--collective-timeout", "2"],
        workingDirectory: small.folder, killsAtOnce: false)
      let deadline = ContinuousClock.now + .seconds(60)
      while (small.checkpoints("run").last ?? 0) < 60, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(2))
      }
      for process in RankTarget.rank(rank).processes(training: job) { kill(process, signal) }
      return try await result
    }
  }

  @Suite("Ranks that were given different jobs")
  struct DifferentJobsTests {
    @Test("They are refused before data is read, by the first that differs")
    func refused() async throws {
      let small = try SmallJob()
      _ = try small.job()
      let text = try String(contentsOfFile: small.path("job.yaml"), encoding: .utf8)
      for rank in 0..<3 {
        let own = rank == 2 ? text.replacing("epochs: ", with: "epochs: 1") : text
        try own.write(toFile: small.path("job\(rank).yaml"), atomically: true, encoding: .utf8)
      }
      let command = "exec \(try BuiltProduct.url("apus").path) train job$OMPI_COMM_WORLD_RANK.yaml --run-dir run"
      let result = try await mpirun(3, URL(filePath: "/bin/sh"), ["-c", command], workingDirectory: small.folder)
      #expect(result.exitCode == 3, "\(result.errors)")
      #expect(
        result.errors.contains("error: rank 2 sees another job file than rank 0; put the same one on every host"),
        "\(result.errors)")
    }
  }

  @Suite("The bits of a run")
  struct SameBitsTests {
    @Test(
      "The same checkpoint on 1, 2, 3, 4 and 8 ranks of MPI as on ranks that are threads, for every bucket size",
      arguments: [nil, "1100 B", "4 kB"])
    func sameBits(bucket: String?) async throws {
      let small = try SmallJob()
      let job = try small.job([
        "shards: 6": "shards: 9" + (bucket.map { "\n  bucket: \($0)" } ?? ""), "batch: 24": "batch: 27",
      ])
      let whole = try await apus(["train", job, "--run-dir", "whole"], in: small)
      #expect(whole.exitCode == 0, "\(whole.errors)")
      let expected = try small.newestCheckpoint("whole")
      for ranks in [2, 3, 4, 8] {
        let threads = try await apus(["train", job, "--run-dir", "threads\(ranks)", "--ranks", "\(ranks)"], in: small)
        #expect(threads.exitCode == 0, "\(threads.errors)")
        #expect(try small.newestCheckpoint("threads\(ranks)") == expected, "\(ranks) threads")
        let processes = try await apus(["train", job, "--run-dir", "mpi\(ranks)"], ranks: ranks, in: small)
        #expect(processes.exitCode == 0, "\(processes.errors)")
        #expect(try small.newestCheckpoint("mpi\(ranks)") == expected, "\(ranks) processes")
      }
    }
  }
}
