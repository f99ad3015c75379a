import Foundation
import TestSupport
import Testing

extension CommandTests {
  /// Samples of several classes at once, and two classes with one output, from the job to the table.
  @Suite("Labels")
  struct LabelsCommandTests {
    /// 96 rows; high: a > 0.5, even: b = 1, both of them at times; rare: a > 0.9.
    private static func table(_ small: SmallJob) throws {
      let rows = (0..<96).map { row -> String in
        let a = Double(row * 37 % 96) / 96
        let b = row * 7 % 5 % 2
        return "\(a),\(b),\(a > 0.5 ? 1 : 0),\(b),\(a > 0.9 ? 1 : 0),\(a > 0.5 ? "yes" : "no")"
      }
      try small.write(Array(("a,b,high,even,rare,answer\n" + rows.joined(separator: "\n") + "\n").utf8), "table.csv")
    }

    private static func job(
      _ small: SmallJob, target: String = "[high, even, rare]", outputs: Int = 3, more: String = ""
    ) throws -> String {
      try table(small)
      let text = """
        apus: 1
        name: labels
        data:
          format: csv
          train: table.csv
          test_fraction: 0.25
          target: \(target)
          columns: [a, b]
        model:
          layers:
            - dense: {outputs: 12, activation: tanh}
            - dense: {outputs: \(outputs)}
        training:
          epochs: 40
          batch: 12
          shards: 6
          loss: binary-cross-entropy
          optimizer: {name: adam, learning_rate: 0.05}
          \(more)

        """
      try small.write(Array(text.utf8), "job.yaml")
      return "job.yaml"
    }

    private static func json(_ text: String) throws -> [String: Any] {
      try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test("Three labels are learned, measured and told, the same on one rank and on three", arguments: [1, 3])
    func labels(ranks: Int) async throws {
      let small = try SmallJob()
      let job = try Self.job(small)
      let trained = try await apus(["train", job], ranks: ranks, in: small)
      #expect(trained.exitCode == 0, "\(trained.errors)")
      #expect(trained.errors.contains("  test micro F1 "))
      let lines = trained.lines
      #expect(lines.count == 8)
      #expect(lines[1].hasPrefix("test of 3 labels at threshold 0.5: micro F1 "), "\(lines)")
      #expect(lines[1].contains(", Hamming loss ") && lines[1].hasSuffix(", 24 samples"))
      #expect(lines[2].split(separator: " ") == ["label", "precision", "recall", "specificity", "F1", "support"])
      #expect(lines[3...].map { $0.prefix(5) } == ["high ", "even ", "rare ", "micro", "macro"])

      let evaluated = try await apus(["evaluate", "runs/labels", "--json"], ranks: ranks, in: small)
      let object = try Self.json(evaluated.output)
      let labels = try #require(object["labels"] as? [String: Any])
      let each = try #require(labels["labels"] as? [[String: Any]])
      #expect(each.map { $0["name"] as? String } == ["high", "even", "rare"])
      func sum(_ key: String) -> Double { each.reduce(0) { $0 + ($1[key] as? Double ?? .nan) } }
      let (tp, fp, fn, tn) = (
        sum("truePositives"), sum("falsePositives"), sum("falseNegatives"), sum("trueNegatives")
      )
      #expect(tp + fp + fn + tn == 72)
      let micro = try #require((labels["micro"] as? [String: Any])?["f1"] as? Double)
      expectClose([micro], [2 * tp / (2 * tp + fp + fn)], relative: 1e-12)
      #expect(micro > 0.9)
      expectClose([try #require(labels["hammingLoss"] as? Double)], [(fp + fn) / 72], relative: 1e-12)
      #expect(object["accuracy"] as? Double == labels["subsetAccuracy"] as? Double)
      #expect(object["confusion"] == nil && object["classNames"] == nil)
      let report = try Self.json(String(decoding: small.bytes("runs/labels/report.json"), as: UTF8.self))
      #expect(report["testMicroF1"] as? Double == micro)

      // At a low threshold every label is found.
      let low = try Self.json(
        try await apus(["evaluate", "runs/labels", "--json", "--threshold", "0.000001"], in: small).output)
      let eager = try #require(low["labels"] as? [String: Any])
      #expect((eager["micro"] as? [String: Any])?["recall"] as? Double == 1)
      #expect(eager["threshold"] as? Double == 0.000001)
    }

    @Test("Labels end with the same weights on one rank, two and three")
    func sameWeights() async throws {
      let small = try SmallJob()
      let job = try Self.job(small, more: "class_weights: [1, 0.5, 4]")
      var checkpoints: [[UInt8]] = []
      for ranks in 1...3 {
        let run = "runs/\(ranks)"
        let result = try await apus(["train", job, "--run-dir", run, "--epochs", "3"], ranks: ranks, in: small)
        #expect(result.exitCode == 0, "\(result.errors)")
        checkpoints.append(try small.newestCheckpoint(run))
      }
      #expect(checkpoints[1] == checkpoints[0] && checkpoints[2] == checkpoints[0])
    }

    @Test("Early stopping watches the micro F1", arguments: ["micro-f1", "macro-f1", "accuracy", "loss"])
    func earlyStopping(metric: String) async throws {
      let small = try SmallJob()
      let job = try Self.job(small, more: "early_stopping: {metric: \(metric), patience: 2}")
      let result = try await apus(["train", job], in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      let report = try Self.json(String(decoding: small.bytes("runs/labels/report.json"), as: UTF8.self))
      let stopping = try #require(report["earlyStopping"] as? [String: Any])
      #expect(stopping["metric"] as? String == metric)
      let key = ["micro-f1": "testMicroF1", "accuracy": "testAccuracy", "loss": "testLoss"][metric]
      let best = try #require(stopping["best"] as? [String: Any])
      if let key {
        let values = try small.records("runs/labels", "epoch").compactMap { $0[key] as? Double }
        #expect(best["value"] as? Double == (metric == "loss" ? values.min() : values.max()))
      }
    }

    @Test("Two classes are told by one output or by two", arguments: [1, 2])
    func binary(outputs: Int) async throws {
      let small = try SmallJob()
      let job = try Self.job(small, target: "answer", outputs: outputs, more: "class_weights: [1, 2]")
      let trained = try await apus(["train", job], ranks: 2, in: small)
      #expect(trained.exitCode == 0, "\(trained.errors)")
      let object = try Self.json(try await apus(["evaluate", "runs/labels", "--json"], in: small).output)
      #expect(object["classNames"] as? [String] == ["no", "yes"])
      #expect(try #require(object["accuracy"] as? Double) > 0.9)
      // Before anything is learned, ln 2 for each output: the mean over outputs, as in training, not their sum.
      let untrained = String(decoding: try small.bytes(job), as: UTF8.self).replacing("0.05}", with: "1e-9}")
      try small.write(Array(untrained.utf8), "untrained.yaml")
      _ = try await apus(["train", "untrained.yaml", "--run-dir", "runs/untrained", "--epochs", "1"], in: small)
      let loss = try #require(small.records("runs/untrained", "epoch").last?["testLoss"] as? Double)
      #expect(loss > 0.4 && loss < 1, "\(loss)")
      let threshold = try await apus(
        ["evaluate", "runs/labels", "--json", "--threshold", "0.99999999999999"], in: small)
      guard outputs == 1 else {
        #expect(threshold.exitCode == 3)
        #expect(
          threshold.errors == "error: a threshold is for labels, or for two classes with one output, and 'labels' "
            + "predicts the class of the largest score; leave --threshold out\n")
        return
      }
      let confusion = try #require(Self.json(threshold.output)["confusion"] as? [String: Any])
      let counts = try #require(confusion["counts"] as? [Int])
      #expect(counts[1] == 0 && counts[3] == 0, "nothing is as sure as that: \(counts)")
    }

    /// 60 samples of two bytes, of which the labels are the one above 100 and the other above 150; each fifth of the
    /// second label is left out.
    private static func arrays(_ small: SmallJob) throws {
      let inputs = (0..<60).map { [UInt8($0 * 53 % 251), UInt8($0 * 89 % 241)] }
      let targets = inputs.enumerated().map { index, pair -> [UInt8] in
        [pair[0] > 100 ? 1 : 0, index % 5 == 2 ? 0xff : pair[1] > 150 ? 1 : 0]
      }
      try small.write(npy("|u1", [60, 2], inputs.flatMap(\.self)), "x.npy")
      try small.write(npy("|i1", [60, 2], targets.flatMap(\.self)), "y.npy")
    }

    @Test("Arrays of labels are trained on, and those left out do not count", arguments: [1, 2])
    func arrayLabels(ranks: Int) async throws {
      let small = try SmallJob()
      _ = try Self.job(small)
      try Self.arrays(small)
      let text = String(decoding: try small.bytes("job.yaml"), as: UTF8.self)
        .replacing("  target: [high, even, rare]\n  columns: [a, b]\n", with: "  labels: [first, second]\n")
        .replacing("format: csv\n  train: table.csv", with: "format: npy\n  train: {inputs: x.npy, targets: y.npy}")
        .replacing("  test_fraction: 0.25", with: "  test: {inputs: x.npy, targets: y.npy}")
      try small.write(Array(text.replacing("outputs: 3}", with: "outputs: 2}").utf8), "arrays.yaml")
      let trained = try await apus(["train", "arrays.yaml"], ranks: ranks, in: small)
      #expect(trained.exitCode == 0, "\(trained.errors)")
      let object = try Self.json(try await apus(["evaluate", "runs/labels", "--json"], ranks: ranks, in: small).output)
      let labels = try #require((object["labels"] as? [String: Any])?["labels"] as? [[String: Any]])
      let outcomes = ["truePositives", "falsePositives", "falseNegatives", "trueNegatives"]
      #expect(labels.map { label in outcomes.reduce(0) { $0 + (label[$1] as? Int ?? -99) } } == [60, 48])
      #expect(try #require((object["labels"] as? [String: Any])?["subsetAccuracy"] as? Double) > 0.8)
      // As many outputs as labels, and the key that says how many.
      try small.write(Array(text.utf8), "wrong.yaml")
      let wrong = try await apus(["train", "wrong.yaml", "--run-dir", "runs/wrong"], ranks: ranks, in: small)
      #expect(wrong.exitCode == 3)
      #expect(
        wrong.ownErrors.contains(
          "layer 'dense2': the model ends in 3 outputs a sample, 'labels' in data names 2 labels (first, second), which "
            + "takes [2]; end it with '- dense: {outputs: 2}'"), "\(wrong.errors)")
      try small.write(Array(text.replacing("[first, second]", with: "3").utf8), "count.yaml")
      let count = try await apus(["train", "count.yaml", "--run-dir", "runs/count"], ranks: ranks, in: small)
      #expect(count.exitCode == 3)
      #expect(
        count.ownErrors.contains(
          "count.yaml:7:11: \(small.path("y.npy")): the targets are 60×2, which is not [samples, 3] for 3 labels; write "
            + "'labels: 2'"), "\(count.errors)")
    }

    @Test(
      "What fits no labels is refused with the key, both shapes and the remedy",
      arguments: [
        (
          ["outputs: 3}": "outputs: 4}"],
          """
          error: job.yaml:12:7: layer 'dense2': the model ends in 4 outputs a sample, 'target' in data names 3 labels (high, \
          even, rare), which takes [3]; end it with '- dense: {outputs: 3}'
              - dense: {outputs: 4}
                ^
          """
        ),
        (
          ["binary-cross-entropy": "cross-entropy"],
          """
          error: job.yaml:17:9: layer 'loss': cross-entropy takes one class, and a sample here has 3 labels, each 0 or 1; \
          write 'loss: binary-cross-entropy'
            loss: cross-entropy
                  ^
          """
        ),
        (
          ["[high, even, rare]": "high"],
          """
          error: job.yaml:17:9: layer 'loss': binary-cross-entropy takes classes or labels, and the target 'high' is numbers; \
          write 'loss: mean-squared-error', or 'target: [high]' in data if it is 0 and 1
            loss: binary-cross-entropy
                  ^
          """
        ),
        (
          ["[high, even, rare]": "[high, answer]", "outputs: 3}": "outputs: 2}"],
          """
          error: job.yaml:5:10: DIR/table.csv:2:13: 'no' in 'answer' is neither 0 nor 1; a list of target columns makes labels, \
          each 0 or 1 (or false or true): correct the field, or name one target column alone for numbers or classes
            train: table.csv
                   ^
          """
        ),
        (
          ["[high, even, rare]": "[high, high]"],
          """
          error: job.yaml:7:11: 'target' in data must be the name of a column, or a list of different ones, each a label, not \
          a list; for example 'target: price'
            target: [high, high]
                    ^
          """
        ),
        (
          ["epochs: 40": "epochs: 40\n  class_weights: [1, 2]"],
          """
          error: job.yaml:15:3: layer 'loss': 2 class weights do not fit 3 classes; give one number above 0 for each, or none
            class_weights: [1, 2]
            ^
          """
        ),
        (
          [
            "[high, even, rare]": "answer", "outputs: 3}": "outputs: 1}",
            "epochs: 40": "epochs: 40\n  early_stopping: {metric: micro-f1}",
          ],
          """
          error: job.yaml:15:3: 'early_stopping' watches micro-f1, which of classes is their accuracy; write 'metric: accuracy'
            early_stopping: {metric: micro-f1}
            ^
          """
        ),
      ] as [(KeyValuePairs<String, String>, String)])
    func refused(changes: KeyValuePairs<String, String>, message: String) async throws {
      let small = try SmallJob()
      let path = try Self.job(small)
      var text = String(decoding: try small.bytes(path), as: UTF8.self)
      for (old, new) in changes {
        #expect(text.contains(old))
        text = text.replacing(old, with: new)
      }
      try small.write(Array(text.utf8), path)
      let result = try await apus(["train", path], in: small)
      #expect(result.exitCode == 3)
      #expect(result.errors.replacing(small.folder.path, with: "DIR") == message + "\n")
    }
  }
}
