import Catalog
import CostModel
import Foundation
import Planner
import TestSupport
import Testing
import Units

extension CommandTests {
  @Suite("A plan of a job") struct PlanCommandTests {
    private static let job = """
      apus: 1
      name: planned
      data: {format: planned, tokens: 1e9}
      model: gpt2
      training:
        epochs: 2
        batch: 64
        precision: bfloat16
        optimizer: {name: adamw, learning_rate: 0.0001}

      """

    private func plan(_ arguments: [String], in given: SmallJob? = nil) async throws -> ProcessResult {
      let small = try given ?? SmallJob()
      try small.write(Array(Self.job.utf8), "planned.yaml")
      return try await apus(["plan", small.path("planned.yaml")] + arguments, in: small)
    }

    /// The plan that `--json` prints, read as any reader of the file would.
    private func decoded(_ arguments: [String], in small: SmallJob? = nil) async throws -> Plan {
      let result = try await plan(arguments + ["--json"], in: small)
      return try JSONDecoder().decode(Plan.self, from: Data(result.output.utf8))
    }

    @Test("says what is trained, on what, how long and for how much, and what that takes for granted")
    func whole() async throws {
      let plan = try await decoded(["--instances", "p4d.24xlarge,g5.xlarge", "--nodes", "1,2"])
      let result = try await self.plan(["--instances", "p4d.24xlarge,g5.xlarge", "--nodes", "1,2"])
      #expect(result.exitCode == 0, "\(result.errors)")
      let chosen = try #require(plan.chosen)
      let interval = try #require(chosen.interval)
      let expected = [
        "planned: 124 M parameters, batches of 64 samples of 1,024 tokens, 2 epochs of 976,562 samples: 30,516 steps",
        "plan      \(chosen.group), \(chosen.hourly.exact) an hour",
        "layout    \(chosen.layout): \(chosen.layout.words)",
        "a step    \(chosen.step) (90 %: \(chosen.step * interval.low) to \(chosen.step * interval.high)), "
          + "\(Int((65_536 / chosen.step.count).rounded()).grouped) tokens/s",
        "training  \(chosen.time) (90 %: \(chosen.time * interval.low) to \(chosen.time * interval.high))",
        "cost      \(chosen.cost) (90 %: \(chosen.cost * interval.low) to \(chosen.cost * interval.high))",
        "memory    \(chosen.memory.components.total) of the \(chosen.memory.budget.usable) that may be filled of an "
          + "accelerator",
      ]
      #expect(Array(result.lines.prefix(expected.count)) == expected)
      for text in [
        "none takes less than \(chosen.step) (gap 0.0 %)", try #require(plan.crossover).text,
        "* nothing beats it in both time and cost",
      ] {
        #expect(result.output.contains(text), "\(text)")
      }
      for line in plan.assumptions { #expect(result.output.contains("assumed: \(line)"), "\(line)") }
      #expect(plan.assumptions.contains { $0.contains("billed by the second, a minute at least") })
      for entry in plan.ranked { #expect(result.output.contains("\(entry.group)"), "\(entry.group)") }
    }

    @Test("explains the step by terms that add up to it, and memory by components that do")
    func explain() async throws {
      let arguments = ["--instances", "p4d.24xlarge", "--nodes", "2", "--tensor", "4", "--pipeline", "2"]
      let chosen = try #require(try await decoded(arguments).chosen)
      expectClose(
        [chosen.estimate.terms.map(\.seconds.count).reduce(0, +)], [chosen.step.count], relative: 1e-9)
      #expect(chosen.estimate.terms.count >= 8)
      let lines = try await plan(arguments + ["--explain"]).lines
      let start = try #require(lines.firstIndex { $0.hasPrefix("term of a step") })
      let rows = lines[(start + 2)...].prefix { !$0.hasPrefix("─") }
      #expect(rows.count == chosen.estimate.terms.count)
      // As they are printed, too: shares are of a tenth of a per cent.
      let shares = rows.compactMap { $0.split(separator: " ").dropLast().last.flatMap { Double($0) } }
      expectClose([shares.reduce(0, +)], [100], relative: 0, absolute: 0.05 * Double(rows.count))
      #expect(lines[start + 3 + rows.count].split(separator: " ").prefix(2) == ["a", "step"])
      let memory = try #require(lines.firstIndex { $0.hasPrefix("memory of the fullest accelerator") })
      let components = lines[(memory + 2)...].prefix { !$0.hasPrefix("─") }
      #expect(components.count >= 5)
      let total = chosen.memory.components.total
      #expect(lines[memory + 3 + components.count].contains("\(total)"))
    }

    @Test("keeps choices, and says as JSON all that the tables show, to be read again")
    func json() async throws {
      let small = try SmallJob()
      let result = try await plan(
        ["--instances", "p4d.24xlarge", "--nodes", "1", "--tensor", "4", "--recomputation", "full", "--json"],
        in: small)
      let object = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
      #expect(object["formatVersion"] as? Int == 2)
      let keys: Set = [
        "assumptions", "formatVersion", "job", "nearest", "parameters", "pareto", "purchases", "ranked", "reduction",
        "rejections", "request", "warnings",
      ]
      #expect(Set(object.keys) == keys)
      let plan = try JSONDecoder().decode(Plan.self, from: Data(result.output.utf8))
      #expect(plan.ranked.count == 1 && plan.ranked[0].layout.tensor == 4)
      #expect(plan.ranked[0].layout.recomputation == .full && plan.request.choices.tensor == 4)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      #expect(String(decoding: try encoder.encode(plan), as: UTF8.self) + "\n" == result.output)
    }

    @Test("tells what the chosen nodes cost bought otherwise, with the source of each price")
    func purchases() async throws {
      let lines = try await plan(["--instances", "p4d.24xlarge", "--nodes", "2"]).lines
      let start = try #require(lines.firstIndex { $0.hasPrefix("p4d.24xlarge ×2 bought  ") })
      let names = lines[(start + 2)...(start + 4)].map { $0.prefix { $0 != "$" }.trimmingCharacters(in: .whitespaces) }
      #expect(names == ["reserved for 3 years", "reserved for 1 year", "on demand"])
      #expect(lines[start + 5] == "prices")
      #expect(
        lines[start + 7].hasPrefix("  reserved for 1 year: us-east-1, 2025-05, ")
          && lines[start + 7].hasSuffix("; $336,734.40 if nothing else uses the nodes for the rest of the term"))
    }

    @Test("compares spot with on-demand before it chooses, and tells stops and checkpoints")
    func spot() async throws {
      let arguments = ["--instances", "p4d.24xlarge", "--nodes", "4", "--purchase", "on-demand,spot"]
      let unknown = try await plan(arguments)
      #expect(unknown.output.contains("no spot price in us-east-1 is known") && unknown.exitCode == 0)
      let often = ["--spot-discount", "10", "--interruptions-per-hour", "2", "--restart-minutes", "12"]
      let plan = try await decoded(arguments + often)
      // A tenth less an hour does not pay for eight stops an hour of 12 minutes and more each.
      #expect(plan.chosen?.group.purchase == .onDemand && plan.ranked.count == 2)
      let spot = try #require(plan.ranked.last)
      #expect(spot.group.purchase == .spot && spot.purchase.expectedInterruptions > 1)
      #expect(plan.purchases.map(\.kind).contains(.spot))
      let seldom = try await self.plan(arguments + ["--spot-discount", "60", "--interruptions-per-hour", "0.05"])
      #expect(seldom.lines[1].hasPrefix("plan      p4d.24xlarge ×4 (spot), $"))
      #expect(seldom.lines.contains { $0.hasPrefix("stops     ") && $0.contains("a checkpoint every ") })
      #expect(seldom.output.contains("assumed: a spot node is taken back 0.05 times an hour\n"))
      #expect(seldom.output.contains("assumed: 40 % of $21.957642 on demand"))
    }

    @Test("plans on an inventory: each group, fewer of its nodes, and all together with uneven shares")
    func inventory() async throws {
      let small = try SmallJob()
      let inventory = """
        apus: 1
        name: mine
        groups:
          - {instance: p4de.24xlarge, nodes: 1}
          - {instance: p4d.24xlarge, nodes: 3, hourly: 0}

        """
      try small.write(Array(inventory.utf8), "cluster.yaml")
      let arguments = ["--cluster", small.path("cluster.yaml"), "--objective", "time"]
      let plan = try await decoded(arguments, in: small)
      #expect(
        Set(plan.ranked.map(\.nodes)) == [
          "p4de.24xlarge ×1", "p4d.24xlarge ×1", "p4d.24xlarge ×2", "p4d.24xlarge ×3",
          "p4de.24xlarge ×1 + p4d.24xlarge ×3",
        ])
      let entry = try #require(plan.ranked.first { $0.mix != nil })
      let mix = try #require(entry.mix)
      #expect(mix.parts.map { $0.samples(microBatch: mix.layout.microBatch) }.reduce(0, +) == 64)
      #expect(entry.hourly == plan.ranked.first { $0.nodes == "p4de.24xlarge ×1" }?.hourly)
      let text = try await self.plan(arguments + ["--nodes", "9"], in: small)
      #expect(text.output.contains("p4de.24xlarge ×1 + p4d.24xlarge ×3"))
      #expect(text.output.contains("nodes together") && text.output.contains("of the step for the slowest"))
    }

    @Test(
      "refuses a wrong inventory with file, line and column",
      arguments: [
        (
          "  - {instance: p4d.24xlrge, nodes: 2}",
          "cluster.yaml:4:16: the catalog has no instance type 'p4d.24xlrge'; did you mean 'p4d.24xlarge'?"
        ),
        (
          "  - {instance: p4d.24xlarge, node: 2}",
          "cluster.yaml:4:30: unknown key 'node' in group 1; did you mean 'nodes'?"
        ),
        (
          "  - {instance: g5.xlarge, nodes: 2, purchase: spot}",
          "cluster.yaml:4:47: no spot price in us-east-1 is known"
        ),
      ])
    func wrongInventory(group: String, text: String) async throws {
      let small = try SmallJob()
      try small.write(Array("apus: 1\nname: mine\ngroups:\n\(group)\n".utf8), "cluster.yaml")
      let result = try await plan(["--cluster", small.path("cluster.yaml")], in: small)
      #expect(result.exitCode == 3 && result.errors.contains(text), "\(result.errors)")
      #expect(result.errors.contains("\n\(group)\n") && result.output.isEmpty)
    }

    @Test("ends with 4 and the nearest plans where none meets the deadline, the budget or fits the memory")
    func infeasible() async throws {
      let cases = [
        (["--deadline", "0.001"], "all that fit miss the deadline of 3.60 s", "more than the deadline"),
        (["--budget", "0.01"], "all that fit cost more than the budget of $0.010", "more than the budget"),
        (
          ["--micro-batch", "32", "--recomputation", "none", "--nodes", "1"],
          "the model does not fit the memory of any of the nodes", "more memory on an accelerator"
        ),
      ]
      for (arguments, reason, lack) in cases {
        let result = try await plan(["--instances", "g4dn.xlarge"] + arguments)
        #expect(result.exitCode == 4, "\(result.errors)")
        #expect(result.lines.count > 1 && result.lines[1] == "no plan is feasible: \(reason)")
        #expect(result.output.contains(lack), "\(result.output)")
      }
    }

    @Test("says that Inferentia cannot train and offers what can", arguments: ["inf1.xlarge", "inf2.48xlarge"])
    func inferentia(instance: String) async throws {
      let result = try await plan(["--instances", instance])
      #expect(result.exitCode == 4)
      #expect(result.lines[1].hasPrefix("no plan is feasible: \(instance): its Inferentia"), "\(result.lines[1])")
      #expect(result.lines[1].contains(" cannot train: "))
      #expect(result.output.contains("other nodes than asked for"))
      let plan = try await decoded(["--instances", instance])
      #expect(plan.nearest.count == 5 && plan.nearest.allSatisfy { !$0.group.instance.hasPrefix("inf") })
      let both = try await self.plan(["--instances", "inf1.xlarge,inf2.48xlarge"])
      #expect(both.exitCode == 4 && both.lines[1] == "no plan is feasible: none of the instance types can train")
      // Beside others it is told, and the others are planned on.
      let beside = try await self.plan(["--instances", "\(instance),g5.xlarge"])
      #expect(beside.exitCode == 0 && beside.output.contains("  \(instance): its Inferentia"))
    }

    @Test("never changes a choice: one that cannot be is told with the rule and what the planner would do")
    func choices() async throws {
      let result = try await plan(["--instances", "p4d.24xlarge", "--nodes", "1", "--tensor", "3"])
      #expect(result.exitCode == 4)
      #expect(
        result.lines[1]
          == "no plan is feasible: tensor 3 does not divide the 8 accelerators; give a divisor of 8, or other nodes")
      #expect(result.output.contains("another layout than asked for"))
      let heads = try await plan(["--instances", "p4d.24xlarge", "--nodes", "1", "--tensor", "8"])
      #expect(heads.lines[1].contains("8 tensor-parallel ranks do not divide 12 heads; use a divisor of 12"))
    }

    @Test("writes a page with plots beside the text")
    func page() async throws {
      let small = try SmallJob()
      let result = try await plan(
        ["--instances", "g4dn.12xlarge,g5.xlarge", "--html", small.path("plan.html")], in: small)
      #expect(result.exitCode == 0 && result.errors == "wrote \(small.path("plan.html"))\n", "\(result.errors)")
      let page = try String(contentsOfFile: small.path("plan.html"), encoding: .utf8)
      #expect(page.components(separatedBy: "<svg").count == 5 && page.hasSuffix("</html>\n"))
      for text in ["cost of the training, US dollars", "time to train", "GiB of an accelerator", "time since the step"]
      {
        #expect(page.contains(text), "\(text)")
      }
      let denied = try await plan(["--instances", "g5.xlarge", "--html", "/no/such/folder/plan.html"], in: small)
      #expect(denied.exitCode == 2 && denied.errors.contains("cannot be written"))
    }

    @Test("plans a transformer on files that there are, whose kernels there are not")
    func transformerOnFiles() async throws {
      let small = try SmallJob()
      try small.write(Array(String(repeating: "the lazy dog sleeps. ", count: 200).utf8), "words.txt")
      let job = """
        apus: 1
        name: words
        data: {format: text, train: words.txt, tokens: character, sequence_length: 20, test_fraction: 0.25}
        model:
          transformer: {layers: 2, hidden: 32, heads: 4, vocabulary: 50, sequence: 20}
        training:
          epochs: 3
          batch: 8
          optimizer: {name: adamw, learning_rate: 0.001}

        """
      try small.write(Array(job.utf8), "words.yaml")
      let result = try await apus(["plan", small.path("words.yaml"), "--instances", "g5.xlarge"], in: small)
      #expect(result.exitCode == 0, "\(result.errors)")
      // 4,200 characters are 209 pieces, of which a quarter is kept to test with.
      #expect(
        result.lines.first?.contains("batches of 8 samples of 20 tokens, 3 epochs of 157 samples: 57 steps") == true)
    }

    @Test("warns of what is outside the calibration and of fabrics that nobody measured")
    func warnings() async throws {
      let result = try await plan(["--instances", "g5.12xlarge", "--nodes", "2"])
      for line in [
        "outside calibration: no run on a10g was fitted in bf16",
        "unmeasured fabric: no collective inside g5.12xlarge was measured",
        "unmeasured fabric: no collective between nodes of g5.12xlarge was measured",
      ] {
        #expect(result.lines.contains(line), "\(line)")
      }
    }

    @Test(
      "refuses what is no plan",
      arguments: [
        (["--nodes", "0"], 2, "whole numbers from 1"), (["--deadline=-1"], 2, "hours above 0"),
        (["--instances", "p4d.24xlrge"], 3, "p4d.24xlarge"), (["--zero", "4"], 2, "0 to 3"),
        (["--purchase", "sport"], 2, "write some of on-demand, spot"),
        (["--cluster", "a.yaml", "--instances", "g5.xlarge"], 2, "--cluster and --instances exclude each other"),
        (["--cluster", "a.yaml"], 3, "a.yaml: there is no such file"), (["--spot-discount", "100"], 2, "below 100"),
        (["--software", "megatorn"], 2, "did you mean 'megatron'?"),
        (["--interruptions-per-hour=-1"], 2, "from 0 to 60"),
      ])
    func refusals(arguments: [String], code: Int, text: String) async throws {
      let result = try await plan(arguments)
      #expect(Int(result.exitCode) == code && result.errors.contains(text), "\(result.errors)")
    }
  }
}
