import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite("A plan of a job") struct PlanCommandTests {
    private static let job = """
      apus: 1
      name: planned
      data: {format: planned, tokens: 1e9}
      model: gpt2
      training:
        epochs: 1
        batch: 64
        precision: bfloat16
        optimizer: {name: adamw, learning_rate: 0.0001}

      """

    private func plan(_ arguments: [String], in given: SmallJob? = nil) async throws -> ProcessResult {
      let small = try given ?? SmallJob()
      try small.write(Array(Self.job.utf8), "planned.yaml")
      return try await apus(["plan", small.path("planned.yaml")] + arguments, in: small)
    }

    @Test("names nodes, layout, time and cost, and with --explain terms that add up")
    func table() async throws {
      let result = try await plan(["--instances", "p4d.24xlarge,g5.xlarge", "--nodes", "1,2", "--explain"])
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.lines.first?.hasPrefix("planned: ") == true)
      for text in ["a step, ", "90 % interval", "matrix products", "may be filled", "gap 0.0 %", "wins below $"] {
        #expect(result.output.contains(text), "\(text)")
      }
    }

    @Test("keeps choices, and says as JSON what it keeps and finds")
    func json() async throws {
      let result = try await plan([
        "--instances", "p4d.24xlarge", "--nodes", "1", "--tensor", "4", "--recomputation", "full", "--json",
      ])
      let object = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
      let ranked = try #require(object["ranked"] as? [[String: Any]])
      let layout = try #require(ranked.first?["layout"] as? [String: Any])
      #expect(ranked.count == 1 && layout["tensor"] as? Int == 4 && layout["recomputation"] as? String == "full")
      #expect(object["formatVersion"] as? Int == 1)
    }

    @Test("ends with 4 and the nearest plans where none meets the deadline")
    func infeasible() async throws {
      let result = try await plan(["--instances", "g5.xlarge", "--nodes", "1,2", "--deadline", "0.001"])
      #expect(result.exitCode == 4)
      #expect(result.output.contains("no plan is feasible") && result.output.contains("to the deadline"))
    }

    @Test("says that Inferentia does not train, and writes a page")
    func page() async throws {
      let small = try SmallJob()
      let result = try await plan(
        ["--instances", "inf1.xlarge,g5.xlarge", "--explain", "--html", small.path("plan.html")], in: small)
      #expect(result.exitCode == 0 && result.output.contains("inf1.xlarge: its "), "\(result.errors)")
      let page = try String(contentsOfFile: small.path("plan.html"), encoding: .utf8)
      #expect(page.contains("<svg") && page.hasSuffix("</html>\n"))
    }

    @Test(
      "refuses what is no plan",
      arguments: [
        (["--nodes", "0"], 2, "whole numbers from 1"), (["--deadline=-1"], 2, "hours above 0"),
        (["--instances", "p4d.24xlrge"], 3, "p4d.24xlarge"), (["--zero", "4"], 2, "0 to 3"),
      ])
    func refusals(arguments: [String], code: Int, text: String) async throws {
      let result = try await plan(arguments)
      #expect(Int(result.exitCode) == code && result.errors.contains(text), "\(result.errors)")
    }
  }
}
