package import Models

/// Memory of a transformer's training, by component and stage.
package struct TransformerMemory: MemoryModel {
  package let model: TransformerSpecification
  package let scheme: StateScheme
  package let schedule: PipelineSchedule
  package let runtime: RuntimeMemory
  package let globalBatch: Int
  package let blocks: BlockSequence
  private let activations: [TransformerActivations]
  private let ends: EmbeddingActivations
  /// By kind of block; then what stands around them.
  private let layers: [ParameterShares]
  private let largest: Int
  private let front: ParameterShares
  private let table: ParameterShares
  private let finalNorm: ParameterShares
  private let head: ParameterShares
  private let projectsByTable: Bool

  /// - Parameters:
  ///   - fusesAttention: whether attention never writes its scores (Dao et al. 2022).
  ///   - elementBytes: of an activation.
  package init(
    _ model: TransformerSpecification, scheme: StateScheme, globalBatch: Int, fusesAttention: Bool = false,
    elementBytes: Double = 2, schedule: PipelineSchedule = .oneForwardOneBackward,
    runtime: RuntimeMemory = RuntimeMemory()
  ) {
    self.model = model
    self.scheme = scheme
    self.schedule = schedule
    self.runtime = runtime
    self.globalBatch = globalBatch
    blocks = model.blockSequence
    activations = BlockKind.allCases.map {
      TransformerActivations(model, $0, fusesAttention: fusesAttention, elementBytes: elementBytes)
    }
    ends = EmbeddingActivations(model, elementBytes: elementBytes)
    let layers = BlockKind.allCases.map { model.parameters(of: $0) }
    largest = blocks.kinds.map(\.rawValue).max { layers[$0].total < layers[$1].total } ?? 0
    self.layers = layers
    front = model.frontParameters
    table = model.tableParameters
    finalNorm = model.finalNormParameters
    head = model.headParameters
    projectsByTable = model.projectsByTable
  }

  private var hasTwoStacks: Bool { model.hasTwoStacks }

  /// Parameters of stage `stage`. Stages at which a stack starts, and the last one if its projection is tied, have the
  /// tokens' table each.
  package func parameters(ofStage stage: Int, _ layout: ParallelLayout) -> ParameterShares {
    parameters(ofStage: stage, holding: blocks.blocks(ofStage: stage, layout), layout)
  }

  private func parameters(
    ofStage stage: Int, holding counts: BlockSequence.ByKind, _ layout: ParallelLayout
  ) -> ParameterShares {
    var shares = parameters(of: counts)
    var hasTable = stage == 0
    if stage == 0 { shares = shares + front }
    if hasTwoStacks {
      if stage == blocks.stage(ofBlock: model.layers - 1, layout) { shares = shares + finalNorm }
      if stage == blocks.stage(ofBlock: model.layers, layout) {
        shares = shares + front
        hasTable = true
      }
    }
    if stage == layout.pipeline - 1 {
      shares = shares + finalNorm + head
      hasTable = hasTable || projectsByTable
    }
    return hasTable ? shares + table : shares
  }

  func parameters(of counts: BlockSequence.ByKind) -> ParameterShares {
    var shares = ParameterShares()
    for kind in blocks.kinds { shares = shares + counts[kind.rawValue] * layers[kind.rawValue] }
    return shares
  }

  /// Activations of blocks for one micro-batch.
  func kept(_ counts: BlockSequence.ByKind, _ layout: ParallelLayout) -> Double {
    var bytes = 0.0
    for kind in blocks.kinds { bytes += counts[kind.rawValue] * activations[kind.rawValue].layer(layout) }
    return bytes
  }

  package func components(stage: Int, _ layout: ParallelLayout) -> MemoryComponents {
    components(stage: stage, holding: blocks.blocks(ofStage: stage, layout), layout)
  }

  private func components(
    stage: Int, holding counts: BlockSequence.ByKind, _ layout: ParallelLayout
  ) -> MemoryComponents {
    let alive = schedule.alive(
      stage: stage, layout: layout, microBatches: layout.microBatches(globalBatch: globalBatch))
    let states = parameters(ofStage: stage, holding: counts, layout).states(scheme, layout)
    var result = MemoryComponents()
    result.weights = states.weights
    result.gradients = states.gradients
    result.optimizer = states.optimizer
    result.activations = alive * kept(counts, layout)
    for kind in blocks.kinds where counts[kind.rawValue] > 0 {
      result.recomputedLayer = max(result.recomputedLayer, activations[kind.rawValue].live(layout))
    }
    if stage == 0 { result.embeddings += ends.first(layout, alive: alive) }
    if stage == layout.pipeline - 1 { result.embeddings += ends.last(layout) }
    if hasTwoStacks {
      if stage == blocks.stage(ofBlock: model.layers, layout) {
        result.embeddings += ends.first(layout, alive: alive, isDecoder: true)
      }
      if counts[BlockKind.decoder.rawValue] + counts[BlockKind.decoderExperts.rawValue] > 0 {
        result.embeddings += ends.memory(layout, alive: alive)
      }
    }
    let held = layers[largest].held(layout)
    result.buffers = runtime.buffers(layout, layer: held.common + held.experts, scheme: scheme)
    result.context = runtime.context(layout)
    return result
  }

  /// Of equal blocks the first stage has the most activations, the last the logits; those between have less than the first.
  /// Of others any stage may be the fullest.
  package func stagesThatMayBeFullest(_ layout: ParallelLayout) -> [Int] {
    if layout.pipeline == 1 { return [0] }
    return blocks.isUniform ? [0, layout.pipeline - 1] : Array(0..<layout.pipeline)
  }

  package func fullest(_ layout: ParallelLayout) -> MemoryComponents {
    var fullest = components(stage: 0, layout)
    guard layout.pipeline > 1 else { return fullest }
    for stage in (blocks.isUniform ? layout.pipeline - 1 : 1)..<layout.pipeline {
      let other = components(stage: stage, layout)
      if other.totalBytes > fullest.totalBytes { fullest = other }
    }
    return fullest
  }
}
