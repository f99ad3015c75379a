/// Memory of a transformer's training, by component and stage.
package struct TransformerMemory: MemoryModel {
  package let model: TransformerDimensions
  package let scheme: StateScheme
  package let schedule: PipelineSchedule
  package let runtime: RuntimeMemory
  package let globalBatch: Int
  private let activations: TransformerActivations
  private let ends: EmbeddingActivations
  private let layer: ParameterShares
  private let front: ParameterShares
  private let tail: ParameterShares
  private let projection: ParameterShares

  /// - Parameter elementBytes: of an activation.
  package init(
    _ model: TransformerDimensions, scheme: StateScheme, globalBatch: Int, elementBytes: Double = 2,
    schedule: PipelineSchedule = .oneForwardOneBackward, runtime: RuntimeMemory = RuntimeMemory()
  ) {
    self.model = model
    self.scheme = scheme
    self.schedule = schedule
    self.runtime = runtime
    self.globalBatch = globalBatch
    activations = TransformerActivations(model, elementBytes: elementBytes)
    ends = EmbeddingActivations(model, elementBytes: elementBytes)
    layer = model.layerParameters
    front = model.embeddingParameters
    tail = model.headParameters(withProjection: !model.tiesEmbeddings)
    projection = model.headParameters(withProjection: true)
  }

  package func components(stage: Int, _ layout: ParallelLayout) -> MemoryComponents {
    let layers = Double(layout.layers(ofStage: stage, of: model.layers))
    let alive = schedule.alive(
      stage: stage, layout: layout, microBatches: layout.microBatches(globalBatch: globalBatch))
    var shares = layers * layer
    if stage == 0 { shares = shares + front }
    if stage == layout.pipeline - 1 { shares = shares + (stage > 0 ? projection : tail) }
    let states = shares.states(scheme, layout)
    var result = MemoryComponents()
    result.weights = states.weights
    result.gradients = states.gradients
    result.optimizer = states.optimizer
    result.activations = layers * alive * activations.layer(layout)
    result.recomputedLayer = activations.live(layout)
    if stage == 0 { result.embeddings += ends.first(layout, alive: alive) }
    if stage == layout.pipeline - 1 { result.embeddings += ends.last(layout) }
    let held = layer.held(layout)
    result.buffers = runtime.buffers(layout, layer: held.common + held.experts, scheme: scheme)
    result.context = runtime.context(layout)
    return result
  }

  /// The first stage has the most activations, the last the logits; those between have less than the first.
  package func stagesThatMayBeFullest(_ layout: ParallelLayout) -> [Int] {
    layout.pipeline == 1 ? [0] : [0, layout.pipeline - 1]
  }

  package func fullest(_ layout: ParallelLayout) -> MemoryComponents {
    let first = components(stage: 0, layout)
    guard layout.pipeline > 1 else { return first }
    let last = components(stage: layout.pipeline - 1, layout)
    return last.totalBytes > first.totalBytes ? last : first
  }
}
