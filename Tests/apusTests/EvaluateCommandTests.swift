import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("apus evaluate")
  struct EvaluateCommandTests {
    @Test("The numbers of the run's report, as text and as JSON, on one rank and on two", arguments: [1, 2])
    func sameNumbers(ranks: Int) async throws {
      let small = try SmallJob()
      let job = try small.job()
      let trained = try await apus(["train", job], in: small)
      #expect(trained.exitCode == 0, "\(trained.errors)")
      let text = try await apus(["evaluate", "runs/small"], ranks: ranks, in: small)
      #expect(text.exitCode == 0, "\(text.errors)")
      #expect(text.output == trained.output)
      #expect(text.errors == "")

      let measures = try await apus(["evaluate", "runs/small", "--by-class"], ranks: ranks, in: small)
      #expect(measures.output.hasPrefix(text.output))
      let rows = measures.lines.suffix(6)
      #expect(rows.first?.split(separator: " ") == ["class", "precision", "recall", "specificity", "F1", "support"])
      #expect(rows.last?.hasPrefix("macro average") == true && rows.last?.hasSuffix(" 50") == true, "\(rows)")

      let json = try await apus(["evaluate", "runs/small", "--json"], ranks: ranks, in: small)
      let object = try #require(JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
      let report = try #require(
        JSONSerialization.jsonObject(with: Data(small.bytes("runs/small/report.json"))) as? [String: Any])
      #expect(object["accuracy"] as? Double == report["testAccuracy"] as? Double)
      expectClose([object["loss"] as? Double ?? -1], [report["testLoss"] as? Double ?? -2], relative: 1e-12)
      #expect(object["samples"] as? Int == 50)
      #expect(object["step"] as? Int == 12)
      #expect(object["classNames"] as? [String] == ["top", "upper", "lower", "bottom"])
      let counts = (object["confusion"] as? [String: Any])?["counts"] as? [Int]
      #expect(counts?.count == 16)
      #expect(counts?.reduce(0, +) == 50)
    }

    @Test("What is no run, or no whole checkpoint, is refused once, with exit code 3", arguments: [1, 2])
    func refused(ranks: Int) async throws {
      let small = try SmallJob()
      let job = try small.job()
      let none = try await apus(["evaluate", "nowhere"], ranks: ranks, in: small)
      #expect(none.exitCode == 3)
      #expect(
        none.ownErrors == "error: nowhere: there is no run; give the directory that 'apus train' named, such as "
          + "runs/lenet5-fashion-mnist\n")

      #expect(try await apus(["train", job], in: small).exitCode == 0)
      let name = small.checkpointName("runs/small", 12)
      try small.write(Array(small.bytes(name).dropLast()), name)
      let torn = try await apus(["evaluate", "runs/small", "--checkpoint", name], ranks: ranks, in: small)
      #expect(torn.exitCode == 3)
      #expect(torn.ownErrors.hasPrefix("error: \(name): "))
      #expect(torn.ownErrors.split(separator: "\n").count == 1)
      let missing = try await apus(["evaluate", "runs/small", "--checkpoint", "none"], ranks: ranks, in: small)
      #expect(missing.exitCode == 3)
      #expect(missing.ownErrors == "error: none: the file cannot be read; give the path of a checkpoint\n")

      // Without --checkpoint the one before it is tested, and the user told.
      let before = try await apus(["evaluate", "runs/small"], ranks: ranks, in: small)
      #expect(before.exitCode == 0)
      #expect(before.output.hasPrefix("small, step 8 (runs/small/checkpoints/step-00000008.safetensors)\n"))
      #expect(before.errors.hasPrefix("warning: passed over a damaged checkpoint: \(name): "))
    }

    @Test("A job without a test set cannot be evaluated, and trains without one")
    func noTestSet() async throws {
      let small = try SmallJob()
      let job = try small.job(["  test:\n    images: test-images\n    labels: test-labels\n": ""])
      let trained = try await apus(["train", job], in: small)
      #expect(trained.exitCode == 0, "\(trained.errors)")
      #expect(trained.output == "")
      let result = try await apus(["evaluate", "runs/small"], in: small)
      #expect(result.exitCode == 3)
      #expect(result.errors.contains("the job names no test set; add 'test:' with its files, or 'test_fraction: 0.2'"))
    }
  }
}
