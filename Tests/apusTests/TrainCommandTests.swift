import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("apus train")
  struct TrainCommandTests {
    @Test("The same checkpoint on 1, 2 and 3 ranks, and the same test on standard output")
    func sameBits() async throws {
      let small = try SmallJob()
      let job = try small.job()
      var results: [ProcessResult] = []
      for ranks in 1...3 {
        results.append(try await apus(["train", job, "--run-dir", "run-\(ranks)"], ranks: ranks, in: small))
        #expect(results[ranks - 1].exitCode == 0, "\(results[ranks - 1].errors)")
      }
      for ranks in 2...3 {
        #expect(try small.newestCheckpoint("run-\(ranks)") == small.newestCheckpoint("run-1"), "\(ranks) ranks")
        #expect(results[ranks - 1].output == results[0].output.replacing("run-1", with: "run-\(ranks)"))
      }
    }

    @Test("Ranks that are threads of one process end with the bits of one rank", arguments: [2, 3])
    func sameBitsInOneProcess(ranks: Int) async throws {
      let small = try SmallJob()
      let job = try small.job()
      let alone = try await apus(["train", job, "--run-dir", "alone", "--ranks", "1"], in: small)
      let together = try await apus(["train", job, "--run-dir", "together", "--ranks", "\(ranks)"], in: small)
      #expect(alone.exitCode == 0 && together.exitCode == 0, "\(alone.errors)\(together.errors)")
      #expect(together.errors.contains("\(ranks) ranks × 1 thread on 1 host"))
      #expect(try small.newestCheckpoint("together") == small.newestCheckpoint("alone"))
    }

    @Test("A failure of ranks that are threads is told once, with its own exit code")
    func failureInOneProcess() async throws {
      let small = try SmallJob()
      let job = try small.job(["train-labels": "no-labels"])
      let result = try await apus(["train", job, "--ranks", "2"], in: small)
      #expect(result.exitCode == 3)
      #expect(result.errors.components(separatedBy: "error:").count == 2, "\(result.errors)")
      #expect(result.errors.contains("no-labels"))
    }

    @Test("Standard output is the test of the trained network, standard error the story, in plain lines")
    func streams() async throws {
      let small = try SmallJob()
      let result = try await apus(["train", try small.job(), "--threads", "1"], in: small)
      #expect(result.exitCode == 0)
      let head =
        #/
      small,\ step\ 12\ \(runs/small/checkpoints/step-00000012\.safetensors\)\n
      test\ accuracy\ (\d+\.\d\d)\ %,\ loss\ 0\.\d{4},\ 50\ samples\n
      for\ comparison,\ always\ "(?:top|upper|lower|bottom)":\ accuracy\ \d\d\.00\ %;\ the\ classes'\ shares:\ loss\ 1\.3\d{3}\n\n
      confusion\ matrix:\ rows\ are\ true\ classes,\ columns\ predicted\ ones\n
      true\ \\\ pred\.\ .*recall\n(?:(?:top|upper|lower|bottom|precision)\ .*%\n){5}
      /#
      let match = try #require(result.output.wholeMatch(of: head), "\(result.output)")
      #expect((Double(match.1) ?? 0) > 50)
      #expect(!result.errors.contains("\r"))
      #expect(!result.errors.contains("\u{1B}"))
      let patterns = [
        #"small: 772 parameters, 150 training and 50 test samples"#,
        #"1 rank × 1 thread on 1 host, batch 24 in 6 shards, reproducible reduction, [0-9.]+ KiB a rank"#,
        #"run directory: runs/small"#,
        #"epoch 1/2  step 1/6  loss 1\.\d{4}  [0-9,]+ samples/s  0:00 left"#,
        #"epoch 1/2  training loss \d\.\d{4}  test loss \d\.\d{4}  test accuracy \d+\.\d\d %  .* [0-9,]+ samples/s"#,
        #"epoch 2/2  training loss \d\.\d{4}  test loss \d\.\d{4}  test accuracy \d+\.\d\d %  .* [0-9,]+ samples/s"#,
        #"trained 2 epochs, 12 steps in .* \(.* with evaluation and checkpoints\): [0-9,]+ samples/s"#,
        #"memory of a rank: [0-9.]+ KiB of tensors, [0-9.]+ MiB peak of the process"#,
        #"checkpoint: runs/small/checkpoints/step-00000012\.safetensors"#,
      ]
      let lines = result.errors.split(separator: "\n").map(String.init)
      #expect(lines.count == patterns.count, "\(result.errors)")
      for (line, pattern) in zip(lines, patterns) {
        #expect(try Regex(pattern).wholeMatch(in: line) != nil, "\(line)")
      }
    }

    @Test(
      "Gradients sent beside backward over MPI: the bits of one rank on 1 to 4, with a trace of all ranks",
      arguments: ["", "\n  zero: 1\n  gradient_precision: bfloat16"])
    func overlap(keys: String) async throws {
      let small = try SmallJob()
      let job = try small.job(["shards: 6": "shards: 8\n  bucket: 1 KiB" + keys])
      let buckets = keys.isEmpty ? 5 : 6
      for ranks in 1...4 {
        let result = try await apus(
          ["train", job, "--run-dir", "run-\(ranks)", "--overlap", "on", "--trace", "trace-\(ranks).json"],
          ranks: ranks,
          in: small)
        #expect(result.exitCode == 0, "\(result.errors)")
        let told = result.errors.contains(
          try Regex(
            #"all-reduce: reproducible \([a-z, ]+\), .* in \#(buckets) buckets of up to 5\.00 KiB a step, \d+ % of it hidden"#
          ))
        #expect(told == (ranks > 1), "\(result.errors)")
        let trace = try #require(
          JSONSerialization.jsonObject(with: Data(small.bytes("trace-\(ranks).json"))) as? [String: Any])
        let events = try #require(trace["traceEvents"] as? [[String: Any]])
        #expect(Set(events.compactMap { $0["pid"] as? Int }) == Set(0..<ranks))
      }
      let one = try small.newestCheckpoint("run-1")
      for ranks in 2...4 { #expect(try small.newestCheckpoint("run-\(ranks)") == one, "\(ranks) ranks") }
    }

    @Test(
      "On a terminal there is a bar, also under mpirun, and nothing is left of it", arguments: ["", "mpirun -np 2 "])
    func terminal(launcher: String) async throws {
      let script = URL(filePath: "/usr/bin/script")
      guard FileManager.default.isExecutableFile(atPath: script.path) else { return }
      let small = try SmallJob()
      _ = try small.job()
      let command = "\(launcher)\(try BuiltProduct.url("apus").path) train job.yaml"
      let result = try await runProcess(
        script, ["-qec", command, "/dev/null"],
        environment: ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"],
        workingDirectory: small.folder)
      #expect(result.exitCode == 0)
      let bar = #/\r\u{1B}\[K\[█*·+\] epoch 1/2  step 1/6  loss 1\.\d{4}  [0-9,]+ samples/s  0:00 left\r\u{1B}\[K/#
      #expect(result.output.contains(bar), "\(result.output)")
      #expect(result.output.contains("\r\u{1B}[Kepoch 1/2  training loss"))
    }

    @Test("A second run is numbered; --resume goes on with the newest and says that it is finished")
    func secondRun() async throws {
      let small = try SmallJob()
      let job = try small.job()
      let first = try await apus(["train", job], in: small)
      let second = try await apus(["train", job], ranks: 2, in: small)
      #expect(first.errors.contains("run directory: runs/small\n"))
      #expect(second.errors.contains("run directory: runs/small-2\n"))
      #expect(try small.newestCheckpoint("runs/small") == small.newestCheckpoint("runs/small-2"))
      for ranks in 1...2 {
        let resumed = try await apus(["train", job, "--resume"], ranks: ranks, in: small)
        #expect(resumed.exitCode == 0)
        #expect(resumed.output == second.output)
        #expect(resumed.errors.contains("resumed after step 12\nrun directory: runs/small-2\n"))
        #expect(
          resumed.errors.hasSuffix(
            "nothing left to train: the run is finished after step 12; go on with more epochs by --epochs\n"))
      }
      let more = try await apus(["train", job, "--resume", "--epochs", "3"], in: small)
      #expect(more.exitCode == 0)
      #expect(try small.recordedSteps("runs/small-2") == Array(1...18))
      let none = try await apus(["train", job, "--resume", "--run-dir", "new"], in: small)
      #expect(none.exitCode == 0)
      #expect(none.errors.hasPrefix("warning: there is no run in new to resume: it begins anew\n"))
    }

    @Test("A rank of a launcher that MPI cannot join never trains alone")
    func foreignLauncher() async throws {
      let small = try SmallJob()
      let result = try await apus(
        ["train", try small.job()], in: small, environment: ["PMI_SIZE": "2", "PMI_RANK": "1"])
      #expect(result.exitCode == 5)
      #expect(result.output == "")
      #expect(
        result.errors == """
          error: started by an MPICH or Intel MPI launcher (PMI, 2 ranks), whose ranks Open MPI cannot join; start the ranks \
          with Open MPI's mpirun, or with srun --mpi=pmix [launch]

          """)
      #expect(!FileManager.default.fileExists(atPath: small.path("runs")))
    }

    @Test("Numbers that are not finite end the run with exit code 7 and one text", arguments: [1, 2])
    func notFinite(ranks: Int) async throws {
      let small = try SmallJob()
      let job = try small.job(["{name: adam, learning_rate: 0.01}": "{name: sgd, learning_rate: 1e30}"])
      let result = try await apus(["train", job], ranks: ranks, in: small)
      #expect(result.exitCode == 7)
      #expect(result.output == "")
      let errors = result.ownErrors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
      #expect(errors.count == 1)
      #expect(
        errors.first?.hasPrefix("error: step 2: the loss is ") == true
          && errors.first?.contains(" of layer 'dense2', shard ") == true, "\(result.errors)")
      #expect(try small.recordedSteps("runs/small") == [1])
      #expect(small.checkpoints("runs/small") == [])
    }

    @Test("A disk that takes no checkpoint ends the run on every rank, with one text", arguments: [1, 2, 3])
    func storage(ranks: Int) async throws {
      let small = try SmallJob()
      let blocked = small.checkpointName("run", 4)
      try FileManager.default.createDirectory(atPath: small.path(blocked + "/x"), withIntermediateDirectories: true)
      let result = try await apus(
        ["train", try small.job(), "--run-dir", "run"], ranks: ranks, in: small, timeout: .seconds(20))
      #expect(!result.timedOut)
      #expect(result.exitCode == 1)
      let errors = result.ownErrors.split(separator: "\n").filter { $0.hasPrefix("error: ") }
      #expect(errors == ["error: cannot replace \(blocked): Is a directory; free space or choose another --run-dir"])
    }

    @Test("One epoch of Fashion-MNIST on 2 ranks gets more than 75 % right")
    func fashionMNIST() async throws {
      let data = "/usr/share/datasets/fashion-mnist"
      guard FileManager.default.fileExists(atPath: data) else { return }
      let small = try SmallJob()
      let job = BuiltProduct.packageRoot.appending(path: "cluster/jobs/lenet5-fashion-mnist.yaml").path
      let result = try await apus(["train", job, "--epochs", "1"], ranks: 2, in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      let match = try #require(result.output.firstMatch(of: #/test accuracy (\d+\.\d\d) %/#), "\(result.output)")
      #expect((Double(match.1) ?? 0) > 75)
    }
  }
}
