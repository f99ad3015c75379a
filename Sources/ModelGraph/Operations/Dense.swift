package import Units

// Shapes: N samples, I inputs, O outputs.

/// y = x Wᵀ + b, with x [N, …, I], W [O, I], b [O] and y [N, …, O] (the layout of PyTorch's `nn.Linear`).
///
/// Dimensions between samples and features, such as the steps of a sequence, are positions that share the weights.
package struct Dense: OperationRule {
  package let hasBias: Bool

  package init(hasBias: Bool = true) { self.hasBias = hasBias }

  package var name: String { "dense" }
  package var inputCount: ClosedRange<Int> { hasBias ? 3...3 : 2...2 }
  package var weightInputs: Range<Int> { 1..<2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    let weights = inputs[1].shape
    guard x.rank >= 2, inputs[0].elementType == .float32 else {
      throw GraphError(
        .shapeMismatch, layer: layer, "a dense layer takes [samples, …, features], its input is \(inputs[0])")
    }
    guard let features = x.dimensions.last, features == weights[1] else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "weights \(weights) take \(weights[1]) features, the input \(x) has \(x[x.rank - 1])")
    }
    return [TensorType(Shape(x.dimensions.dropLast() + [weights[0]]))]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = try node.soleGradient()
    let parameters = try graph.append(
      .denseBackwardWeights(DenseBackwardWeights(hasBias: hasBias)), [node.inputs[0], dy], layer: node.layer,
      pass: .backward)
    let dx =
      node.isWanted[0]
      ? try graph.append(
        .denseBackwardInput(DenseBackwardInput()), [dy, node.inputs[1]], layer: node.layer, pass: .backward)[0] : nil
    return [dx] + parameters
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let y = outputs[0].shape.elementCount
    return FLOPs(2 * y * inputs[1].shape[1] + (hasBias ? y : 0))
  }
}

/// dx = dy W, from dy [N, …, O] and W [O, I] to dx [N, …, I].
package struct DenseBackwardInput: OperationRule {
  package init() {}

  package var name: String { "dense backward input" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    [TensorType(Shape(inputs[0].shape.dimensions.dropLast() + [inputs[1].shape[1]]))]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(2 * outputs[0].shape.elementCount * inputs[1].shape[0])
  }
}

/// dW = dyᵀ x and db = Σ dy over all positions, from x [N, …, I] and dy [N, …, O] to dW [O, I] and db [O].
package struct DenseBackwardWeights: OperationRule {
  package let hasBias: Bool

  package init(hasBias: Bool) { self.hasBias = hasBias }

  package var name: String { "dense backward weights" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let (x, dy) = (inputs[0].shape, inputs[1].shape)
    let outputs = dy[dy.rank - 1]
    let weights = TensorType([outputs, x[x.rank - 1]])
    return hasBias ? [weights, TensorType([outputs])] : [weights]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let dy = inputs[1].shape.elementCount
    return FLOPs(2 * dy * outputs[0].shape[1] + (hasBias ? dy : 0))
  }
}
