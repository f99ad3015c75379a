import Catalog
import CostModel
import Foundation
import Planner
import Testing
import Units

@Suite("The plan of a job that people run") struct GoldenPlanTests {
  let catalog: Catalog

  init() throws { catalog = try Catalog.shipped() }

  /// Set by `scripts/golden --plans`, which writes the files.
  private static let writes = ProcessInfo.processInfo.environment["APUS_WRITE_GOLDEN"] == "plans"

  @Test("is the golden one", arguments: GoldenQuestion.all)
  func golden(question: GoldenQuestion) throws {
    let plan = GoldenPlan(try question.plan(catalog).plan)
    let file = GoldenQuestion.folder.appending(path: "\(question.job).json")
    if Self.writes {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try (encoder.encode(plan) + Data("\n".utf8)).write(to: file, options: .atomic)
    }
    let golden = try JSONDecoder().decode(GoldenPlan.self, from: Data(contentsOf: file))
    #expect(plan.differences(from: golden).isEmpty, "\(plan.differences(from: golden).joined(separator: "; "))")
  }

  /// What a practitioner demands of every entry, the chosen one or not.
  @Test("asks nothing of its layout that memory or speed does not", arguments: GoldenQuestion.all)
  func sensible(question: GoldenQuestion) throws {
    let (plan, model) = try question.plan(catalog)
    #expect(!plan.ranked.isEmpty)
    let batch = plan.request.globalBatch
    for entry in plan.ranked {
      let (layout, group) = (entry.layout, entry.group)
      let evaluator = try model.evaluator(for: group, globalBatch: batch)
      let rules = model.rules(for: group, globalBatch: batch)
      let name = "\(group): \(layout)"
      /// Whether a change of the layout is illegal, does not fit or is slower.
      func isWorse(_ change: (inout ParallelLayout) -> Void) -> Bool {
        var other = layout
        change(&other)
        return other == layout || !rules.isLegal(other) || evaluator.bytes(other) > evaluator.usableBytes
          || evaluator.seconds(other) > evaluator.seconds(layout)
      }
      func fits(_ change: (inout ParallelLayout) -> Void) -> Bool {
        var other = layout
        change(&other)
        return evaluator.bytes(other) <= evaluator.usableBytes
      }
      #expect(!group.instance.hasPrefix("inf"), "\(name): Inferentia does not train")
      #expect(layout.tensor <= group.acceleratorsPerNode, "\(name): layers shared across hosts")
      // Compute is never taken twice for its own sake.
      switch layout.recomputation {
      case .none: break
      case .selective: #expect(!fits { $0.recomputation = .none }, "\(name): recomputes though it need not")
      case .full:
        #expect(!fits { $0.recomputation = .none } && !fits { $0.recomputation = .selective }, "\(name)")
      }
      if layout.zeroStage > 0 {
        #expect(isWorse { $0.zeroStage -= 1 }, "\(name): shards more than memory or speed asks")
      }
      // Replicas instead of stages, and instead of shared layers: with the same micro-batch and with smaller ones.
      for microBatch in Set([layout.microBatch, 1]) {
        #expect(
          isWorse {
            $0.data *= $0.pipeline
            ($0.pipeline, $0.virtualStages, $0.microBatch) = (1, 1, microBatch)
          }, "\(name): a pipeline that neither memory nor the network asks for")
        #expect(
          isWorse {
            $0.data *= $0.tensor
            ($0.tensor, $0.expertTensor, $0.sequenceParallel, $0.microBatch) = (1, 1, false, microBatch)
          }, "\(name): shared layers that neither memory nor speed asks for")
      }
      // Where exchanges are measured, weights are sharded if they do not fit, never to save an optimizer's milliseconds.
      if layout.zeroStage == 3, FabricDescription(try catalog.instance(named: group.instance)).measuredNode != nil {
        #expect(!fits { $0.zeroStage = 2 }, "\(name): shards weights that fit")
      }
      #expect(layout.virtualStages == 1 || isWorse { $0.virtualStages = 1 }, "\(name): pieces for nothing")
      #expect(!layout.sequenceParallel || isWorse { $0.sequenceParallel = false }, "\(name)")
      // Long published experience: of a step no more than a quarter is bubble, and 15 to 70 % of the peak is reached by
      // transformers of a billion parameters.
      let bubble = entry.estimate.terms.filter { $0.name == "pipeline bubble" }.map(\.seconds).sum()
      #expect(bubble < entry.step * 0.25, "\(name): a bubble of \(bubble) in \(entry.step)")
    }
  }

  @Test("of 175 billion parameters shares layers inside hosts and stages across them, as is published of such runs")
  func large() throws {
    let question = try #require(GoldenQuestion.all.last)
    for entry in try question.plan(catalog).plan.ranked {
      #expect((4...8).contains(entry.layout.tensor) && (4...16).contains(entry.layout.pipeline), "\(entry.layout)")
      // 6 FLOP a parameter and token, at 30 to 60 % of the peak.
      let utilisation = 6 * 174.6e9 * 1536 * 2048 / (1024 * 312e12 * entry.step.count)
      #expect(utilisation > 0.3 && utilisation < 0.6, "\(entry.group): \(utilisation)")
    }
  }

  @Test("on Inferentia is refused with the reason, and with an offer of what trains")
  func inferentia() throws {
    var question = GoldenQuestion(job: "gpt2-xl", instances: ["inf2.48xlarge", "inf1.24xlarge"], nodes: [8])
    let (refused, model) = try question.plan(catalog)
    #expect(!refused.isFeasible && refused.rejections.map(\.code) == [.cannotTrain, .cannotTrain])
    #expect(refused.rejections.allSatisfy { $0.message.contains("Inferentia") && $0.message.contains("train") })
    let elsewhere = try CatalogGroups(catalog, nodeCounts: [8]).groups
    let offered = Planner(model, refused.request).offering(refused, groups: [], elsewhere: elsewhere).nearest
    #expect(!offered.isEmpty && offered.allSatisfy { !$0.group.instance.hasPrefix("inf") && $0.lacks == [.nodes] })
    #expect(offered.contains { $0.group.instance.hasPrefix("trn") }, "\(offered.map(\.group))")
    // Beside instances that train, they are told with them and never chosen.
    question = GoldenQuestion(job: "gpt2-xl", instances: ["inf2.48xlarge", "trn1.32xlarge"], nodes: [1])
    let plan = try question.plan(catalog).plan
    #expect(plan.ranked.map(\.group.instance) == ["trn1.32xlarge"] && plan.rejections.map(\.code) == [.cannotTrain])
  }
}
