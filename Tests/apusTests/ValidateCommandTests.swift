import Foundation
import TestSupport
import Testing

/// Runs of a user's file: two that are modelled, of other models, accelerators and sources, and what each says.
enum UsersRuns {
  static let header =
    "id,source,model,accelerator,framework,step_time_s,precision,total_accels,micro_batch,image_size,seq_len,model_family"
  static let image = "a,my lab,resnet50,V100,PyTorch,0.25,fp16,1,64,224,,cnn-resnet"
  static let text = "b,my paper,bert-large,A100,Megatron-LM,0.31,bf16,8,16,,512,bert"

  static func file(_ lines: [String], header: String = Self.header, end: String = "\n") -> [UInt8] {
    Array((([header] + lines).joined(separator: end) + end).utf8)
  }
}

/// An object of a JSON text.
func object(_ text: String) throws -> [String: Any] {
  try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text.prefix(400))")
}

/// `rows` of a validation, by id.
func predictions(_ report: [String: Any]) throws -> [String: [String: Double]] {
  let rows = try #require(report["rows"] as? [[String: Any]])
  return Dictionary(
    uniqueKeysWithValues: try rows.map { row in
      (try #require(row["id"] as? String), row.compactMapValues { $0 as? Double })
    })
}

extension CommandTests {
  @Suite("apus validate")
  struct ValidateCommandTests {
    /// Runs `apus validate runs.csv` on the file.
    private static func validate(_ file: [UInt8], _ options: [String] = []) async throws -> ProcessResult {
      let small = try SmallJob()
      try small.write(file, "runs.csv")
      return try await apus(["validate", "runs.csv"] + options, in: small)
    }

    @Test("--json has the documented keys, and errors as fractions that follow from its rows")
    func json() async throws {
      let unknown = "c,my lab,no-such-net,V100,PyTorch,0.5,fp16,1,64,,,"
      let result = try await Self.validate(
        UsersRuns.file([UsersRuns.image, UsersRuns.text, unknown]), ["--json"])
      #expect(result.exitCode == 0 && result.errors.isEmpty, "\(result.errors)")
      let report = try object(result.output)
      #expect(Set(report.keys) == ["overall", "by_accelerator", "by_family", "by_source", "rows", "skipped"])
      let overall = try #require(report["overall"] as? [String: Double])
      #expect(Set(overall.keys) == ["rows", "mape", "median", "p95", "macro_median", "coverage"])
      for (key, names) in [
        ("by_accelerator", ["V100", "A100"]), ("by_family", ["cnn-resnet", "bert"]),
        ("by_source", ["my lab", "my paper"]),
      ] {
        let groups = try #require(report[key] as? [String: [String: Double]])
        #expect(Set(groups.keys) == Set(names))
        #expect(groups.values.allSatisfy { Set($0.keys) == Set(overall.keys) && $0["rows"] == 1 })
      }
      let rows = try predictions(report)
      #expect(
        rows.mapValues { Set($0.keys) }
          == ["a", "b"].reduce(into: [:]) { $0[$1] = ["published", "predicted", "low", "high"] })
      #expect(rows["a"]?["published"] == 0.25 && rows["b"]?["published"] == 0.31)
      var errors: [Double] = []
      var logs: [Double] = []
      var inside = 0.0
      for row in rows.values {
        let (published, predicted) = (try #require(row["published"]), try #require(row["predicted"]))
        let (low, high) = (try #require(row["low"]), try #require(row["high"]))
        #expect(low < predicted && predicted < high)
        errors.append(abs(predicted / published - 1))
        logs.append(abs(log(predicted / published)))
        inside += low <= published && published <= high ? 1 : 0
      }
      errors.sort()
      // One run a source: the average of their medians is that of the runs.
      let mean = (errors[0] + errors[1]) / 2
      for (key, value) in [
        ("rows", 2), ("mape", mean), ("median", mean), ("p95", errors[0] + 0.95 * (errors[1] - errors[0])),
        ("macro_median", (logs[0] + logs[1]) / 2), ("coverage", inside / 2),
      ] { expectClose(try #require(overall[key]), value, relative: 1e-12, absolute: 1e-15, key) }
      let skipped = try #require(report["skipped"] as? [[String: String]])
      #expect(skipped.count == 1 && Set(skipped[0].keys) == ["id", "reason"] && skipped[0]["id"] == "c")
      #expect(skipped[0]["reason"]?.contains("no architecture named 'no-such-net'") == true)
    }

    @Test("the tables have each run beside its prediction, what is skipped and why, and errors by group")
    func text() async throws {
      let lines = [
        UsersRuns.image, UsersRuns.text, "c,my lab,resnet50,Abacus 9,PyTorch,0.25,fp16,1,64,224,,",
        "d,my lab,resnet50,V100,PyTorch,,fp16,1,64,224,,", "e,my lab,resnet50,V100,PyTorch,0.25,fp16,1,,224,,",
        "f,my lab,resnet50,V100,PyTorch,0.25,fp16,four,64,224,,",
        "g,my lab,gpt2,V100,PyTorch,0.25,fp16,1,64,,99999999999,gpt-dense",
      ]
      let result = try await Self.validate(UsersRuns.file(lines))
      #expect(result.exitCode == 0 && result.errors.isEmpty, "\(result.errors)")
      let text = result.output
      #expect(
        text.contains(#/\na  +resnet50 +1× V100 +250.0 ms +[\d.]+ ms +[\d.]+ ms – [\d.]+ m?s +[+−]\d+.\d %/#), "\(text)"
      )
      #expect(text.contains(#/\nb  +bert-large +8× A100 +310.0 ms /#))
      #expect(text.contains(#/\n +1  the catalog has no accelerator 'Abacus 9' +c\n/#))
      #expect(text.contains(#/\n +1  no step time +d\n/#))
      #expect(text.contains(#/\n +1  the row gives neither the micro-batch nor the global batch +e\n/#))
      #expect(text.contains(#/\n +1  total_accels is 'four': write a number from 1 to 1e9, or nothing .* f\n/#))
      #expect(text.contains(#/\n +1  seq_len is '99999999999': no network has that +g\n/#))
      for group in ["by accelerator", "by family", "by source", "overall"] { #expect(text.contains("\n\(group) ")) }
      #expect(text.contains(#/\nall +2 +/#))
      let short = try await Self.validate(UsersRuns.file(lines), ["--summary"])
      #expect(!short.output.contains("bert-large") && text.hasSuffix(String(short.output.suffix(400))))
    }

    @Test("a file of which no run can be modelled has no errors to print")
    func nothing() async throws {
      let result = try await Self.validate(UsersRuns.file(["c,mine,no-such-net,V100,PyTorch,0.5,fp16,1,64,,,"]))
      #expect(result.exitCode == 0 && result.output.contains(#/\nall +0 +– +– +– +– +–\n$/#), "\(result.output)")
    }

    @Test(
      "a malformed file ends with 3 and the place",
      arguments: [
        ("id,source,model,framework,step_time_s\na,b,c,d,1\n", "1:1: no column 'accelerator'; the header must name "),
        (
          "\(UsersRuns.header)\n\(UsersRuns.image)\n\(UsersRuns.text.replacing("0.31", with: "fast"))\n",
          "3:40: a step time of 'fast'; write seconds above 0, or leave the field empty"
        ),
        (
          "\(UsersRuns.header)\n\(UsersRuns.image.replacing("my lab", with: "\"my lab"))\n",
          "2:3: a quoted field that does not end; close it with \", and write \"\" for a quote"
        ),
        (
          "\(UsersRuns.header)\n\(UsersRuns.image)\n\(UsersRuns.image)\n",
          "3:1: run 'a' twice; give each run a name of its own"
        ),
        ("", "1:1: the file is empty; begin with the columns id,source,model,"),
        ("\(UsersRuns.header)\n", "2:1: a table without rows; write a run a line below the header"),
        (
          "\(UsersRuns.header)\n\(UsersRuns.image),more\n",
          "2:63: 13 fields where the header has 12 columns; write a field a column"
        ),
        ("\(UsersRuns.header),model\n", "1:118: column 'model' twice; keep one of them"),
      ])
    func malformed(text: String, error: String) async throws {
      let result = try await Self.validate(Array(text.utf8))
      #expect(result.exitCode == 3 && result.output.isEmpty)
      #expect(result.errors.hasPrefix("error: runs.csv:\(error)"), "\(result.errors)")
    }

    @Test("a file that is not there ends with 3")
    func missing() async throws {
      let result = try await apus(["validate", "nowhere.csv"], in: SmallJob())
      #expect(result.exitCode == 3)
      #expect(result.errors.hasPrefix("error: nowhere.csv: there is no such file; "), "\(result.errors)")
    }

    /// Of the two runs as they are.
    private static let plain = Task {
      try await validate(UsersRuns.file([UsersRuns.image, UsersRuns.text]), ["--json"])
    }

    /// What others make of the same two runs.
    private static let variations: [(name: String, file: [UInt8])] = {
      let lines = [UsersRuns.image, UsersRuns.text]
      let columns = UsersRuns.header.split(separator: ",").map(String.init)
      func rearranged(_ order: [Int], quoted: Bool = false) -> [UInt8] {
        let all = ([UsersRuns.header] + lines).map { line in
          let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
          return order.map { quoted ? "\"\(cells[$0])\"" : cells[$0] }.joined(separator: ",")
        }
        return UsersRuns.file(Array(all.dropFirst()), header: all[0])
      }
      let extra = ",quality,dup_group,primary,score_step,my_remark"
      return [
        ("another order", rearranged([5, 11, 0, 9, 2, 1, 3, 10, 4, 8, 7, 6])),
        ("quotes", rearranged(Array(columns.indices), quoted: true)),
        ("CRLF", UsersRuns.file(lines, end: "\r\n")),
        ("a byte order mark", [0xEF, 0xBB, 0xBF] + UsersRuns.file(lines)),
        (
          "columns of which nothing is said",
          UsersRuns.file(lines.map { $0 + ",,,,," }, header: UsersRuns.header + extra)
        ),
        (
          "columns that nobody reads",
          UsersRuns.file(lines.map { $0 + ",Z,g,7,1,ok" }, header: UsersRuns.header + extra)
        ),
        (
          "numbers as people write them",
          UsersRuns.file([
            UsersRuns.image.replacing(",1,64,", with: ",~1, 64 ,"),
            UsersRuns.text.replacing(",8,16,", with: ",8.0,≈ 16,"),
          ])
        ),
        (
          "numbers as tables of floats have them",
          UsersRuns.file(
            [
              lines[0].replacing(",1,64,224,", with: ",1.0,64.0,224.0,") + ",1.0",
              lines[1].replacing(",8,16,,512", with: ",8.0,16.0,,512.0") + ",1.0",
            ],
            header: UsersRuns.header + ",score_step")
        ),
        ("empty lines", UsersRuns.file(["", lines[0], "", lines[1], ""])),
      ]
    }()

    @Test("columns in any order, quoted, extra or empty, and any line ends make no difference", arguments: variations)
    func variation(name: String, file: [UInt8]) async throws {
      let plain = try await Self.plain.value
      let other = try await Self.validate(file, ["--json"])
      #expect(other.exitCode == 0 && other.output == plain.output, "\(name): \(other.output)\(other.errors)")
    }

    @Test("thousands separators are read, and a score_step of 0 leaves a run out, with the reason")
    func separators() async throws {
      let header = UsersRuns.header + ",score_step"
      let result = try await Self.validate(
        UsersRuns.file(
          [
            UsersRuns.image.replacing(",1,64,", with: ",1,\"1,024\",") + ",1",
            UsersRuns.image.replacing("a,", with: "b,").replacing(",1,64,", with: ",1,1024,") + ",",
            UsersRuns.image.replacing("a,", with: "c,") + ",0",
          ], header: header), ["--json"])
      let report = try object(result.output)
      let rows = try predictions(report)
      #expect(rows.count == 2 && rows["a"] == rows["b"])
      let skipped = try #require(report["skipped"] as? [[String: String]])
      #expect(skipped == [["id": "c", "reason": "not to be scored, the file says (score_step 0)"]])
    }

    @Test(
      "flags that exclude each other end with 2",
      arguments: [
        (["--folds", "sources", "--refit", "x"], "--folds and --refit exclude each other; give one of them"),
        (["--folds", "sources", "--calibration", "x"], "--folds and --calibration exclude each other"),
        (["--refit", "y", "--calibration", "x"], "--refit and --calibration exclude each other"),
        (["--fabrics", "--folds", "clusters"], "--folds is for runs; with --fabrics, give --leave-out"),
        (["--fabrics", "--catalog", "x"], "--fabrics reads no catalog; leave out --catalog"),
        (["--leave-out"], "--leave-out is for collectives; for runs, give --folds, or add --fabrics"),
        (["--folds", "rows"], "The value 'rows' is invalid for '--folds <folds>'"),
      ])
    func exclusive(options: [String], error: String) async throws {
      let result = try await apus(["validate"] + options, in: SmallJob())
      #expect(result.exitCode == 2 && result.output.isEmpty)
      #expect(result.errors.hasPrefix("Error: \(error)"), "\(result.errors)")
    }

    @Test("--catalog lays a folder over the shipped catalog: half the memory bandwidth takes longer")
    func catalog() async throws {
      let small = try SmallJob()
      try small.write(UsersRuns.file([UsersRuns.image, UsersRuns.text]), "runs.csv")
      try FileManager.default.createDirectory(
        at: small.folder.appending(path: "mine"), withIntermediateDirectories: true)
      let facts = ["v100-sxm2-16gb", "v100-sxm2-32gb", "v100-pcie-16gb"].map {
        "\($0),memory_bandwidth,450,GB/s,nvidia-v100,2026-11,a slower part"
      }
      try small.write(
        UsersRuns.file(facts, header: "accelerator,attribute,value,unit,source,as_of,note"), "mine/accelerators.csv")
      let shipped = try predictions(try object(try await apus(["validate", "runs.csv", "--json"], in: small).output))
      let result = try await apus(["validate", "runs.csv", "--json", "--catalog", "mine"], in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      let mine = try predictions(try object(result.output))
      #expect(try #require(mine["a"]?["predicted"]) > 1.1 * (try #require(shipped["a"]?["predicted"])))
      #expect(mine["b"] == shipped["b"])
      let none = try await apus(["validate", "runs.csv", "--catalog", "nowhere"], in: small)
      #expect(
        none.exitCode == 3 && none.errors.hasPrefix("error: ") && none.errors.contains("nowhere"), "\(none.errors)")
    }

    /// A run a batch of three models on three accelerators, of three sources.
    private static let sweep: [String] = [("resnet50", "V100", 6.0), ("resnet101", "A100", 3.5), ("vgg16", "P100", 14)]
      .enumerated().flatMap { source, run in
        [16.0, 32, 64].enumerated().map { index, batch in
          let seconds = batch * run.2 * [1.1, 1, 0.97][index] / 1000
          return
            "\(source)-\(index),source \(source),\(run.0),\(run.1),PyTorch,\(seconds),fp32,1,\(Int(batch)),224,,cnn"
        }
      }

    @Test("--folds predicts each run without its cluster, or without its source", arguments: ["clusters", "sources"])
    func folds(by folds: String) async throws {
      let file = UsersRuns.file(Self.sweep)
      let left = try await Self.validate(file, ["--folds", folds, "--json"])
      #expect(left.exitCode == 0, "\(left.errors)")
      let rows = try predictions(try object(left.output))
      #expect(rows.count == Self.sweep.count)
      // A calibration that saw the runs is nearer to them than one that did not.
      let small = try SmallJob()
      try small.write(file, "runs.csv")
      let seen = try await apus(["validate", "runs.csv", "--refit", "fitted", "--json"], in: small)
      #expect(seen.exitCode == 0 && seen.errors == "wrote fitted/constants.csv\nwrote fitted/residuals.csv\n")
      func mape(_ result: ProcessResult) throws -> Double {
        try #require((try object(result.output)["overall"] as? [String: Double])?["mape"])
      }
      #expect(try mape(seen) < mape(left))
      // What was written predicts the same.
      let again = try await apus(["validate", "runs.csv", "--calibration", "fitted", "--json"], in: small)
      let (first, second) = (try predictions(try object(seen.output)), try predictions(try object(again.output)))
      for (id, row) in first {
        expectClose(try #require(second[id]?["predicted"]), try #require(row["predicted"]), relative: 1e-4, id)
      }
    }

    @Test("a calibration that is not there ends with 3, and so does a folder that cannot be written")
    func folders() async throws {
      let small = try SmallJob()
      try small.write(UsersRuns.file(Self.sweep), "runs.csv")
      let none = try await apus(["validate", "runs.csv", "--calibration", "nowhere"], in: small)
      #expect(none.exitCode == 3 && none.errors.hasPrefix("error: nowhere/constants.csv: there is no such file"))
      let file = try await apus(["validate", "--fabrics", "--refit", "runs.csv/below"], in: small)
      #expect(file.exitCode == 3 && file.errors.contains("runs.csv/below: it cannot be written"), "\(file.errors)")
    }
  }
}
