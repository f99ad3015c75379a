/// What the ends of a pipeline keep beside their layers. Bytes of one rank.
///
/// First stage: the mask of the embedding's dropout, s·b·h, and 8 bytes of indices a position, for each micro-batch alive.
/// Last stage: inputs of the final norm and of the projection, 4·s·b·h, and logits in fp32, 4·s·b·V, of one micro-batch, cut
/// over the tensor-parallel ranks. Source: Korthikanti et al. 2022, §4.3, as Megatron-LM counts it. Valid for fused losses
/// that keep one copy of the logits.
package struct EmbeddingActivations: Hashable, Sendable {
  private let positions: Double
  private let hidden: Double
  private let vocabulary: Double
  private let mask: Double
  private let elementBytes: Double

  package init(_ model: TransformerDimensions, elementBytes: Double = 2) {
    positions = Double(model.sequence)
    hidden = Double(model.hidden)
    vocabulary = Double(model.vocabulary)
    mask = model.hasDropout ? 1 : 0
    self.elementBytes = elementBytes
  }

  private func samples(_ layout: ParallelLayout) -> Double { Double(layout.microBatch) / Double(layout.context) }

  package func first(_ layout: ParallelLayout, alive: Double) -> Double {
    let share = layout.sequenceParallel ? Double(layout.tensor) : 1
    return positions * samples(layout) * alive * (mask * hidden / share + 8)
  }

  package func last(_ layout: ParallelLayout) -> Double {
    positions * samples(layout) * (2 * elementBytes * hidden + 4 * vocabulary) / Double(layout.tensor)
  }
}
