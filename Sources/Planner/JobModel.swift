package import Catalog
import Collectives
package import CostModel
package import Datasets
package import Jobs
import ModelGraph
import Models
package import Units

/// The steps of a job on any nodes of the catalog, by the calibrated step-time model.
package struct JobModel: PlanningModel {
  let catalog: Catalog
  let calibration: Calibration
  let fabrics: FabricConstants?
  let range: CalibratedRange
  let known: KnownModel
  let names: KnownSoftware
  let software: PlanningSoftware
  /// Of accelerators that are programmed by way of the Neuron SDK; nil where the calibration has none of it.
  let neuron: PlanningSoftware?
  private let workload: Workload
  private let transformer: TransformerSpecification?
  private let divisors: ModelDivisors
  private let saved: GraphMemory
  private let arithmetic: Device.Arithmetic
  private let scheme: StateScheme
  let notes: [String]
  private let mostContext: Int
  /// What the job names.
  private let allReduce: ScheduleAlgorithm?
  /// Parameters of the model, and tokens of a sample (1 if it has none).
  package let parameterCount: Double
  package let sequence: Int

  /// - Parameters:
  ///   - software: whose constants and effects count, by name, since the trainer on accelerators is the user's own; nil for
  ///     Megatron-LM's of transformers and PyTorch's of other models.
  ///   - range: what the calibration reaches; nil for the shipped runs'.
  ///   - context: the degree of context parallelism that the user asks for; nil to leave it to the planner.
  /// - Throws: `GraphError` if the job's model and data do not fit, `UnknownSoftware`, `CatalogError`.
  package init(
    _ job: Job, data: DataDescription, catalog: Catalog, calibration: Calibration, software: String? = nil,
    range: CalibratedRange? = nil, context: Int? = nil
  ) throws {
    known = KnownModel(job)
    names = KnownSoftware(calibration)
    let asked = software ?? (job.transformer == nil ? "pytorch" : "megatron")
    self.software = try names.named(asked, family: known.family)
    neuron = try? names.named("neuron", family: known.family)
    fabrics = try FabricConstants.shipped()
    self.range =
      try range
      ?? CalibratedRange(try Calibration.shippedRuns(), ids: Set(calibration.ids), catalog: catalog)
    allReduce = job.training.allReduce
    self.catalog = catalog
    self.calibration = calibration
    // Two samples: batch normalisation has no variance over one.
    let graph = try job.modelSpecification(for: data).trainingGraph(
      sampleShape: data.sampleShape, shardSamples: 2, globalBatch: 2, loss: job.training.loss,
      options: job.training.lossOptions)
    workload = Workload(graph, samples: 2)
    parameterCount = Double(graph.parameterCount)
    arithmetic = job.training.precision == .bfloat16 ? .bf16 : .fp32
    let isMixed = arithmetic != .fp32
    scheme = StateScheme(job.training.optimizer.rule, isMixed: isMixed)
    saved = GraphMemory(graph, samples: 2, scheme: scheme, elementBytes: isMixed ? 2 : 4)
    let transformer = job.modelSpecification(for: data).transformer?.reading(data.sampleShape)
    self.transformer = transformer
    divisors = transformer?.divisors ?? .whole
    sequence = transformer?.sequence ?? 1
    mostContext = context ?? max(1, sequence / Self.positionsWorthSharing)
    notes =
      transformer == nil
      ? [] : ["attention keeps its scores on the chip (FlashAttention), gradients are reduced while backward runs"]
  }

  package func rules(for group: NodeGroup, globalBatch: Int) -> LayoutRules {
    LayoutRules(
      model: divisors, accelerators: group.accelerators, acceleratorsPerNode: group.acceleratorsPerNode,
      globalBatch: globalBatch, mostContext: mostContext)
  }

  /// Positions that a rank should have at least before a sequence is shared: what is published of context parallelism is of
  /// long sequences, and none of it is in the calibration.
  package static let positionsWorthSharing = 4096

  package func evaluator(
    for group: NodeGroup, globalBatch: Int
  ) throws(Rejection) -> StepEvaluator<JobMemory> {
    let hardware = try hardware(group)
    let mean = calibration.effects.mean(traits(group, hardware))
    let memory: JobMemory =
      if let transformer {
        .transformer(
          TransformerMemory(
            transformer, scheme: scheme, globalBatch: globalBatch, fusesAttention: true,
            elementBytes: arithmetic == .fp32 ? 4 : 2))
      } else {
        .graph(saved)
      }
    return StepEvaluator(
      workload, hardware: hardware, model: divisors, memory: memory, budget: MemoryBudget(capacity: group.memory),
      globalBatch: globalBatch, constants: calibration.constants, framework: software(on: group).framework,
      fusesAttention: true,
      factor: mean.exponential)
  }

  func hardware(_ group: NodeGroup) throws(Rejection) -> PlannedHardware {
    do {
      let instance = try catalog.instance(named: group.instance)
      return try PlannedHardware(
        instance, of: catalog, nodes: group.nodes + group.companions, arithmetic: arithmetic,
        networkScale: group.networkScale)
    } catch let problem as HardwareProblem {
      throw Rejection(.missingFact, group.description, problem.message)
    } catch {
      throw Rejection(.missingFact, group.description, "\(error)")
    }
  }

  package var parameters: Double? { parameterCount }

  package func reduction(_ group: NodeGroup, _ layout: ParallelLayout) -> GradientReduction? {
    guard let fabric = fabric(group), let hardware = try? hardware(group) else { return nil }
    let stage = transformer.map {
      TransformerMemory($0, scheme: scheme, globalBatch: 1).parameters(ofStage: 0, layout).held(layout).common
    }
    return GradientReduction(
      fabric, layout, acceleratorsPerNode: group.acceleratorsPerNode, nodes: group.nodes,
      bytes: (stage ?? parameterCount) * hardware.device.arithmetic.elementBytes, forced: allReduce)
  }

  /// Of the weights and the optimizer's states.
  package var checkpoint: Bytes { Checkpointing.bytes(parameters: parameterCount, scheme: scheme) }
}

/// Memory of either kind of model.
package enum JobMemory: MemoryModel {
  case transformer(TransformerMemory)
  case graph(GraphMemory)

  package func components(stage: Int, _ layout: ParallelLayout) -> MemoryComponents {
    switch self {
    case .transformer(let memory): memory.components(stage: stage, layout)
    case .graph(let memory): memory.components(stage: stage, layout)
    }
  }

  package func fullest(_ layout: ParallelLayout) -> MemoryComponents {
    switch self {
    case .transformer(let memory): memory.fullest(layout)
    case .graph(let memory): memory.fullest(layout)
    }
  }

  package func leastBytes(_ layout: ParallelLayout, depth: LayoutDepth) -> Double {
    switch self {
    case .transformer(let memory): memory.leastBytes(layout, depth: depth)
    case .graph(let memory): memory.leastBytes(layout, depth: depth)
    }
  }
}

extension StateScheme {
  /// Of an optimizer's states: one number a parameter for a moment or a mean of squares, and the fp32 weights of mixed
  /// precision.
  package init(_ rule: OptimizerSpecification.Rule, isMixed: Bool) {
    let states: Double =
      switch rule {
      case .sgd(let momentum, _): momentum == 0 ? 0 : 4
      case .adagrad, .lars: 4
      case .rmsprop(_, _, let momentum, let isCentred): 4 + (momentum == 0 ? 0 : 4) + (isCentred ? 4 : 0)
      case .adam, .adamw, .lamb: 8
      }
    self.init(
      name: "\(isMixed ? "mixed" : "fp32") \(rule.name.rawValue)", weights: isMixed ? 2 : 4,
      gradients: isMixed ? 2 : 4, optimizer: states + (isMixed ? 4 : 0))
  }
}
