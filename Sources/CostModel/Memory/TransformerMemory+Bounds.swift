extension TransformerMemory {
  /// Bytes that every legal layout needs which agrees with `layout` in what `depth` names.
  ///
  /// Each part at its least: states at the highest ZeRO stage, activations at the smallest micro-batch and one virtual stage
  /// with the best recomputation and sequence parallelism, no buffers. Holds because states do not grow with the stage of
  /// ZeRO, b · min(m, p) not with a smaller b, and p·(1 + (p − 1)/(p·v)) is at least p.
  package func leastBytes(_ layout: ParallelLayout, depth: LayoutDepth) -> Double {
    var least = layout
    least.zeroStage = layout.pipeline > 1 ? 1 : 3
    if depth < .batch {
      least.microBatch = 1
      least.virtualStages = 1
    }
    guard depth < .activations else { return leastOfFullest(least) }
    least.sequenceParallel = layout.tensor > 1
    var bytes = Double.infinity
    for recomputation in [Recomputation.full, .selective] {
      least.recomputation = recomputation
      bytes = min(bytes, leastOfFullest(least))
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
}
