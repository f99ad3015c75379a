import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("apus tune and what apus train tells of its options")
  struct TuneCommandTests {
    @Test("A range of learning rates is a table with a suggestion, from which training then learns")
    func learningRate() async throws {
      let small = try SmallJob()
      let job = try small.job(["    - dropout: 0.25\n": ""])
      let result = try await apus(["tune", job, "--learning-rate", "--steps", "120"], in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      let form =
        #/small: learning-rate range test, adam, batch 24\n\n *learning rate +loss +smoothed\n[─ ]+\n(?: *[-.\de+]+ +\d+\.\d{4} +\d+\.\d{4}\n){5,25}\n(?:above .* the loss leaps\n)?suggested: learning_rate: ([-.\de]+), where the loss falls fastest\n/#
      let match = try #require(result.output.wholeMatch(of: form), "\(result.output)")
      let rate = try #require(Double(match.1))
      #expect(rate > 0.001 && rate < 0.2, "\(rate)")
      #expect(!FileManager.default.fileExists(atPath: small.path("runs")))
    }

    @Test("JSON holds every point; the rates grow by one factor, the first loss is training's own")
    func learningRateJSON() async throws {
      let small = try SmallJob()
      let job = try small.job()
      let result = try await apus(
        ["tune", job, "--learning-rate", "--json", "--steps", "30", "--from", "0.001", "--to", "0.1"], in: small)
      let object = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
      let points = try #require((object["test"] as? [String: Any])?["points"] as? [[String: Double]])
      #expect(points.count == 30)
      let rates = points.compactMap { $0["learningRate"] }
      expectClose(rates, (0..<30).map { 0.001 * pow(100, Double($0) / 29) }, relative: 1e-12)
      _ = try await apus(["train", job, "--run-dir", "run", "--epochs", "1"], in: small)
      #expect(points[0]["loss"] == (try small.records("run", "step").first?["loss"] as? Double))
    }

    @Test("Speed by batch size, as many sizes as there are samples")
    func batch() async throws {
      let small = try SmallJob()
      let result = try await apus(["tune", small.job(), "--batch", "--json"], in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      let object = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
      let rows = try #require((object["test"] as? [String: Any])?["rows"] as? [[String: Any]])
      #expect(rows.compactMap { $0["batch"] as? Int } == [16, 32, 64, 128])
      #expect(rows.allSatisfy { ($0["samplesPerSecond"] as? Double ?? 0) > 0 })
      let suggested = try #require(object["suggested"] as? Int)
      #expect([16, 32, 64, 128].contains(suggested))
    }

    @Test(
      "What cannot be tuned is a usage error",
      arguments: [
        (["tune", "job.yaml"], "give one of --learning-rate and --batch"),
        (["tune", "job.yaml", "--batch", "--learning-rate"], "give one of --learning-rate and --batch"),
        (
          ["tune", "job.yaml", "--learning-rate", "--from", "1", "--to", "0.1"],
          "--from 1.0 --to 0.1: rates are above 0"
        ),
        (["tune", "job.yaml", "--learning-rate", "--steps", "3"], "--steps 3: take at least 20"),
      ] as [([String], String)])
    func usage(arguments: [String], text: String) async throws {
      let result = try await apus(arguments, in: SmallJob())
      #expect(result.exitCode == 2)
      #expect(result.errors.contains(text), "\(result.errors)")
    }

    @Test("A gradient that float32 loses fails the check: exit code 7, the worst offenders first")
    func gradientsFail() async throws {
      let small = try SmallJob()
      // Sixty sigmoids leave less than 10⁻⁴⁵ of a gradient, which float32 has no number for.
      let chain = (0..<60).map { _ in "    - dense: {outputs: 1, activation: sigmoid}\n" }.joined()
      let job = try small.job(["    - dense: {outputs: 9, activation: relu}\n": chain])
      let result = try await apus(["check-gradients", job, "--per-parameter", "2", "--samples", "2"], in: small)
      #expect(result.exitCode == 7, "\(result.errors)")
      #expect(result.lines.last == "FAILED: errors up to 1.0e-05 pass, float32 errors up to 1.0e-04")
      let rows = result.lines.dropFirst(3).dropLast()
      let float32 = rows.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
      #expect(float32.count == 124, "\(result.output)")
      #expect(float32.first ?? 0 > 1e-4 && float32.last ?? 1 < 1e-4)
      let failed = float32.map { $0 > 1e-4 }
      #expect(failed == failed.sorted { $0 && !$1 }, "those that fail come first")
    }

    @Test("The summary tells what early stopping, L1, pre-training and a look at gradients came to")
    func summary() async throws {
      let small = try SmallJob()
      let chain = (0..<5).map { _ in "    - dense: {outputs: 9, activation: sigmoid}\n" }.joined()
      let job = try small.job([
        "    - dense: {outputs: 9, activation: relu}\n": chain,
        "{name: adam, learning_rate: 0.01}":
          "{name: adam, learning_rate: 0.01}\n  l1: 0.1\n  early_stopping: {patience: 2, min_delta: 9}\n"
          + "  pretraining: {epochs_per_layer: 1}", "epochs: 2": "epochs: 6",
        "lower, bottom]": "lower, bottom]\n  validation_fraction: 0.2",
      ])
      let result = try await apus(["train", job], in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      let lines = result.errors.split(separator: "\n").map(String.init)
      let patterns = [
        #"small: [0-9,]+ parameters, 120 training, 30 validation and 50 test samples"#,
        #"pre-training 'conv1', layer 1 of 6: steps 1 to 5"#, #"pre-training 'dense5', layer 6 of 6: steps 26 to 30"#,
        #"warning: vanishing-gradients in step \d+: .*"#,
        #"epoch \d/12  training loss \d\.\d{4}  validation loss \d\.\d{4}  validation accuracy \d+\.\d\d %  test loss .*  sparsity \d+\.\d\d %  .*"#,
        #"stopped early after epoch 9; best epoch 7, loss \d\.\d{4}, whose weights are restored"#,
        #"sparsity: \d+\.\d\d % of [0-9,]+ parameters are zero"#,
      ]
      for pattern in patterns {
        let form = try Regex(pattern)
        #expect(lines.contains { $0.wholeMatch(of: form) != nil }, "\(pattern) in \(result.errors)")
      }
      // What the directory holds is what was told.
      let evaluation = try await apus(["evaluate", "runs/small"], in: small)
      #expect(evaluation.exitCode == 0, "\(evaluation.errors)")
      #expect(evaluation.lines[1] == result.lines[1])
    }
  }
}
