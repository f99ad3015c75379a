import Catalog
import Collectives
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

  func model(_ job: Job, software: String? = nil, range: CalibratedRange? = nil) throws -> JobModel {
    let data = try #require(job.plannedDescription)
    return try JobModel(
      job, data: data, catalog: catalog, calibration: try Calibration.shipped(), software: software, range: range)
  }

  func group(_ name: String, nodes: Int) throws -> NodeGroup {
    try #require(try CatalogGroups(catalog, names: [name], nodeCounts: [nodes]).groups.first)
  }

  /// Blocks of one kind, an encoder with a decoder, and experts in every second block behind the first.
  static let kinds = [
    "gpt3-6.7b", "t5-3b",
    "{transformer: {layers: 24, hidden: 2048, heads: 16, vocabulary: 32000, sequence: 1024, "
      + "experts: {count: 8, top_k: 2, ffn: 8192, every: 2, first: 1}}}",
  ]

  @Test(
    "has bounds that no layout is below, terms that add up, and shares of the batch that fit them",
    arguments: [
      ("p4d.24xlarge", 1), ("p4d.24xlarge", 4), ("trn1.32xlarge", 4), ("g5.48xlarge", 4), ("p3.16xlarge", 1),
    ], kinds)
  func evaluator(nodes: (instance: String, count: Int), kind: String) throws {
    let job = try Self.job(kind, data: "tokens: 1e9", batch: 96)
    let model = try model(job)
    let group = try group(nodes.instance, nodes: nodes.count)
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

  @Test("has the exchanges of collectives that were measured on its nodes")
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
  }

  @Test("says which schedule takes the gradients of the chosen plan, and takes the one that the job names")
  func reduction() throws {
    let job = try Self.job("gpt3-1.3b", data: "tokens: 1e9", batch: 256)
    let group = try group("p4d.24xlarge", nodes: 4)
    let model = try model(job)
    #expect(model.reduction(group, ParallelLayout(tensor: 8, pipeline: 4)) == nil, "one replica sends to nobody")
    let layout = ParallelLayout(tensor: 2, data: 16)
    let free = try #require(model.reduction(group, layout))
    // Sixteen buckets of half of the parameters, in two bytes each; four replicas a node.
    #expect(free.buckets == 16 && free.choice.rankCount == 16 && free.choice.hostCount == 4)
    #expect(abs(Double(free.bucket.count) * 16 / model.parameterCount - 1) < 0.01)
    #expect(!free.choice.isForced && free.choice.chosen == free.choice.candidates[0])
    #expect(free.text.contains("16 buckets of") && free.text.contains("16 replicas on 4 nodes"))
    var named = job
    named.training.reduction = .fastest
    named.training.allReduce = .binomialTree
    let forced = try #require(try self.model(named).reduction(group, layout))
    #expect(forced.choice.isForced && forced.choice.chosen.algorithm == .binomialTree)
    #expect(forced.choice.chosen.seconds > free.choice.chosen.seconds && forced.text.contains("as the job says"))
    let plan = Planner(model, PlanRequest(globalBatch: 256, sequence: 2048, length: .tokens(1e9)))
      .plan(job: "planned", groups: [group], rejections: [])
    let chosen = try #require(plan.chosen)
    #expect(plan.reduction == model.reduction(group, chosen.layout))
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

  private func entry(_ model: JobModel, on instance: String, nodes: Int = 1, batch: Int) throws -> PlanEntry {
    try Planner(model, PlanRequest(globalBatch: batch, sequence: model.sequence, length: .steps(100)))
      .best(on: try group(instance, nodes: nodes))
  }

  @Test("is surer of a model, a framework and a machine that published runs have than of others")
  func intervals() throws {
    let images = "samples: 1281167, shape: [3, 224, 224], classes: 1000"
    let known = try model(try Self.job("resnet50", data: images, batch: 256, optimizer: "sgd"), software: "mxnet")
    let other = try model(try Self.job("googlenet", data: images, batch: 256, optimizer: "sgd"), software: "mxnet")
    // p3.16xlarge is a platform of the calibration, p3dn.24xlarge with the same accelerators is not, A100 are unlike both.
    let widths = try [
      (known, "p3.16xlarge"), (known, "p3dn.24xlarge"), (known, "p4d.24xlarge"), (other, "p4d.24xlarge"),
    ].map { model, instance in
      try #require(try entry(model, on: instance, batch: 256).interval).high
    }
    #expect(widths == widths.sorted() && Set(widths).count == 4, "\(widths)")
    #expect(widths[0] > 1.1 && widths[3] < 3, "\(widths)")
  }

  @Test("takes the software that is asked for, the usual one of the model's kind, and Neuron on Trainium")
  func software() throws {
    let gpt = try Self.job("gpt2", data: "tokens: 1e9", batch: 64)
    let images = try Self.job(
      "resnet50", data: "samples: 1000, shape: [3, 224, 224], classes: 10", batch: 64, optimizer: "sgd")
    func said(_ model: JobModel, _ instance: String) throws -> String {
      try #require(try entry(model, on: instance, batch: 64).remarks.first)
    }
    #expect(try said(model(gpt), "p4d.24xlarge").contains("as fast as megatron in published runs, Megatron-LM"))
    #expect(
      try said(model(images), "p4d.24xlarge").contains("as fast as pytorch in published runs, PyTorch DDP (NGC 2"))
    #expect(try said(model(gpt, software: "llm-foundry"), "p4d.24xlarge").contains("as fast as llm-foundry"))
    #expect(
      try said(model(gpt, software: "pytorch ddp (ngc 20.06)"), "p4d.24xlarge")
        .contains("pytorch in published runs, PyTorch DDP (NGC 20.06)"))
    #expect(try said(model(gpt, software: "megatron"), "trn1.32xlarge").contains("as fast as neuron"))
    do {
      _ = try model(gpt, software: "megatorn")
      Issue.record("planned")
    } catch let error as UnknownSoftware {
      #expect(error.description == "no fitted run is of the software 'megatorn'; did you mean 'megatron'?")
    }
    // Frameworks of which no release has constants are not offered.
    let names = KnownSoftware(try Calibration.shipped()).frameworks
    #expect(names.contains("pytorch") && names.contains("neuron") && !names.contains("simpledet"))
  }

  @Test("says what is outside the calibration and which fabric nobody measured, and nothing where all is known")
  func warnings() throws {
    let gpt = try model(try Self.job("gpt2", data: "tokens: 1e9", batch: 64))
    func said(_ model: JobModel, _ instance: String, _ nodes: Int) throws -> [String] {
      model.remarks(try group(instance, nodes: nodes), ParallelLayout(data: nodes, microBatch: 1))
        .filter { $0.hasPrefix("outside") || $0.hasPrefix("unmeasured") }
    }
    #expect(try said(gpt, "p4d.24xlarge", 2) == [])
    #expect(try said(gpt, "g5.xlarge", 1) == ["outside calibration: no run on a10g was fitted in bf16"])
    #expect(
      try said(gpt, "p4d.24xlarge", 128)
        == ["outside calibration: 128 nodes; no fitted run on a100 has more than 64"])
    #expect(
      try said(gpt, "g4dn.12xlarge", 2) == [
        "unmeasured fabric: no collective inside g4dn.12xlarge was measured",
        "unmeasured fabric: no collective between nodes of g4dn.12xlarge was measured",
      ])
    #expect(try said(gpt, "g4dn.12xlarge", 1).count == 1)
    let lenet = try model(
      try Self.job("lenet5", data: "samples: 60000, shape: [1, 28, 28], classes: 10", batch: 64, optimizer: "sgd"))
    let small = try #require(try said(lenet, "p4d.24xlarge", 1).first)
    #expect(small.hasPrefix("outside calibration: 62 k parameters; no fitted run has fewer than "))
    var context = ParallelLayout(context: 2, data: 4)
    context.microBatch = 1
    #expect(
      gpt.remarks(try group("p4d.24xlarge", nodes: 1), context)
        .contains("outside calibration: no run that was fitted shares sequences over ranks"))
  }

  @Test("is less sure where accelerator and fabric are not of the calibration")
  func widths() throws {
    let gpt = try model(try Self.job("gpt2", data: "tokens: 1e9", batch: 64))
    let layout = ParallelLayout(data: 8, microBatch: 8)
    func width(_ instance: String, waits: Double) throws -> Double {
      let terms = [
        StepTerm(StepBreakdown.Term.products.words, Seconds(1 - waits)),
        StepTerm(StepBreakdown.Term.gradientReduction.words, Seconds(waits)),
      ]
      let estimate = StepEstimate(terms: terms, memory: MemoryComponents())
      return try #require(gpt.logInterval(try group(instance, nodes: 2), layout, estimate))
    }
    // What is beside the calibration's own: nothing of a known accelerator and fabric.
    func added(_ waits: Double) throws -> Double {
      let (other, known) = (try width("g5.48xlarge", waits: waits), try width("p4d.24xlarge", waits: waits))
      return other * other - known * known
    }
    #expect(try added(0) > 0)
    #expect(try added(0.8) > added(0) * 1.2)
  }

  @Test("knows what checkpoints are made of: weights and optimizer states")
  func checkpoint() throws {
    let gpt = try model(try Self.job("gpt2", data: "tokens: 1e9", batch: 64))
    // Mixed Adam: 2 bytes of weights, 12 of states.
    #expect(gpt.checkpoint.count == Int64(gpt.parameterCount * 14))
  }
}
