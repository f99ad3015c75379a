/// Bytes that one rank sends in a step, by axis of the mesh; receives are as many.
///
/// With q bytes an element, x = q·b·s·h/c bytes of one micro-batch between layers, and m micro-batches:
///
/// - data: ring all-reduce 2·S·(n − 1)/n of the S bytes of gradients a rank holds, as reduce-scatter and all-gather under
///   ZeRO-1 and 2; ZeRO-3 3·S·(n − 1)/n: weights gathered forward and backward, gradients scattered (Rajbhandari et al. 2020).
/// - tensor: two all-reduces of x a layer forward, two backward, two more to compute it again: 2·x·(t − 1)/t each; the same
///   bytes as gathers and scatters under sequence parallelism (Korthikanti et al. 2022).
/// - context: keys and values go round the ring, (c − 1)·2·x·g/a forward and twice that backward (Liu et al. 2023).
/// - pipeline: x forward and x backward over each of the v pieces' boundaries, ÷t where ranks scatter and gather.
/// - expert: two all-to-alls forward and two backward of k·x a layer, (e − 1)/e of it to others.
///
/// Valid for transformers of equal layers.
package struct CommunicationVolume: Hashable, Sendable, Codable {
  package var data: Double
  package var tensor: Double
  package var context: Double
  package var pipeline: Double
  package var expert: Double

  package var total: Double { data + tensor + context + pipeline + expert }

  /// - Parameters:
  ///   - parameters: of the fullest stage.
  ///   - gradientBytes: of an element of a message of gradients or weights.
  ///   - elementBytes: of an activation.
  package init(
    _ model: TransformerDimensions, parameters: ParameterShares, layout: ParallelLayout, globalBatch: Int,
    gradientBytes: Double = 2, elementBytes q: Double = 2
  ) {
    let m = Double(layout.microBatches(globalBatch: globalBatch))
    let layers = Double(layout.layers(ofStage: 0, of: model.layers))
    let x =
      q * Double(layout.microBatch) * Double(model.sequence) * Double(model.hidden) / Double(layout.context)
    let held = parameters.held(layout)
    let passes: Double = layout.zeroStage == 3 ? 3 : 2
    func others(_ ranks: Int) -> Double { Double(ranks - 1) / Double(ranks) }
    data =
      passes * gradientBytes
      * (held.common * others(layout.data * layout.context) + held.experts * others(layout.expertData))
    let reductions: Double = layout.recomputation == .full ? 6 : 4
    tensor = m * layers * reductions * 2 * x * others(layout.tensor)
    let recomputed: Double = layout.recomputation == .none ? 0 : 1
    context =
      m * layers * Double(layout.context - 1) * 2 * x * model.keyValueShare * (3 + recomputed)
      / Double(layout.tensor)
    pipeline = layout.pipeline > 1 ? m * 2 * x * Double(layout.virtualStages) / Double(layout.tensor) : 0
    let perToken = Double(model.experts?.perToken ?? 0)
    expert = m * layers * 4 * perToken * x * others(layout.expert)
  }
}
