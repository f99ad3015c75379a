import ModelGraph

/// A tensor of the reference: any element type, as Double, row-major.
struct ReferenceTensor {
  let shape: Shape
  let elements: [Double]
}

/// The plainest computation of an operation in double precision: what the fast one must agree with. One file a family.
protocol ReferenceRule {
  /// The elements of each output. Shapes have been checked when the graph was built.
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]]
}

/// What an operation may depend on beside its inputs.
struct ReferenceContext {
  let layer: String
  let dropout: DropoutState
}

extension Operation {
  /// Nil for an operation that cannot be run yet: it has no kernel either.
  var reference: (any ReferenceRule)? {
    switch self {
    case .dense(let rule): rule
    case .denseBackwardInput(let rule): rule
    case .denseBackwardWeights(let rule): rule
    case .convolution(let rule): rule
    case .convolutionBackwardInput(let rule): rule
    case .convolutionBackwardWeights(let rule): rule
    case .maxPool(let rule): rule
    case .maxPoolBackward(let rule): rule
    case .averagePool(let rule): rule
    case .averagePoolBackward(let rule): rule
    case .adaptiveAveragePool(let rule): rule
    case .adaptiveAveragePoolBackward(let rule): rule
    case .recurrent(let rule): rule
    case .recurrentBackward(let rule): rule
    case .embedding(let rule): rule
    case .embeddingBackward(let rule): rule
    case .repeated(let rule): rule
    case .repeatedBackward(let rule): rule
    case .reshape(let rule): rule
    case .add(let rule): rule
    case .dropout(let rule): rule
    case .activation(let rule): rule
    case .activationBackward(let rule): rule
    case .softmax(let rule): rule
    case .softmaxBackward(let rule): rule
    case .softmaxCrossEntropy(let rule): rule
    case .softmaxCrossEntropyBackward(let rule): rule
    case .elementLoss(let rule): rule
    case .elementLossBackward(let rule): rule
    case .batchNormalisation(let rule): rule
    case .batchNormalisationBackward(let rule): rule
    case .affineNormalisation(let rule): rule
    case .layerNormalisation(let rule): rule
    case .layerNormalisationBackward(let rule): rule
    case .groupNormalisation(let rule): rule
    case .groupNormalisationBackward(let rule): rule
    case .prelu(let rule): rule
    case .preluBackward(let rule): rule
    case .maxout(let rule): rule
    case .maxoutBackward(let rule): rule
    case .zeros(let rule): rule
    case .concatenate(let rule): rule
    case .slice(let rule): rule
    case .sliceBackward(let rule): rule
    case .split(let rule): rule
    case .transpose(let rule): rule
    case .subtract(let rule): rule
    case .multiply(let rule): rule
    case .scale(let rule): rule
    case .reduce(let rule): rule
    case .reduceBackward(let rule): rule
    case .gather, .gatherBackward, .attention, .attentionBackward, .positionEmbedding, .positionEmbeddingBackward,
      .rotaryEmbedding,
      .relativePositionBias, .relativePositionBiasBackward, .rmsNormalisation, .rmsNormalisationBackward,
      .expertRouter, .expertRouterBackward, .expertDispatch, .expertDispatchBackward, .expertCombine,
      .expertCombineBackward, .expertDense, .expertDenseBackwardInput, .expertDenseBackwardWeights, .regionAlign,
      .regionAlignBackward:
      nil
    }
  }
}
