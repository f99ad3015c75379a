import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("apus validate --fabrics")
  struct ValidateFabricsCommandTests {
    private static let header =
      "hardware,nodes,gpus,collective,message_size_bytes,algbw_GBps,busbw_GBps,time_us,kind,source"

    private static func file(_ lines: [String]) -> [UInt8] { UsersRuns.file(lines, header: header) }

    @Test("meets the goals inside a node and across EFA, by fabric, and says what is set aside and why")
    func text() async throws {
      let result = try await apus(["validate", "--fabrics"], in: SmallJob())
      #expect(result.exitCode == 0 && result.errors.isEmpty, "\(result.errors)")
      let text = result.output
      #expect(
        text.contains(#/\n8 V100, NVLink hybrid cube mesh +78 +7 +\d\.\d % +\d\.\d % +\d+\.\d % +2\.\d %\n/#), "\(text)"
      )
      #expect(text.contains(#/\ninside a node +206 +\d+ +2\.\d % /#))
      #expect(text.contains(#/\nacross nodes +83 +\d+ +4\.\d % /#))
      #expect(text.contains(#/\ninside a node: mean error 2\.\d\d %, the goal is at most 3 %: met\n/#))
      #expect(text.contains(#/\nacross nodes: mean error 4\.\d\d %, the goal is at most 6 %: met\n$/#))
      #expect(text.contains("\ntrn1, EFA 800 Gbit/s: set aside, 5 iterations a size: neighbouring sizes differ"))
      #expect(text.contains(#/\n +\d+  no exact size \('large'\) +[\d –]+\n/#))
      #expect(text.contains(#/\n +\d+  efa-p4de +2 +16 +1.00 GiB +26\.\d\d ms +/#))
      let short = try await apus(["validate", "--fabrics", "--summary"], in: SmallJob())
      #expect(!short.output.contains("efa-p4de") && text.hasSuffix(short.output))
    }

    @Test("--json has each point, each fabric with its errors, and each row that is not scored")
    func json() async throws {
      let result = try await apus(["validate", "--fabrics", "--json"], in: SmallJob())
      let report = try object(result.output)
      #expect(Set(report.keys) == ["inside_node", "across_nodes", "by_fabric", "rows", "skipped"])
      let rows = try #require(report["rows"] as? [[String: Any]])
      let fabrics = try #require(report["by_fabric"] as? [String: [String: Any]])
      for (key, count, goal, part) in [
        ("inside_node", 206, 0.03, "inside a node"), ("across_nodes", 83, 0.06, "across nodes"),
      ] {
        let total = try #require(report[key] as? [String: Any])
        #expect(total["rows"] as? Int == count && total["goal"] as? Double == goal)
        let members = Set(fabrics.filter { $0.value["part"] as? String == part && $0.value["set_aside"] == nil }.keys)
        let errors = rows.filter { members.contains($0["fabric"] as? String ?? "") }.map { row in
          abs((row["predicted"] as? Double ?? .nan) / (row["measured"] as? Double ?? .nan) - 1)
        }
        #expect(errors.count == count)
        expectClose(try #require(total["mape"] as? Double), errors.reduce(0, +) / Double(count), relative: 1e-9)
        expectClose(try #require(total["largest"] as? Double), try #require(errors.max()), relative: 1e-9)
      }
      #expect(
        Set(rows[0].keys) == [
          "line", "fabric", "hardware", "nodes", "ranks", "bytes", "measured", "predicted", "simulated",
        ])
      #expect((fabrics["efa-trn1"]?["set_aside"] as? String)?.hasPrefix("5 iterations") == true)
      let skipped = try #require(report["skipped"] as? [[String: Any]])
      #expect(skipped.allSatisfy { Set($0.keys) == ["line", "hardware", "collective", "size", "reason"] })
    }

    @Test("a user's points are predicted, with --leave-out also without each size, and what is of no class is listed")
    func own() async throws {
      let small = try SmallJob()
      let lines = [1, 4, 16, 64].map { size in
        "p4de.24xlarge mine,2,16,all_reduce,\(size << 20),,,\(300 + 30 * size),measured,mine"
      }
      try small.write(Self.file(lines + ["my cluster,2,16,all_reduce,8,,,100,measured,mine"]), "mine.csv")
      let result = try await apus(["validate", "--fabrics", "mine.csv", "--leave-out"], in: small)
      #expect(result.exitCode == 0 && result.errors.isEmpty, "\(result.errors)")
      #expect(
        result.output.contains(
          #/ efa-p4de +2 +16 +1.00 MiB +330.0 µs +[\d.]+ µs +[+−][\d.]+ % +[\d.]+ µs +[+−][\d.]+ % +[+−][\d.]+ % +–\n/#),
        "\(result.output)")
      #expect(result.output.contains(#/\n +1  no measured fabric of the model is this hardware +6\n/#))
      #expect(result.output.contains("\ninside a node: no measured all-reduce\nacross nodes: mean error "))
    }

    @Test("--refit writes the constants that the shipped ones are, and keeps those that points cannot fix")
    func refit() async throws {
      let small = try SmallJob()
      let result = try await apus(["validate", "--fabrics", "--refit", "all", "--summary"], in: small)
      #expect(result.exitCode == 0 && result.errors == "wrote all/fabrics.csv\n", "\(result.errors)")
      let shipped = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/CostModel/Resources/fabrics.csv")
      #expect(try small.bytes("all/fabrics.csv") == [UInt8](try Data(contentsOf: shipped)))
      // A p6 that takes 80 µs, where the shipped constants say 55.
      let line = "p6-b200.48xlarge B200 EFA,2,16,all_reduce,8,,,80,measured,mine"
      try small.write(Self.file([line]), "mine.csv")
      let own = try await apus(["validate", "--fabrics", "mine.csv", "--refit", "own"], in: small)
      #expect(own.errors.contains("kept efa-p4de: 0 points cannot fix its constants\n"))
      let before = try await apus(["validate", "--fabrics", "mine.csv", "--json"], in: small)
      let after = try await apus(["validate", "--fabrics", "mine.csv", "--calibration", "own", "--json"], in: small)
      let predicted = try [before, after].map { result in
        try #require((try object(result.output)["rows"] as? [[String: Any]])?.first?["predicted"] as? Double)
      }
      expectClose(predicted, [55.1e-6, 80e-6], relative: 0.02)
    }

    @Test(
      "a malformed file ends with 3 and the place",
      arguments: [
        ("hardware,nodes\n", "1:1: no column 'gpus'; the header must name hardware,nodes,gpus,"),
        (
          "\(header)\np4de,two,16,all_reduce,8,,,100,measured,mine\n",
          "2:6: 'two' is no number of nodes; write a whole number"
        ),
        (
          "\(header)\np4de,2,16,all_reduce,8,,,fast,measured,mine\n",
          "2:26: 'fast' is no time above 0; write microseconds"
        ),
        ("\(header)\np4de,2,16,all_reduce,8,,,100,measured,\"mine\n", "2:39: a quoted field that does not end; "),
        ("\(header)\np4de,2,16\n", "2:8: 3 fields where the header has 10 columns; "),
        ("\(header)\n", "2:1: a table without rows; write a measured collective a line below the header"),
        ("", "1:1: the file is empty; begin with the columns hardware,nodes,gpus,collective,"),
      ])
    func malformed(text: String, error: String) async throws {
      let small = try SmallJob()
      try small.write(Array(text.utf8), "mine.csv")
      let result = try await apus(["validate", "--fabrics", "mine.csv"], in: small)
      #expect(result.exitCode == 3 && result.output.isEmpty)
      #expect(result.errors.hasPrefix("error: mine.csv:\(error)"), "\(result.errors)")
    }
  }
}
