package import Units

// Shapes: R rows, E experts, I inputs, O outputs.

/// y[r] = x[r] W[e]ᵀ + b[e], e the expert of row r: a dense layer for each expert, over the rows that are its own.
///
/// Inputs: x [R, I] in the order of the experts, W [E, O, I], the rows of each expert [E] int32 and b [E, O]. Output
/// [R, O]. The work depends on R alone, however the rows fall to the experts.
package struct ExpertDense: OperationRule {
  package let hasBias: Bool

  package init(hasBias: Bool = true) { self.hasBias = hasBias }

  package var name: String { "expert dense" }
  package var inputCount: ClosedRange<Int> { hasBias ? 4...4 : 3...3 }
  package var weightInputs: Range<Int> { 1..<2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let (x, weights) = (inputs[0].shape, inputs[1].shape)
    guard x.rank == 2, inputs[0].elementType == .float32, weights.rank == 3, x[1] == weights[2],
      inputs[2] == TensorType([weights[0]], .int32)
    else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "dense experts take [rows, inputs], weights [experts, outputs, inputs] and the int32 number of each expert's rows, "
          + "not \(inputs[0]), \(inputs[1]) and \(inputs[2])")
    }
    try require(inputs.dropFirst(3), TensorType([weights[0], weights[1]]), "biases", of: x, layer: layer)
    return [TensorType([x[0], weights[1]])]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = try node.soleGradient()
    let parameters = try graph.append(
      .expertDenseBackwardWeights(ExpertDenseBackwardWeights(hasBias: hasBias)), [node.inputs[0], dy, node.inputs[2]],
      layer: node.layer, pass: .backward)
    let dx =
      node.isWanted[0]
      ? try graph.append(
        .expertDenseBackwardInput(ExpertDenseBackwardInput()), [dy, node.inputs[1], node.inputs[2]], layer: node.layer,
        pass: .backward)[0] : nil
    return [dx, parameters[0], nil] + parameters.dropFirst().map { $0 }
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let y = outputs[0].shape.elementCount
    return FLOPs(2 * y * inputs[0].shape[1] + (hasBias ? y : 0))
  }
}

/// dx[r] = dy[r] W[e], from dy [R, O], W [E, O, I] and the rows of each expert to dx [R, I].
package struct ExpertDenseBackwardInput: OperationRule {
  package init() {}

  package var name: String { "expert dense backward input" }
  package var inputCount: ClosedRange<Int> { 3...3 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    [TensorType([inputs[0].shape[0], inputs[1].shape[2]])]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(2 * outputs[0].shape.elementCount * inputs[0].shape[1])
  }
}

/// dW[e] = dyᵀ x and db[e] = Σ dy over the rows of expert e, from x [R, I], dy [R, O] and the rows of each expert to
/// dW [E, O, I] and db [E, O].
package struct ExpertDenseBackwardWeights: OperationRule {
  package let hasBias: Bool

  package init(hasBias: Bool) { self.hasBias = hasBias }

  package var name: String { "expert dense backward weights" }
  package var inputCount: ClosedRange<Int> { 3...3 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let (experts, width) = (inputs[2].shape[0], inputs[1].shape[1])
    let weights = TensorType([experts, width, inputs[0].shape[1]])
    return hasBias ? [weights, TensorType([experts, width])] : [weights]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let dy = inputs[1].shape.elementCount
    return FLOPs(2 * dy * inputs[0].shape[1] + (hasBias ? dy : 0))
  }
}
