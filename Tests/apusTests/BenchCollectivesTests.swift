import Collectives
import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("apus bench collectives")
  struct BenchCollectivesTests {
    private struct Row: Decodable {
      var bytes: Int
      var algorithm: String
      var time: Double
      var algorithmBandwidth: Double
      var busBandwidth: Double
      var simulated: Double?
      var sentBytes: [Int]?
    }

    @Test("--draw writes the schedule that is asked for, and refuses what there is none of")
    func draw() async throws {
      let small = try SmallJob()
      let command = ["bench", "collectives", "--draw", "two.svg", "--sizes", "1MiB"]
      let drawn = try await apus(
        command + ["--ranks", "8", "--hosts", "2", "--algorithms", "hierarchical"], in: small)
      #expect(drawn.exitCode == 0, "\(drawn.errors)")
      let picture = try String(contentsOf: small.folder.appending(path: "two.svg"), encoding: .utf8)
      #expect(picture.hasPrefix("<svg") && picture.contains("hierarchical all_reduce, 8 ranks on 2 hosts"))
      let odd = try await apus(command + ["--ranks", "8", "--hosts", "3"], in: small)
      #expect(odd.exitCode == 2 && odd.errors.contains("8 ranks on 3 hosts"))
      let none = try await apus(command + ["--algorithms", "memory"], in: small)
      #expect(none.exitCode == 2 && none.errors.contains("name a schedule"))
      let alone = try await apus(["bench", "collectives", "--hosts", "2"], in: small)
      #expect(alone.exitCode == 2 && alone.errors.contains("--hosts is for --draw"))
    }

    @Test(
      "All algorithms that work here, with nccl-tests' bandwidths, in one process and under mpirun",
      arguments: [(3, false), (4, true)])
    func allAlgorithms(ranks: Int, underMPI: Bool) async throws {
      let small = try SmallJob()
      let command = ["bench", "collectives", "--sizes", "4KiB..64KiB", "--samples", "1", "--json"]
      let result =
        underMPI
        ? try await apus(command, ranks: ranks, in: small)
        : try await apus(command + ["--ranks", "\(ranks)"], in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      let rows = try JSONDecoder().decode([Row].self, from: Data(result.output.utf8))
      #expect(Set(rows.map(\.bytes)) == [4096, 16384, 65536])
      let names = rows.filter { $0.bytes == 4096 }.map(\.algorithm)
      let schedules = ScheduleAlgorithm.allCases.filter {
        $0.obstacle(.allReduce, Topology(ranksPerHost: ranks)) == nil
      }
      #expect(
        names.filter { !$0.hasPrefix("canonical") } == [
          "transport", "reproducible", "fastest", "reproducible-copied", "reproducible-messages",
        ] + schedules.map { $0.rawValue.replacing("_", with: "-") }.filter { !$0.hasPrefix("canonical") } + ["memory"])
      for row in rows {
        expectClose([row.algorithmBandwidth], [Double(row.bytes) / row.time], relative: 1e-9)
        let factor = row.algorithm == "memory" ? 1 : 2 * Double(ranks - 1) / Double(ranks)
        expectClose([row.busBandwidth], [row.algorithmBandwidth * factor], relative: 1e-9)
        let isSchedule = (names.firstIndex(of: row.algorithm) ?? 0) > 4 && row.algorithm != "memory"
        #expect((row.simulated != nil) == isSchedule, "\(row.algorithm)")
        #expect(row.sentBytes.map { $0 == [0] } ?? true, "nothing leaves the host")
      }
    }

    @Test(
      "Options that make no sense are told, with what to write instead",
      arguments: [
        (["--sizes", "4"], "write a number and a unit"), (["--sizes", "1B"], "4 B to 64 GiB"),
        (["--algorithms", "rings"], "'rings' is none of transport, reproducible"), (["--ranks", "0"], "1 … 256"),
        (["--samples", "0"], "1 … 10000"), (["--collective-timeout", "0"], "0 … 86400 seconds"),
      ])
    func badOptions(options: [String], told: String) async throws {
      let result = try await apus(["bench", "collectives"] + options, in: try SmallJob())
      #expect(result.exitCode == 2)
      #expect(result.errors.contains(told), "\(result.errors)")
    }
  }
}
