package import Units

/// What every family of operations defines: shape rule, gradient rule, cost. One file a family.
package protocol OperationRule: Hashable, Sendable, Codable {
  /// Of the operation in tables and error texts, such as `dense backward input`.
  var name: String { get }

  /// How many inputs a node of this operation has.
  var inputCount: ClosedRange<Int> { get }

  /// The inputs that are weights: what multiplies the features of a layer, or is looked up for them. Biases, scales,
  /// shifts and slopes are none, whatever their shape.
  var weightInputs: Range<Int> { get }

  /// The types of the outputs for inputs of the given types, as many as `inputCount` allows.
  /// - Throws: `GraphError` naming `layer` if the inputs do not fit.
  func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType]

  /// Appends the operations that compute the gradients of this node's inputs.
  /// - Returns: a value for each input; nil where none is wanted or none exists.
  func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?]

  /// Arithmetic work; a multiply-add counts as two.
  func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs
}

extension OperationRule {
  package var weightInputs: Range<Int> { 0..<0 }

  /// Backward operations are not differentiated again.
  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    throw GraphError(.notDifferentiable, layer: node.layer, "no gradient is defined for \(Self.self)")
  }
}

/// What a gradient rule is given: one node of the forward graph and the gradients of its outputs.
package struct GradientContext {
  package let layer: String
  package let inputs: [ValueID]
  package let outputs: [ValueID]
  /// The loss's gradient with respect to each output; nil where the loss does not depend on it.
  package let outputGradients: [ValueID?]
  /// Which inputs lead to a parameter, so that their gradient is worth computing.
  package let isWanted: [Bool]

  /// The gradient of the only output that carries one.
  package func soleGradient() throws -> ValueID {
    guard let gradient = outputGradients[0] else {
      throw GraphError(.notDifferentiable, layer: layer, "the loss does not depend on this output")
    }
    return gradient
  }

  /// The gradient rule of a loss starts with 1 and knows no other gradient of its results.
  package func requireNothingBehind() throws {
    guard outputGradients.allSatisfy({ $0 == nil }) else {
      throw GraphError(
        .notDifferentiable, layer: layer,
        "what is computed from a loss or its probabilities has no gradient; make the loss the end of the graph")
    }
  }
}

/// An operation of the graph: a value, so that a graph can be compared, hashed and written to a file.
package enum Operation: Hashable, Sendable, Codable {
  case dense(Dense)
  case denseBackwardInput(DenseBackwardInput)
  case denseBackwardWeights(DenseBackwardWeights)
  case convolution(Convolution)
  case convolutionBackwardInput(ConvolutionBackwardInput)
  case convolutionBackwardWeights(ConvolutionBackwardWeights)
  case maxPool(MaxPool)
  case maxPoolBackward(MaxPoolBackward)
  case averagePool(AveragePool)
  case averagePoolBackward(AveragePoolBackward)
  case adaptiveAveragePool(AdaptiveAveragePool)
  case adaptiveAveragePoolBackward(AdaptiveAveragePoolBackward)
  case recurrent(Recurrent)
  case recurrentBackward(RecurrentBackward)
  case embedding(Embedding)
  case embeddingBackward(EmbeddingBackward)
  case repeated(Repeat)
  case repeatedBackward(RepeatBackward)
  case reshape(Reshape)
  case add(Add)
  case dropout(Dropout)
  case activation(Activation)
  case activationBackward(ActivationBackward)
  case softmax(Softmax)
  case softmaxBackward(SoftmaxBackward)
  case softmaxCrossEntropy(SoftmaxCrossEntropy)
  case softmaxCrossEntropyBackward(SoftmaxCrossEntropyBackward)
  case elementLoss(ElementLoss)
  case elementLossBackward(ElementLossBackward)
  case batchNormalisation(BatchNormalisation)
  case batchNormalisationBackward(BatchNormalisationBackward)
  case affineNormalisation(AffineNormalisation)
  case layerNormalisation(LayerNormalisation)
  case layerNormalisationBackward(LayerNormalisationBackward)
  case groupNormalisation(GroupNormalisation)
  case groupNormalisationBackward(GroupNormalisationBackward)
  case prelu(PReLU)
  case preluBackward(PReLUBackward)
  case maxout(Maxout)
  case maxoutBackward(MaxoutBackward)
  case zeros(Zeros)
  case concatenate(Concatenate)
  case slice(Slice)
  case sliceBackward(SliceBackward)
  case split(Split)
  case transpose(Transpose)
  case subtract(Subtract)
  case multiply(Multiply)
  case scale(Scale)
  case reduce(Reduce)
  case reduceBackward(ReduceBackward)
  case attention(Attention)
  case attentionBackward(AttentionBackward)
  case positionEmbedding(PositionEmbedding)
  case positionEmbeddingBackward(PositionEmbeddingBackward)
  case rotaryEmbedding(RotaryEmbedding)
  case relativePositionBias(RelativePositionBias)
  case relativePositionBiasBackward(RelativePositionBiasBackward)
  case rmsNormalisation(RMSNormalisation)
  case rmsNormalisationBackward(RMSNormalisationBackward)
  case gather(Gather)
  case gatherBackward(GatherBackward)
  case expertRouter(ExpertRouter)
  case expertRouterBackward(ExpertRouterBackward)
  case expertDispatch(ExpertDispatch)
  case expertDispatchBackward(ExpertDispatchBackward)
  case expertCombine(ExpertCombine)
  case expertCombineBackward(ExpertCombineBackward)
  case expertDense(ExpertDense)
  case expertDenseBackwardInput(ExpertDenseBackwardInput)
  case expertDenseBackwardWeights(ExpertDenseBackwardWeights)
  case regionAlign(RegionAlign)
  case regionAlignBackward(RegionAlignBackward)

  package var rule: any OperationRule {
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
    case .attention(let rule): rule
    case .attentionBackward(let rule): rule
    case .positionEmbedding(let rule): rule
    case .positionEmbeddingBackward(let rule): rule
    case .rotaryEmbedding(let rule): rule
    case .relativePositionBias(let rule): rule
    case .relativePositionBiasBackward(let rule): rule
    case .rmsNormalisation(let rule): rule
    case .rmsNormalisationBackward(let rule): rule
    case .gather(let rule): rule
    case .gatherBackward(let rule): rule
    case .expertRouter(let rule): rule
    case .expertRouterBackward(let rule): rule
    case .expertDispatch(let rule): rule
    case .expertDispatchBackward(let rule): rule
    case .expertCombine(let rule): rule
    case .expertCombineBackward(let rule): rule
    case .expertDense(let rule): rule
    case .expertDenseBackwardInput(let rule): rule
    case .expertDenseBackwardWeights(let rule): rule
    case .regionAlign(let rule): rule
    case .regionAlignBackward(let rule): rule
    }
  }

  /// The operation's name in tables and error texts, such as `convolution backward weights`.
  package var name: String { rule.name }

  /// Whether the gradient of its inputs is zero everywhere, so that nothing before it learns through it.
  package var blocksGradient: Bool {
    if case .activation(let rule) = self { rule.function.derivative == .zero } else { false }
  }
}
