import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("Transformers, which are described and planned")
  struct TransformerCommandTests {
    private static let job = """
      apus: 1
      name: planned
      data: {format: planned, tokens: 1e6}
      model:
        transformer:
          layers: 3
          hidden: 48
          heads: 6
          vocabulary: 90
          sequence: 32
      training:
        epochs: 1
        batch: 16
        optimizer: {name: adam, learning_rate: 0.001}

      """

    private static func file(_ name: String, _ text: String, in small: SmallJob) throws -> String {
      try small.write(Array(text.utf8), name)
      return small.path(name)
    }

    @Test("Equal blocks of a large model are shown once, the total is of all")
    func equalBlocks() async throws {
      let result = try await apus(["describe", "gpt3-175b"], in: SmallJob())
      #expect(result.exitCode == 0, "\(result.errors)")
      let rows = result.lines.map { $0.split(separator: /\s{2,}/).map(String.init) }
      #expect(result.lines.count < 30)
      #expect(rows[0] == ["gpt3-175b, 1 sample"])
      let qkv = try #require(rows.first { $0[0] == "block0…95/attention/qkv" })
      #expect(
        qkv == [
          "block0…95/attention/qkv", "×96", "dense", "1×2048×36864", "453,021,696", "1.86 TFLOP", "3.71 TFLOP",
          "288.0 MiB",
          "0 B",
        ])
      let total = try #require(rows.first { $0[0] == "total" })
      #expect(total[1] == "174,604,259,328")
      // Tied: the table counts where the tokens are embedded.
      #expect(rows.contains { $0.prefix(4) == ["head/output", "dense", "1×2048×50257", "–"] })
      let memory = "memory of a step: parameters 650.5 GiB, gradients 650.5 GiB, saved activations "
      #expect(result.lines.suffix(2).first?.hasPrefix(memory) == true, "\(result.output)")
      #expect(result.lines.last == "not trained yet: Apus has no kernel for 'position embedding'")
      let blocks = try await apus(["describe", "gpt3-175b", "--depth", "1"], in: SmallJob())
      let block = blocks.lines.map { $0.split(separator: /\s{2,}/).map(String.init) }.first { $0[0] == "block0…95" }
      #expect(block.map { [$0[1], $0[3], $0[4]] } == ["×96", "1×2048×12288", "1,812,099,072"])
    }

    @Test("JSON has each block, and says that there is no kernel")
    func json() async throws {
      let result = try await apus(["describe", "t5-small", "--batch", "2", "--input", "64", "--json"], in: SmallJob())
      let object = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
      let summary = try #require(object["summary"] as? [String: Any])
      let layers = try #require(summary["layers"] as? [[String: Any]])
      let output = layers.first { $0["name"] as? String == "encoder/block5/mlp/up" }?["output"] as? [Int]
      #expect(output == [2, 64, 2048])
      #expect(object["missingKernel"] as? String == "relative position bias")
      #expect((object["memory"] as? [String: Any])?["workspace"] == nil)
    }

    @Test("A planned job is described for a shard, with its optimizer")
    func described() async throws {
      let small = try SmallJob()
      let path = try Self.file("planned.yaml", Self.job, in: small)
      let result = try await apus(["describe", path], in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.output.hasPrefix("planned, 2 samples\n"), "\(result.output)")
      #expect(result.output.contains(", optimizer "))
    }

    @Test(
      "What is planned is not trained, tuned or checked: it is refused at its line, with the remedy",
      arguments: [
        ["train"], ["train", "--ranks", "2"], ["tune", "--learning-rate"], ["tune", "--batch"], ["check-gradients"],
      ])
    func refused(command: [String]) async throws {
      let small = try SmallJob()
      let planned = try Self.file("planned.yaml", Self.job, in: small)
      let data = try await apus([command[0], planned] + command.dropFirst(), in: small)
      #expect(data.exitCode == 3)
      #expect(
        data.errors.hasPrefix(
          "error: \(planned):3:16: data: the samples are planned, and there are none to compute with "
            + "('apus plan' and 'apus describe' work); give the format and the files of your data\n"), "\(data.errors)")
      #expect(data.output == "")
      let text = try Self.file(
        "text.yaml",
        Self.job.replacing(
          "{format: planned, tokens: 1e6}", with: "{format: text, train: missing.txt, sequence_length: 32}"),
        in: small)
      let kernel = try await apus([command[0], text] + command.dropFirst(), in: small)
      #expect(kernel.exitCode == 3)
      #expect(
        kernel.errors.hasPrefix(
          "error: \(text):5:3: layer 'embedding/position': Apus has no kernel for 'position embedding' yet, so the model "
            + "can be planned and described, not trained; use 'apus plan' or 'apus describe', or a model without it\n"),
        "\(kernel.errors)")
      #expect(!FileManager.default.fileExists(atPath: small.path("runs")))
    }
  }
}
