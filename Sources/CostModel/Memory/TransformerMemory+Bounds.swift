extension TransformerMemory {
  /// Bytes that every legal layout needs which agrees with `layout` in what `depth` names.
  ///
  /// Each part at its least: states at the highest ZeRO stage, activations at the smallest micro-batch and one virtual stage
  /// with the best recomputation and sequence parallelism, no buffers. Holds because states do not grow with the stage of
  /// ZeRO, b · min(m, p) not with a smaller b, and p·(1 + (p − 1)/(p·v)) is at least p. Where virtual stages change which
  /// kinds of blocks a stage has, `leastOfAverage` is asked instead.
  package func leastBytes(_ layout: ParallelLayout, depth: LayoutDepth) -> Double {
    var least = layout
    least.zeroStage = layout.pipeline > 1 ? 1 : 3
    let piecesMayMove = depth < .batch && layout.pipeline > 1 && !blocks.isUniform && !model.hasTwoStacks
    if depth < .batch {
      least.microBatch = 1
      least.virtualStages = 1
    }
    guard depth < .activations else { return leastOfFullest(least) }
    least.sequenceParallel = layout.tensor > 1
    var bytes = Double.infinity
    for recomputation in [Recomputation.full, .selective] {
      least.recomputation = recomputation
      bytes = min(bytes, piecesMayMove ? leastOfAverage(least) : leastOfFullest(least))
    }
    return bytes
  }

  private func leastOfFullest(_ layout: ParallelLayout) -> Double {
    var bytes = 0.0
    for stage in stagesThatMayBeFullest(layout) {
      let components = components(stage: stage, layout)
      bytes = max(bytes, components.totalBytes - components.buffers)
    }
    // Sums of the same numbers in another order may differ in the last bits.
    return bytes * (1 - 1e-12)
  }

  /// Of blocks in equal parts alone, with one micro-batch alive as on the last stage: no more than the fullest stage.
  private func leastOfAverage(_ layout: ParallelLayout) -> Double {
    let counts = blocks.total / Double(layout.pipeline)
    let states = parameters(of: counts).states(scheme, layout).total
    return (states + kept(counts, layout) + runtime.context(layout)) * (1 - 1e-12)
  }
}
