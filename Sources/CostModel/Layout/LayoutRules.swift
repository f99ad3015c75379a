/// Why a layout cannot be used: one sentence with the values, and the remedy.
package struct LayoutProblem: Error, Hashable, Sendable, Codable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable, Codable, CaseIterable {
    case degreeBelowOne, acceleratorCount, heads, keyValueHeads, tensorAcrossNodes, sequence, context, layers,
      virtualStages
    case microBatches, batch, experts, expertGroup, zeroStage, sequenceParallel, recomputation
  }

  package let code: Code
  package let message: String
  package var description: String { message }

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// What is legal: a model, a batch and the accelerators of one kind that compute it.
package struct LayoutRules: Hashable, Sendable, Codable {
  package var model: ModelDivisors
  /// N, on nodes of `acceleratorsPerNode`.
  package var accelerators: Int
  package var acceleratorsPerNode: Int
  /// B: samples of a step.
  package var globalBatch: Int
  /// Whether the ranks that share a layer may lie on several nodes.
  package var allowsTensorAcrossNodes: Bool
  /// Whether stages may differ by one layer.
  package var allowsUnevenStages: Bool
  /// Context-parallel ranks at most.
  package var mostContext: Int

  package init(
    model: ModelDivisors, accelerators: Int, acceleratorsPerNode: Int, globalBatch: Int,
    allowsTensorAcrossNodes: Bool = false, allowsUnevenStages: Bool = false, mostContext: Int = .max
  ) {
    self.model = model
    self.accelerators = accelerators
    self.acceleratorsPerNode = acceleratorsPerNode
    self.globalBatch = globalBatch
    self.allowsTensorAcrossNodes = allowsTensorAcrossNodes
    self.allowsUnevenStages = allowsUnevenStages
    self.mostContext = mostContext
  }

  package func isLegal(_ layout: ParallelLayout) -> Bool { problems(of: layout).isEmpty }

  /// Every rule that `layout` breaks, in the order of the axes; empty if it is legal.
  package func problems(of layout: ParallelLayout) -> [LayoutProblem] {
    let degrees = [
      layout.tensor, layout.context, layout.pipeline, layout.data, layout.expert, layout.expertTensor,
      layout.virtualStages, layout.microBatch,
    ]
    guard degrees.allSatisfy({ $0 >= 1 }), globalBatch >= 1, acceleratorsPerNode >= 1 else {
      return [LayoutProblem(.degreeBelowOne, "\(layout): every degree, the batch and the node are at least 1")]
    }
    return meshProblems(layout) + pipelineProblems(layout) + expertProblems(layout) + optionProblems(layout)
  }

  private func meshProblems(_ layout: ParallelLayout) -> [LayoutProblem] {
    var problems: [LayoutProblem] = []
    if layout.accelerators != accelerators {
      problems.append(
        LayoutProblem(
          .acceleratorCount,
          "t\(layout.tensor) · c\(layout.context) · p\(layout.pipeline) · d\(layout.data) are \(layout.accelerators) "
            + "accelerators, not the \(accelerators) there are; let the product be \(accelerators)"))
    }
    let t = layout.tensor
    if t > 1, !model.hasAttention {
      problems.append(
        LayoutProblem(
          .heads,
          "\(t) tensor-parallel ranks share the layers of a transformer, and this model is none: each rank holds its layers "
            + "whole; use one"))
    } else if !model.heads.isMultiple(of: t) {
      problems.append(
        LayoutProblem(
          .heads, "\(t) tensor-parallel ranks do not divide \(model.heads) heads; use a divisor of \(model.heads)"))
    }
    // More ranks than key-value heads are fine where each head lies on as many ranks.
    if model.hasAttention, !model.keyValueHeads.isMultiple(of: t), !t.isMultiple(of: model.keyValueHeads) {
      problems.append(
        LayoutProblem(
          .keyValueHeads,
          "\(t) tensor-parallel ranks neither divide \(model.keyValueHeads) key-value heads nor are a multiple of them"
        ))
    }
    if t > acceleratorsPerNode, !allowsTensorAcrossNodes {
      problems.append(
        LayoutProblem(
          .tensorAcrossNodes,
          "\(t) tensor-parallel ranks do not fit a node of \(acceleratorsPerNode) accelerators; use at most "
            + "\(acceleratorsPerNode), or allow tensor parallelism across nodes"))
    }
    let parts = layout.context == 1 ? 1 : 2 * layout.context
    if !model.canCutSequences(into: parts) {
      problems.append(
        LayoutProblem(
          .sequence,
          "\(layout.context) context-parallel ranks take two pieces each of a sequence, and \(parts) do not divide its "
            + "\(positions(1)) positions; use one, or a degree whose double divides them"))
    }
    if layout.context > mostContext {
      problems.append(
        LayoutProblem(
          .context,
          "\(layout.context) context-parallel ranks are more than the \(mostContext) that sequences of \(model.sequence) "
            + "positions are worth; ask for them, or use at most \(mostContext)"))
    }
    return problems
  }

  /// Positions of a sample, one of `parts`, as a text: "512", of two stacks "512 and 114".
  private func positions(_ parts: Int) -> String {
    let source = model.sequence / parts
    return model.targetSequence == model.sequence ? "\(source)" : "\(source) and \(model.targetSequence / parts)"
  }

  private func pipelineProblems(_ layout: ParallelLayout) -> [LayoutProblem] {
    var problems: [LayoutProblem] = []
    let (p, v) = (layout.pipeline, layout.virtualStages)
    if p > 1, !model.canRecompute {
      problems.append(
        LayoutProblem(.layers, "\(p) stages need layers that repeat, and the model has none; use one stage"))
    } else if model.layers < p || (p > 1 && !allowsUnevenStages && !model.layers.isMultiple(of: p)) {
      problems.append(
        LayoutProblem(
          .layers,
          "\(p) stages do not divide \(model.layers) layers; use a divisor of \(model.layers)"
            + (allowsUnevenStages ? "" : ", or allow uneven stages")))
    }
    if v > 1, !model.canInterleave {
      problems.append(
        LayoutProblem(
          .virtualStages,
          "\(v) virtual stages would mix an encoder's pieces with its decoder's, which starts when the encoder is done; use "
            + "one virtual stage"))
    } else if v > 1, p == 1 || !model.layers.isMultiple(of: p * v) {
      problems.append(
        LayoutProblem(
          .virtualStages,
          p == 1
            ? "\(v) virtual stages need a pipeline; use at least two stages, or one virtual stage"
            : "\(p) stages of \(v) pieces do not divide \(model.layers) layers"))
    }
    guard globalBatch.isMultiple(of: layout.data * layout.microBatch) else {
      return problems + [
        LayoutProblem(
          .batch,
          "\(layout.data) replicas with micro-batches of \(layout.microBatch) do not divide a batch of \(globalBatch)")
      ]
    }
    let m = layout.microBatches(globalBatch: globalBatch)
    if v > 1, !m.isMultiple(of: p) {
      problems.append(
        LayoutProblem(
          .microBatches,
          "an interleaved schedule takes micro-batches in rounds of \(p), and \(m) are no multiple; use one virtual stage"
        ))
    }
    return problems
  }

  private func expertProblems(_ layout: ParallelLayout) -> [LayoutProblem] {
    let e = layout.expert
    guard e > 1 || model.experts > 1 else { return [] }
    var problems: [LayoutProblem] = []
    if !model.experts.isMultiple(of: e) {
      problems.append(
        LayoutProblem(
          .experts, "\(e) expert-parallel ranks do not divide \(model.experts) experts; use a divisor of them"))
    }
    let ranks = layout.tensor * layout.context * layout.data
    if !ranks.isMultiple(of: e * layout.expertTensor) {
      problems.append(
        LayoutProblem(
          .expertGroup,
          "groups of \(e) · \(layout.expertTensor) ranks for the experts do not divide the \(ranks) ranks of a stage"))
    }
    return problems
  }

  private func optionProblems(_ layout: ParallelLayout) -> [LayoutProblem] {
    var problems: [LayoutProblem] = []
    if !(0...3).contains(layout.zeroStage) {
      problems.append(LayoutProblem(.zeroStage, "there is no ZeRO stage \(layout.zeroStage); use 0 to 3"))
    } else if layout.zeroStage >= 2, layout.pipeline > 1 {
      problems.append(
        LayoutProblem(
          .zeroStage,
          "ZeRO-\(layout.zeroStage) under a pipeline would reduce or gather for every micro-batch; use stage 0 or 1"))
    }
    if layout.sequenceParallel, layout.tensor == 1 {
      problems.append(
        LayoutProblem(
          .sequenceParallel, "sequence parallelism shares what tensor-parallel ranks repeat, and there is one rank"))
    } else if layout.sequenceParallel, !model.canCutSequences(into: layout.context * layout.tensor) {
      problems.append(
        LayoutProblem(
          .sequenceParallel,
          "\(layout.tensor) ranks do not divide the \(positions(layout.context)) positions that they would share")
      )
    }
    switch layout.recomputation {
    case .none: break
    case .selective where !model.hasAttention:
      problems.append(LayoutProblem(.recomputation, "selective recomputation is of attention, and there is none"))
    case .full where !model.canRecompute:
      problems.append(LayoutProblem(.recomputation, "the model has no repeated layers to compute again"))
    default: break
    }
    return problems
  }
}
