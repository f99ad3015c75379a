package import Models

/// What the ends of a model's stacks keep beside their blocks. Bytes of one rank.
///
/// Where a stack starts: the mask of the embedding's dropout, s·b·h, and 8 bytes of indices a position, for each micro-batch
/// alive. Last stage: inputs of the final norm and of the projection, 4·s·b·h, and logits in fp32, 4·s·b·V (of the steps
/// that are to be found alone, or of the classes, where a head has fewer), of one micro-batch, cut over the tensor-parallel
/// ranks. Source: Korthikanti et al. 2022, §4.3, as Megatron-LM counts it. Valid for fused losses that keep one copy of the
/// logits. A stage with blocks of a decoder keeps the encoder's output, 2·s·b·h of the encoder's s, for each micro-batch
/// alive.
package struct EmbeddingActivations: Hashable, Sendable {
  /// Of the first stack, and of the last.
  private let source: Double
  private let target: Double
  private let hidden: Double
  private let logits: Double
  private let mask: Double
  private let elementBytes: Double

  package init(_ model: TransformerSpecification, elementBytes: Double = 2) {
    source = Double(model.sequence)
    target = model.hasTwoStacks ? Double(model.targetSequence) : source
    hidden = Double(model.hidden)
    logits =
      switch model.head {
      case .languageModel: target * Double(model.vocabulary)
      case .maskedLanguageModel: Double((model.predictions ?? model.sequence) * model.vocabulary)
      case .classifier: Double(model.classes)
      }
    mask = model.maskBytes
    self.elementBytes = elementBytes
  }

  private func samples(_ layout: ParallelLayout) -> Double { Double(layout.microBatch) / Double(layout.context) }
  private func ranksOfPositions(_ layout: ParallelLayout) -> Double {
    layout.sequenceParallel ? Double(layout.tensor) : 1
  }

  /// Where the stack starts.
  package func first(_ layout: ParallelLayout, alive: Double, isDecoder: Bool = false) -> Double {
    (isDecoder ? target : source) * samples(layout) * alive
      * (mask * hidden / ranksOfPositions(layout) + 8)
  }

  package func last(_ layout: ParallelLayout) -> Double {
    samples(layout) * (2 * elementBytes * hidden * target + 4 * logits) / Double(layout.tensor)
  }

  /// The encoder's output on a stage that has blocks of the decoder.
  package func memory(_ layout: ParallelLayout, alive: Double) -> Double {
    source * hidden * elementBytes * samples(layout) * alive / ranksOfPositions(layout)
  }
}
