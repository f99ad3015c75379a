import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("apus predict")
  struct PredictCommandTests {
    private static func object(_ text: String) throws -> [String: Any] {
      try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private static func rows(_ text: String) throws -> [[String: Any]] {
      try #require(object(text)["rows"] as? [[String: Any]])
    }

    @Test("Classes and their probabilities of the test images, right as often as the test found, and of images alone")
    func classes() async throws {
      let small = try SmallJob()
      #expect(try await apus(["train", small.job()], in: small).exitCode == 0)
      let tested = try Self.object(try await apus(["evaluate", "runs/small", "--json"], in: small).output)
      let result = try await apus(["predict", "runs/small", "--json"], in: small)
      #expect(result.exitCode == 0 && result.errors == "", "\(result.errors)")
      let summary = try Self.object(result.output)["summary"] as? [String: Any]
      expectClose([summary?["exactMatch"] as? Double ?? -1], [tested["accuracy"] as? Double ?? -2], relative: 1e-12)
      let rows = try Self.rows(result.output)
      #expect(rows.count == 50)
      let names = ["top", "upper", "lower", "bottom"]
      for row in rows {
        let probabilities = try #require(row["probabilities"] as? [Double])
        expectClose([probabilities.reduce(0, +)], [1], relative: 1e-9)
        let largest = try #require(probabilities.indices.max { probabilities[$0] < probabilities[$1] })
        #expect(row["prediction"] as? String == names[largest])
      }
      let alone = try await apus(["predict", "runs/small", "--input", "test-images", "--json"], in: small)
      #expect(
        try Self.rows(alone.output).compactMap { $0["probabilities"] as? [Double] }
          == rows.compactMap { $0["probabilities"] as? [Double] })
      #expect(try Self.object(alone.output)["summary"] == nil)

      let text = try await apus(["predict", "runs/small", "--samples", "3"], in: small)
      #expect(text.lines[0] == "small, step 12 (runs/small/checkpoints/step-00000012.safetensors)")
      #expect(text.lines[1].split(separator: " ") == ["sample", "class", "truth", "top", "upper", "lower", "bottom"])
      #expect(text.lines.count == 7 && text.lines[6].hasPrefix("3 samples with a known truth: right "))
      let first = text.lines[3].split(separator: " ").map(String.init)
      #expect(
        first[0] == "1" && first[1] == rows[0]["prediction"] as? String && first[2] == rows[0]["truth"] as? String)
    }

    /// y = 100 + 20 a + 50 if the kind is x.
    private static func table(_ small: SmallJob) throws -> String {
      let lines = (0..<60).map { row in
        let (a, kind) = (Double(row * 37 % 60) / 10, ["x", "y", "z"][row * 7 % 3])
        return "\(a),\(kind),\(100 + 20 * a + (kind == "x" ? 50 : 0))"
      }
      try small.write(Array(("a,kind,y\n" + lines.joined(separator: "\n") + "\n").utf8), "table.csv")
      let job = """
        apus: 1
        name: numbers
        data: {format: csv, train: table.csv, target: y, test_fraction: 0.2}
        model: {layers: [dense: {outputs: 8, activation: tanh}, dense: {outputs: 1}]}
        training:
          epochs: 60
          batch: 12
          shards: 4
          loss: mean-squared-error
          optimizer: {name: adam, learning_rate: 0.02}
        """
      try small.write(Array(job.utf8), "numbers.yaml")
      return small.path("numbers.yaml")
    }

    @Test("Numbers in the data's units, from a file without the target and with columns of its own")
    func values() async throws {
      let small = try SmallJob()
      #expect(try await apus(["train", Self.table(small)], in: small).exitCode == 0)
      let tested = try Self.object(try await apus(["evaluate", "runs/numbers", "--json"], in: small).output)
      let all = try await apus(["predict", "runs/numbers", "--json"], in: small)
      #expect(all.exitCode == 0, "\(all.errors)")
      let error = (try Self.object(all.output)["summary"] as? [String: Any])?["rootMeanSquaredError"] as? Double
      let known = (tested["regression"] as? [String: Any])?["rootMeanSquaredError"] as? Double
      expectClose([try #require(error)], [try #require(known)], relative: 1e-5)

      // The training data are not needed.
      try FileManager.default.removeItem(atPath: small.path("table.csv"))
      try small.write(Array("kind,note,a\nx,?,1\ny,,4.5\n".utf8), "new.csv")
      let new = try await apus(["predict", "runs/numbers", "--input", "new.csv", "--json"], in: small)
      #expect(new.exitCode == 3)
      #expect(new.errors.hasPrefix("error: \(small.path("new.csv"))") || new.errors.hasPrefix("error: new.csv"))
      try small.write(Array("a,kind\n1,x\n4.5,y\n".utf8), "new.csv")
      let rows = try Self.rows(
        try await apus(["predict", "runs/numbers", "--input", "new.csv", "--json"], in: small).output)
      let values = rows.compactMap { ($0["values"] as? [Double])?.first }
      expectClose(values, [170, 190], relative: 0.1)
      let text = try await apus(["predict", "runs/numbers", "--input", "new.csv"], in: small)
      #expect(text.lines.count == 5 && text.lines[1].split(separator: " ") == ["sample", "y"])
    }

    private static func pairs(_ small: SmallJob) throws -> String {
      let words = ["one", "two", "three", "four"]
      let said = ["un", "deux", "trois", "quatre"]
      let rows = (0..<120).map { row in
        "\(words[row % 4]) \(words[row / 4 % 4])\t\(said[row / 4 % 4]) \(said[row % 4])"
      }
      try small.write(Array(("source\ttarget\n" + rows.joined(separator: "\n")).utf8), "pairs.tsv")
      let job = """
        apus: 1
        name: pairs
        data: {format: pairs, train: pairs.tsv, source_length: 2, target_length: 4, test_fraction: 0.1}
        model:
          layers:
            - embedding: {vocabulary: 6, width: 8}
            - gru: {name: encoder, units: 16}
            - embedding: {vocabulary: 8, width: 8, from: decoder_input}
            - gru: {units: 16, returns: sequence, state_from: encoder}
            - dense: {outputs: 8}
        training: {epochs: 40, batch: 12, shards: 4, optimizer: {name: adam, learning_rate: 0.02}}
        """
      try small.write(Array(job.utf8), "pairs.yaml")
      return small.path("pairs.yaml")
    }

    @Test("Sequences: greedy is a beam of one; texts by option, by line and by table are the same")
    func sequences() async throws {
      let small = try SmallJob()
      let trained = try await apus(["train", Self.pairs(small)], in: small)
      #expect(trained.exitCode == 0 && trained.output.contains("sequences right at every step: "), "\(trained.errors)")
      let greedy = try await apus(["predict", "runs/pairs"], in: small)
      #expect(greedy.exitCode == 0 && greedy.errors == "", "\(greedy.errors)")
      let head = "pairs, step 360 (runs/pairs/checkpoints/step-00000360.safetensors), "
      #expect(greedy.lines[0] == head + "greedy")
      let one = try await apus(["predict", "runs/pairs", "--beam", "1"], in: small)
      #expect(one.lines[0] == head + "beam of 1, length penalty 0.6")
      #expect(one.lines.dropFirst() == greedy.lines.dropFirst())

      try small.write(Array("three one\ntwo four\n".utf8), "lines.txt")
      try small.write(Array("source\nthree one\ntwo four\n".utf8), "table.tsv")
      let ways = [["--text", "three one", "--text", "two four"], ["--input", "lines.txt"], ["--input", "table.tsv"]]
      for way in ways {
        let result = try await apus(["predict", "runs/pairs", "--beam", "3", "--json"] + way, in: small)
        #expect(result.exitCode == 0, "\(way): \(result.errors)")
        let rows = try Self.rows(result.output)
        #expect(rows.compactMap { $0["prediction"] as? String } == ["un trois", "quatre deux"], "\(way)")
        #expect(rows.allSatisfy { ($0["alternatives"] as? [Any])?.count == 2 }, "\(way)")
      }
      try small.write(Array("texts\nthree one\n".utf8), "other.tsv")
      let unknown = try await apus(["predict", "runs/pairs", "--input", "other.tsv"], in: small)
      #expect(unknown.exitCode == 3)
      #expect(unknown.errors.contains("other.tsv: there is no column 'source'; its columns are 'texts'"))
      try small.write(Array("three one\n\ntwo four\n".utf8), "gap.txt")
      let gap = try await apus(["predict", "runs/pairs", "--input", "gap.txt"], in: small)
      #expect(
        gap.exitCode == 3 && gap.errors.contains("gap.txt:2: the line is empty; give a text a line, or remove it"))
    }

    @Test(
      "What cannot be predicted is refused: options with exit code 2, files with 3",
      arguments: [
        (["nowhere"], 3, "nowhere: there is no run; give the directory that 'apus train' named"),
        (["runs/small", "--checkpoint", "none"], 3, "none: the file cannot be read; give the path of a checkpoint"),
        (["runs/small", "--input", "none"], 3, "none: there is no such file"),
        (["runs/small", "--input", "job.yaml"], 3, "job.yaml, byte 0: an IDX file starts with 00 00 08"),
        (["runs/small", "--text", "a"], 3, "small takes no texts, its data are 'idx'; give a file of that format"),
        (["runs/small", "--beam", "2"], 3, "small writes no sequences, so there is nothing to search or draw"),
        (["runs/small", "--beam", "0"], 2, "--beam 0: keep 1 to 1000 sequences; 1 is greedy"),
        (["runs/small", "--samples", "0"], 2, "--samples 0: predict at least one"),
        (["runs/small", "--temperature", "0"], 2, "--temperature 0.0: it is above 0"),
        (["runs/small", "--length", "0"], 2, "--length 0: write 1 to 1000000 tokens"),
        (["runs/small", "--seed", "3"], 2, "--seed is of what is drawn; add --temperature 1"),
        (["runs/small", "--length-penalty", "1"], 2, "--length-penalty ranks a beam; add --beam 4"),
        (["runs/small", "--greedy", "--beam", "2"], 2, "--greedy and --beam: give one of them"),
        (["runs/small", "--input", "a", "--text", "b"], 2, "--input and --text: give one of them"),
      ])
    func refused(arguments: [String], code: Int32, message: String) async throws {
      let small = try SmallJob()
      #expect(try await apus(["train", small.job(), "--epochs", "1"], in: small).exitCode == 0)
      let result = try await apus(["predict"] + arguments, in: small)
      #expect(result.exitCode == code && result.output == "")
      #expect(result.errors.contains(message), "\(result.errors)")
    }

    @Test("A run without a whole checkpoint is refused")
    func noCheckpoint() async throws {
      let small = try SmallJob()
      #expect(try await apus(["train", small.job()], in: small).exitCode == 0)
      for name in try FileManager.default.contentsOfDirectory(atPath: small.path("runs/small/checkpoints")) {
        try FileManager.default.removeItem(atPath: small.path("runs/small/checkpoints/\(name)"))
      }
      let result = try await apus(["predict", "runs/small"], in: small)
      #expect(result.exitCode == 3 && result.errors == "error: runs/small has no whole checkpoint; train it first\n")
    }
  }
}
