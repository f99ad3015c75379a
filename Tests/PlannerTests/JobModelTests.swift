import Catalog
import CostModel
import Jobs
import Planner
import TestSupport
import Testing
import Units

@Suite("A job planned on the catalog") struct JobModelTests {
  let catalog: Catalog

  init() throws { catalog = try Catalog.shipped() }

  /// - Parameter data: beside its format.
  static func job(_ model: String, data: String, batch: Int, optimizer: String = "adamw") throws -> Job {
    try JobFile(
      yaml: """
        apus: 1
        name: planned
        data: {format: planned, \(data)}
        model: \(model)
        training:
          epochs: 1
          batch: \(batch)
          precision: bfloat16
          optimizer: {name: \(optimizer), learning_rate: 0.0001}
        """, file: "job.yaml"
    ).job
  }

  func model(_ job: Job) throws -> JobModel {
    let data = try #require(job.plannedDescription)
    return try JobModel(job, data: data, catalog: catalog, calibration: try Calibration.shipped())
  }

  func group(_ name: String, nodes: Int) throws -> NodeGroup {
    try #require(try CatalogGroups(catalog, names: [name], nodeCounts: [nodes]).groups.first)
  }

  static let llm = ("gpt3-6.7b", "tokens: 1e9", 96)

  @Test(
    "has bounds that no layout is below, terms that add up, and shares of the batch that fit them",
    arguments: ["p4d.24xlarge", "trn1.32xlarge", "g5.48xlarge", "p3.16xlarge"], [1, 4])
  func evaluator(instance: String, nodes: Int) throws {
    let job = try Self.job(Self.llm.0, data: Self.llm.1, batch: Self.llm.2)
    let model = try model(job)
    let group = try group(instance, nodes: nodes)
    let evaluator = try model.evaluator(for: group, globalBatch: 96)
    let space = LayoutSpace(rules: model.rules(for: group, globalBatch: 96))
    var count = 0
    space.forEach { layout in
      count += 1
      guard count.isMultiple(of: 37) else { return }
      let (seconds, bytes) = (evaluator.seconds(layout), evaluator.bytes(layout))
      for depth in LayoutDepth.allCases {
        #expect(evaluator.leastSeconds(layout, depth: depth) <= seconds, "\(layout) \(depth)")
        #expect(evaluator.leastBytes(layout, depth: depth) <= bytes, "\(layout) \(depth)")
      }
      let estimate = evaluator.estimate(layout)
      expectClose([estimate.time.count], [seconds], relative: 1e-9, "\(layout)")
      let affine = evaluator.affine(layout)
      let m = Double(layout.microBatches(globalBatch: 96))
      expectClose([affine.fixed + m * affine.perMicroBatch], [seconds], relative: 1e-6, "\(layout)")
    }
    #expect(count > 300)
    var search = Search(space, evaluator)
    let found = search.run()
    #expect(found.best == exhaustive(space, evaluator)?.layout)
    if let best = found.best { print(group, best, found.time ?? .zero, count, found.counts) }
  }

  @Test("puts 175B on 128 p4d.24xlarge with layers shared inside the node, and recomputes no more than memory asks")
  func large() throws {
    let model = try model(try Self.job("gpt3-175b", data: "tokens: 300e9", batch: 1536))
    #expect(abs(model.parameterCount / 174.6e9 - 1) < 0.001 && model.sequence == 2048)
    let request = PlanRequest(globalBatch: 1536, sequence: 2048, length: .tokens(300e9), objective: .time)
    let planner = Planner(model, request)
    let group = try group("p4d.24xlarge", nodes: 128)
    let clock = ContinuousClock()
    var entry: PlanEntry?
    let time = try clock.measure { entry = try planner.best(on: group) }
    let best = try #require(entry)
    print("175B on \(group): \(best.layout), \(best.step), \(best.memory.components.total) in \(time); \(best.search)")
    #expect(
      best.layout.context == 1 && best.layout.tensor <= 8 && best.layout.pipeline > 1 && best.memory.fits
        && best.search.gap == 0)
    // 8 bytes of compute a parameter and token at most, at 20 to 75 % of the peak.
    let utilisation = 6 * 174.6e9 * 1536 * 2048 / (1024 * 312e12 * best.step.count)
    #expect(utilisation > 0.2 && utilisation < 0.75, "\(utilisation)")
    var plain = best.layout
    plain.recomputation = .none
    let evaluator = try model.evaluator(for: group, globalBatch: 1536)
    if best.layout.recomputation != .none { #expect(evaluator.bytes(plain) > evaluator.usableBytes) }
  }

  @Test("evaluates layouts by the hundred thousand a second and searches the whole catalog in seconds")
  func speed() throws {
    let model = try model(try Self.job("gpt3-6.7b", data: "tokens: 1e10", batch: 512))
    let group = try group("p4d.24xlarge", nodes: 64)
    let evaluator = try model.evaluator(for: group, globalBatch: 512)
    let space = LayoutSpace(rules: model.rules(for: group, globalBatch: 512))
    let clock = ContinuousClock()
    var (sum, count) = (0.0, 0)
    let all = clock.measure {
      space.forEach {
        sum += evaluator.seconds($0)
        count += 1
      }
    }
    let groups = try CatalogGroups(catalog)
    let request = PlanRequest(globalBatch: 512, sequence: 2048, length: .tokens(1e10))
    var plan: Plan?
    let whole = clock.measure {
      plan = Planner(model, request).plan(job: "6.7B", groups: groups.groups, rejections: groups.rejections)
    }
    print("\(count) layouts in \(all), \(Double(count) / Seconds(all).count) a second; catalog in \(whole)")
    #expect(sum > 0 && (plan?.ranked.count ?? 0) > 50)
    #expect(plan?.ranked.allSatisfy { !$0.group.instance.hasPrefix("inf") } == true)
  }

  @Test("of a network that cannot be cut uses the data axis alone, and small jobs stay on one small instance")
  func small() throws {
    let model = try model(
      try Self.job("lenet5", data: "samples: 60000, shape: [1, 28, 28], classes: 10", batch: 64, optimizer: "sgd"))
    let groups = try CatalogGroups(catalog)
    let request = PlanRequest(globalBatch: 64, length: .epochs(10, samples: 60_000))
    let plan = Planner(model, request).plan(job: "lenet5", groups: groups.groups)
    let chosen = try #require(plan.chosen)
    #expect(chosen.group.accelerators == 1 && chosen.layout.recomputation == .none)
    for entry in plan.ranked {
      #expect(entry.layout.tensor * entry.layout.context * entry.layout.pipeline * entry.layout.expert == 1)
    }
  }

  @Test("has the exchanges of collectives that were measured on its nodes, and says where none were")
  func exchanges() throws {
    let model = try model(try Self.job("gpt3-6.7b", data: "tokens: 1e9", batch: 96))
    let group = try group("p4d.24xlarge", nodes: 4)
    let evaluator = try model.evaluator(for: group, globalBatch: 96)
    let fabric = Fabric(
      FabricDescription(try catalog.instance(named: "p4d.24xlarge")), constants: try FabricConstants.shipped())
    func seconds(_ term: String, _ layout: ParallelLayout) -> Double {
      evaluator.estimate(layout).terms.filter { $0.name == term }.map(\.seconds.count).reduce(0, +)
    }
    // Two all-reduces a layer forward and backward, 32 layers, 2048 × 4096 elements of 2 bytes a sample.
    let shared = ParallelLayout(tensor: 8, data: 4, microBatch: 3)
    let bytes = 3.0 * 2048 * 4096 * 2
    let inside = fabric.coefficients(groupSize: 8, ranksPerNode: 8)
    expectClose(
      [seconds("tensor-parallel all-reduces", shared)], [8 * 4 * 32 * inside.allReduce(bytes)], relative: 1e-9)
    // Eight ranks of a host send at once, whoever they belong to: t of them a share each of one micro-batch.
    for (t, d) in [(1, 8), (2, 4), (8, 1)] {
      let piped = ParallelLayout(tensor: t, pipeline: 4, data: d, microBatch: 3)
      let message = fabric.coefficients(groupSize: 2, ranksPerNode: 1, concurrentGroupsPerNode: 8)
      let one = 2 * message.pointToPoint(bytes / Double(t))
      let transfers = seconds("pipeline transfers", piped)
      let crossings = Double(piped.microBatches(globalBatch: 96))
      // Partly behind compute, but never more than all of them and the way through the empty pipeline.
      #expect(transfers <= (crossings + 3) * one * (1 + 1e-9), "\(piped)")
      #expect(transfers >= 3 * one, "\(piped)")
    }
    #expect(!model.remarks(group, shared).contains { $0.contains("unmeasured fabric") })
    let unknown = try self.group("g5.48xlarge", nodes: 4)
    #expect(model.remarks(unknown, shared).contains { $0.contains("unmeasured fabric") })
    #expect(!model.remarks(try self.group("g5.xlarge", nodes: 1), shared).contains { $0.contains("fabric") })
  }

  @Test("takes T4G for what the catalog says it is like, and says so")
  func likeAnother() throws {
    let model = try model(
      try Self.job("lenet5", data: "samples: 60000, shape: [1, 28, 28], classes: 10", batch: 64, optimizer: "sgd"))
    let (like, known) = (try group("g5g.xlarge", nodes: 1), try group("g4dn.xlarge", nodes: 1))
    let layout = ParallelLayout(microBatch: 64)
    let evaluator = try model.evaluator(for: like, globalBatch: 64)
    expectClose(
      [evaluator.seconds(layout)], [try model.evaluator(for: known, globalBatch: 64).seconds(layout)], relative: 1e-12)
    #expect(model.remarks(like, layout).contains { $0.hasPrefix("T4G is taken to be as fast as") })
    #expect(!model.remarks(known, layout).contains { $0.contains("T4G") })
  }
}
