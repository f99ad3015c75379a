import Units

/// The calibrated step-time model as a search asks it: kernel times by table, the step around them by `StepShape`.
package struct StepEvaluator<Memory: MemoryModel>: LayoutEvaluator {
  private let workload: Workload
  private let parameters: StageParameters
  private let template: StepShape
  private let constants: Constants
  private let table: StageTable
  /// Nil where no collectives of the nodes were measured.
  private let exchanges: FabricExchanges?
  private let globalBatch: Int
  private let memory: Memory
  /// What software takes beside physics, as a factor.
  private let factor: Double
  package let usableBytes: Double

  /// - Parameters:
  ///   - workload: of one sample.
  ///   - framework: whose software constants count, such as "pytorch".
  ///   - fusesAttention: whether kernels keep scores on the chip.
  ///   - factor: measured over modelled time of software like this.
  ///   - model: what a layout must divide: the table holds every degree that does.
  package init(
    _ workload: Workload, hardware: PlannedHardware, model: ModelDivisors, memory: Memory, budget: MemoryBudget,
    globalBatch: Int, constants: Constants, framework: String, fusesAttention: Bool, factor: Double
  ) {
    self.workload = workload
    parameters = StageParameters(workload)
    self.constants = constants
    self.globalBatch = globalBatch
    self.memory = memory
    self.factor = factor
    usableBytes = Double(budget.usable.count)
    let device = hardware.device
    // A run to come reduces gradients beside backward whatever its software did in the runs that are published.
    var template = StepShape(
      device: device, attentionPeak: hardware.attentionPeak, isHopperOrLater: hardware.isHopperOrLater,
      fusesAttention: fusesAttention, block: [], edge: [], batch: 1, dispatches: 0, microBatches: 1, parameters: 0,
      gradientBytes: device.arithmetic.elementBytes, reducesBesideBackward: true, network: hardware.network)
    template.resolve(constants, framework: framework)
    self.template = template
    let ranks = Int(hardware.network.ranksPerHost)
    let all = Int(hardware.network.hosts) * ranks
    func divisors(_ n: Int) -> [Int] { (1...max(1, n)).filter { n.isMultiple(of: $0) } }
    let tensors = divisors(all).filter { model.heads.isMultiple(of: $0) && $0 <= 16 * ranks }
    exchanges = hardware.fabric.map {
      FabricExchanges(
        $0, hosts: Int(hardware.network.hosts), tensors: tensors, replicas: divisors(all),
        experts: divisors(model.experts).filter { $0 <= all })
    }
    table = StageTable(
      workload, tensors: tensors, experts: divisors(model.experts),
      contexts: divisors(all).filter { model.canCutSequences(into: $0) },
      batches: divisors(globalBatch), times: KernelTimes(template, constants: constants))
  }

  // MARK: Time

  /// What one stage of a pipeline has of the blocks of each kind, with the times of its kernels.
  private struct Stage {
    var shares: BlockSequence.ByKind
    var times: StageTimes
    /// Parameters of the blocks of the stage that has the most.
    var parameters: Double
  }

  /// The stage that the others wait for: the one whose kernels take longest.
  private func slowest(_ layout: ParallelLayout, _ entry: StageTable.Entry) -> Stage {
    let blocks = workload.blocks
    func stage(_ position: Int) -> Stage {
      let shares = blocks.shares(blocks.blocks(ofStage: position, layout))
      return Stage(
        shares: shares, times: table.blocks(entry, shares: shares),
        parameters: parameters.inBlocks(
          shares: shares, tensor: Double(layout.tensor), experts: Double(layout.expert)))
    }
    var slowest = stage(0)
    guard !blocks.isUniform else { return slowest }
    let again: Double = layout.recomputation == .full ? 1 : 0
    func seconds(_ times: StageTimes) -> Double { times.total + again * times.forward }
    for position in 1..<max(1, layout.pipeline) {
      let other = stage(position)
      let most = max(slowest.parameters, other.parameters)
      if seconds(other.times) > seconds(slowest.times) { slowest = other }
      slowest.parameters = most
    }
    return slowest
  }

  private func breakdown(_ layout: ParallelLayout, microBatches: Int? = nil) -> StepBreakdown {
    let entry = table.entry(layout)
    let stage = slowest(layout, entry)
    let inBlocks = workload.inBlocks
    let p = Double(layout.pipeline)
    let t = Double(layout.tensor)
    var shape = template
    shape.batch = Double(layout.microBatch) / Double(layout.context)
    shape.microBatches = Double(microBatches ?? layout.microBatches(globalBatch: globalBatch))
    shape.tensor = t
    shape.experts = Double(layout.expert)
    shape.routedBytes = shape.batch * (stage.shares * inBlocks.routedElements).sum() * template.gradientBytes
    shape.pipeline = p
    shape.virtualStages = Double(layout.virtualStages)
    shape.data = Double(layout.data * layout.context)
    shape.zeroStage = layout.zeroStage
    shape.recomputation = Recomputation(rawValue: layout.recomputation.rawValue) ?? .none
    shape.dispatches = (stage.shares * inBlocks.dispatches).sum()
    let bytes = shape.batch * shape.device.arithmetic.elementBytes
    if layout.tensor > 1 {
      shape.tensorReductions = (stage.shares * inBlocks.reductions).sum()
      shape.tensorBytes = bytes * (stage.shares * inBlocks.reducedElements).sum() / max(1, shape.tensorReductions)
    }
    shape.boundaryBytes = bytes * workload.boundaryElements(stages: layout.pipeline)
    shape.parameters = stage.parameters + parameters.atEdges(tensor: t, pipeline: p)
    let counts = stage.shares * workload.blocks.total
    let times =
      exchanges?.times(shape, layout, blocks: counts.sum(), withExperts: (counts * BlockKind.haveExperts).sum())
      ?? shape.ratedExchanges(constants)
    return shape.breakdown(constants, block: stage.times, edge: table.edge(entry), exchanges: times)
  }

  /// Keys and values round the ring of ranks that share a sequence, forward and twice backward (Liu et al. 2023), not
  /// hidden: of every run of the calibration c is 1, so what attention would hide is not known.
  private func ring(_ layout: ParallelLayout, microBatches: Int? = nil) -> Double {
    guard layout.context > 1 else { return 0 }
    let (t, c) = (Double(layout.tensor), Double(layout.context))
    let network = template.network
    let link = network.linkRate(constants)
    let isInHost = t * c <= network.ranksPerHost
    let rate = isInHost ? link : min(link, network.hostRate(constants) / t)
    let shares = slowest(layout, table.entry(layout)).shares
    let samples = Double(layout.microBatch) / c
    let bytes =
      samples * (shares * workload.inBlocks.keyValueElements).sum() / t * template.device.arithmetic.elementBytes
    // A decoder's block has two attentions.
    let attentions = (shares * workload.blocks.total * BlockKind.attentions).sum()
    let hop = constants[.tensorLatency] * (isInHost ? 1 : 4)
    let passes: Double = layout.recomputation == .none ? 3 : 4
    let m = Double(microBatches ?? layout.microBatches(globalBatch: globalBatch))
    let bubble = Double(layout.pipeline - 1) / Double(layout.virtualStages)
    return (m + bubble) * passes * (c - 1) * (bytes / rate + attentions * hop)
  }

  private func total(_ layout: ParallelLayout, microBatches: Int? = nil) -> Double {
    (breakdown(layout, microBatches: microBatches).total.count + ring(layout, microBatches: microBatches)) * factor
  }

  package func seconds(_ layout: ParallelLayout) -> Double { total(layout) }

  package func affine(_ layout: ParallelLayout) -> AffineStep {
    let one = total(layout, microBatches: 1)
    let two = total(layout, microBatches: 2)
    return AffineStep(fixed: max(0, 2 * one - two), perMicroBatch: two - one)
  }

  /// The kernels alone, of every micro-batch and of the bubble.
  package func leastSeconds(_ layout: ParallelLayout, depth: LayoutDepth) -> Double {
    let p = Double(layout.pipeline)
    guard depth > .degrees else {
      let least = table.leastPerSample(layout)
      let samples = Double(globalBatch / layout.data)
      return samples * (least.block / p + least.edge) * factor * (1 - 1e-12)
    }
    let m = Double(layout.microBatches(globalBatch: globalBatch))
    let bubble = (p - 1) / Double(layout.virtualStages)
    let entry = table.entry(layout)
    let shared = table.entry(layout, sequenceParallel: true)
    let (own, other) = (table.allBlocks(entry), table.allBlocks(shared))
    let (ownTotal, otherTotal) = (own.forward + own.backward, other.forward + other.backward)
    var least = m * (ownTotal / p + table.edge(entry).total)
    if depth < .activations { least = min(least, m * (otherTotal / p + table.edge(shared).total)) }
    let again = depth == .activations && layout.recomputation == .full ? own.forward : 0
    // The bubble is of the blocks alone: of the edges only their stage knows. The slowest stage is no faster than the average.
    return (least + m * again / p + bubble * min(ownTotal, otherTotal) / p) * factor * (1 - 1e-12)
  }

  // MARK: Memory

  package func bytes(_ layout: ParallelLayout) -> Double { memory.fullest(layout).totalBytes }

  package func leastBytes(_ layout: ParallelLayout, depth: LayoutDepth) -> Double {
    memory.leastBytes(layout, depth: depth)
  }

  package func estimate(_ layout: ParallelLayout) -> StepEstimate {
    let breakdown = breakdown(layout)
    var terms = StepBreakdown.Term.allCases.map { StepTerm($0.words, Seconds(breakdown[$0])) }
    let ring = ring(layout)
    terms.append(StepTerm("context-parallel ring", Seconds(ring)))
    terms.append(
      StepTerm("software, as measured on the like", Seconds((breakdown.total.count + ring) * (factor - 1))))
    return StepEstimate(terms: terms.filter { $0.seconds != .zero }, memory: memory.fullest(layout))
  }
}

extension StepBreakdown.Term {
  /// As a table says it.
  package var words: String {
    switch self {
    case .products: "matrix products and convolutions"
    case .attention: "attention cores"
    case .memory: "passes over memory"
    case .recomputation: "recomputation"
    case .dispatch: "waiting for the host"
    case .tensorParallel: "tensor-parallel all-reduces"
    case .expertExchange: "tokens to experts and back"
    case .shardGathers: "gathers of sharded weights"
    case .pipelineTransfers: "pipeline transfers"
    case .pipelineBubble: "pipeline bubble"
    case .gradientReduction: "gradient reduction, exposed"
    case .optimizer: "optimizer"
    case .microBatchOverhead: "overhead of micro-batches"
    case .stepOverhead: "overhead of the step"
    }
  }
}
