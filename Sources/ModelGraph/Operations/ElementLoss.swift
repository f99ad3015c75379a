package import Units

// Shapes: N samples, …, K outputs.

/// What a prediction x and a target t of one element cost.
package enum ElementLossFunction: Hashable, Sendable, Codable {
  /// (x − t)².
  case squaredError
  /// |x − t|; slope 0 where they are equal.
  case absoluteError
  /// ½ (x − t)² up to a distance of delta, delta (|x − t| − ½ delta) beyond (Huber 1964): outliers pull no harder.
  case huber(delta: Double)
  /// −w (t log σ(x) + (1 − t) log(1 − σ(x))) for scores x and targets from 0 to 1, each output a question of its own;
  /// w by position in the last dimension, all 1 if empty (PyTorch's `BCEWithLogitsLoss(weight=w)`). A target below 0 is
  /// left out: loss and slope are 0.
  ///
  /// If the last dimension is 1, there may be two weights, of the answers no and yes:
  /// −(w[1] t log σ(x) + w[0] (1 − t) log(1 − σ(x))).
  case binaryCrossEntropy(weights: [Double])

  package var name: String {
    switch self {
    case .squaredError: "mean squared error"
    case .absoluteError: "mean absolute error"
    case .huber: "huber loss"
    case .binaryCrossEntropy: "binary cross-entropy"
    }
  }

  /// Whether x and t may change places.
  fileprivate var isSymmetric: Bool { if case .binaryCrossEntropy = self { false } else { true } }

  fileprivate var flops: (forward: Int, backward: Int) {
    switch self {
    case .squaredError: (3, 2)
    case .absoluteError: (3, 2)
    case .huber: (6, 4)
    case .binaryCrossEntropy: (12, 8)
    }
  }
}

/// loss = Σ f(x, target) / divisor, over two tensors of one shape.
///
/// The divisor is the number of elements of the global batch (its samples × K): see `SoftmaxCrossEntropy`.
package struct ElementLoss: OperationRule {
  package let function: ElementLossFunction
  package let divisor: Int

  package init(_ function: ElementLossFunction, divisor: Int) {
    self.function = function
    self.divisor = divisor
  }

  package var name: String { function.name }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    guard inputs[0] == inputs[1], inputs[0].elementType == .float32 else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "\(name) takes two float32 tensors of one shape, not \(inputs[0]) and \(inputs[1])")
    }
    switch function {
    case .huber(let delta) where !(delta > 0 && delta.isFinite):
      throw GraphError(.invalidArgument, layer: layer, "a delta of \(delta) is not above 0; use 1")
    case .binaryCrossEntropy(let weights):
      let width = inputs[0].shape.dimensions.last ?? 1
      try requireWeights(weights, count: width == 1 && weights.count == 2 ? 2 : width, layer: layer)
    default: break
    }
    return [TensorType([])]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    try node.requireNothingBehind()
    guard function.isSymmetric || !node.isWanted[1] else {
      throw GraphError(
        .notDifferentiable, layer: node.layer,
        "the target of \(name) has no gradient; make it an input that no weight leads to")
    }
    let back = Operation.elementLossBackward(ElementLossBackward(function, divisor: divisor))
    return [
      node.isWanted[0] ? try graph.append(back, node.inputs, layer: node.layer, pass: .backward)[0] : nil,
      node.isWanted[1]
        ? try graph.append(back, [node.inputs[1], node.inputs[0]], layer: node.layer, pass: .backward)[0] : nil,
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(function.flops.forward * inputs[0].shape.elementCount)
  }
}

/// dx = ∂f/∂x (x, target) / divisor.
package struct ElementLossBackward: OperationRule {
  package let function: ElementLossFunction
  package let divisor: Int

  package init(_ function: ElementLossFunction, divisor: Int) {
    self.function = function
    self.divisor = divisor
  }

  package var name: String { "\(function.name) backward" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[0]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(function.flops.backward * inputs[0].shape.elementCount)
  }
}
