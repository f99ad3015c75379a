import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("apus bench train")
  struct BenchCommandTests {
    private static let keys: Set = [
      "workload", "mode", "procs", "threads", "batch_per_proc", "params", "step_ms", "best_ms", "steps",
      "samples_per_s",
      "loss", "memory_planned_bytes", "memory_measured_bytes", "reduction", "buckets", "overlapped",
      "reduction_ms", "wait_ms", "exposed_ms",
    ]

    /// PyTorch's for the same networks.
    private static let parameterCounts = [
      "mlp": 535_818, "mlp-wide": 20_037_642, "lenet5": 61_706, "rnn": 1_379_330, "lstm": 1_675_778, "gru": 1_576_962,
    ]

    @Test(
      "One line of JSON; memory as planned within 5 %",
      arguments: [
        ("mlp", 1, 1), ("mlp-wide", 1, 1), ("mlp", 2, 1), ("mlp", 1, 2), ("lenet5", 1, 1), ("lenet5", 2, 1),
        ("lenet5", 1, 2),
      ]
        + ["rnn", "lstm", "gru"].flatMap { [($0, 1, 1), ($0, 2, 1), ($0, 1, 2)] } as [(String, Int, Int)])
    func line(workload: String, ranks: Int, threads: Int) async throws {
      let small = try SmallJob()
      let result = try await apus(
        ["bench", "train", "--workload", workload, "--seconds", "0.2", "--threads", "\(threads)"], ranks: ranks,
        in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.errors == "")
      #expect(result.lines.count == 1)
      let object = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
      #expect(Set(object.keys) == Self.keys)
      #expect(object["workload"] as? String == workload)
      #expect(object["mode"] as? String == "apus")
      #expect(object["procs"] as? Int == ranks)
      #expect(object["threads"] as? Int == threads)
      #expect(object["batch_per_proc"] as? Int == ["mlp": 128, "mlp-wide": 128, "lenet5": 64][workload, default: 32])
      #expect(object["params"] as? Int == Self.parameterCounts[workload])
      #expect((object["steps"] as? Int ?? 0) >= 5)
      func number(_ key: String) -> Double { object[key] as? Double ?? .nan }
      #expect(number("best_ms") > 0 && number("best_ms") <= number("step_ms"))
      expectClose(
        [number("samples_per_s") * number("step_ms") / 1000], [Double(ranks) * number("batch_per_proc")], relative: 1e-3
      )
      #expect(number("loss") > 0 && number("loss") < 3)
      expectClose([number("memory_measured_bytes")], [number("memory_planned_bytes")], relative: 0.05)
    }

    @Test("The profile goes to standard error: shares, speeds, the slowest kernels")
    func profile() async throws {
      let small = try SmallJob()
      let result = try await apus(
        ["bench", "train", "--workload", "lenet5", "--seconds", "0.01", "--threads", "1", "--profile"], in: small)
      #expect(result.exitCode == 0)
      #expect(result.lines.count == 1)
      let lines = result.errors.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      let parts = lines.split(separator: "").map(Array.init)
      #expect(parts.count == 3)
      #expect(parts[0][0].contains("matrices in the same run: "))
      let operations = parts[1].map { $0.split(separator: #/ {2,}/#) }
      #expect(operations[0].count == 8)
      #expect(operations.dropFirst(2).contains { $0[0] == "convolution backward weights" && $0[2] == "2" })
      // The shares of the operations make the whole.
      let shares = operations.dropFirst(2).compactMap { row in
        row.first { $0.hasSuffix(" %") }.flatMap { Double($0.dropLast(2)) }
      }
      #expect(shares.last == 100)
      expectClose([shares.dropLast().reduce(0, +)], [100], relative: 0.01)
      #expect(parts[2].count == 23)
      #expect(parts[2].contains { $0.hasPrefix("c2 ") })
    }
  }
}
