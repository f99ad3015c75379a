package import Units

// Shapes: N samples, T steps of a sequence, K classes or outputs.

/// loss = Σₙ −Σₖ q[n, k] log softmax(x)[n, k] / divisor, with x [N, K] and labels [N], or x [N, T, K] and labels
/// [N, T]; a label below 0 is left out.
///
/// q is 1 for the label and 0 for the other classes; with label smoothing ε it is (1 − ε) q + ε / K (Szegedy et al.
/// 2016, "Rethinking the Inception Architecture", §7).
///
/// The divisor is the number of labels of the global batch, those left out counted, so that the gradients of its shards
/// add up to the gradient of the mean. Outputs: the loss (scalar) and the probabilities, of x's shape, which backward
/// reads.
package struct SoftmaxCrossEntropy: OperationRule {
  package let divisor: Int
  /// ε, from 0 to below 1.
  package let smoothing: Double

  package init(divisor: Int, smoothing: Double = 0) {
    self.divisor = divisor
    self.smoothing = smoothing
  }

  package var name: String { "softmax cross-entropy" }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard (2...3).contains(x.rank), inputs[1] == TensorType(Shape(x.dimensions.dropLast()), .int32) else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "cross-entropy takes [samples, classes] or [samples, steps, classes] and an int32 label for each place, not "
          + "\(inputs[0]) and \(inputs[1])")
    }
    return [TensorType([]), TensorType(x)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    try node.requireNothingBehind()
    let back = Operation.softmaxCrossEntropyBackward(
      SoftmaxCrossEntropyBackward(divisor: divisor, smoothing: smoothing))
    return [
      try graph.append(back, [node.outputs[1], node.inputs[1]], layer: node.layer, pass: .backward)[0], nil,
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs((smoothing > 0 ? 6 : 5) * inputs[0].shape.elementCount)
  }
}

/// dx = (p − q) / divisor, from the probabilities and labels, q as in `SoftmaxCrossEntropy`; 0 for a label
/// below 0.
package struct SoftmaxCrossEntropyBackward: OperationRule {
  package let divisor: Int
  package let smoothing: Double

  package init(divisor: Int, smoothing: Double = 0) {
    self.divisor = divisor
    self.smoothing = smoothing
  }

  package var name: String { "softmax cross-entropy backward" }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[0]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(2 * inputs[0].shape.elementCount)
  }
}

/// loss = Σ (x − target)² / divisor, over two tensors of one shape.
///
/// The divisor is the number of elements of the global batch: see `SoftmaxCrossEntropy`.
package struct MeanSquaredError: OperationRule {
  package let divisor: Int

  package init(divisor: Int) { self.divisor = divisor }

  package var name: String { "mean squared error" }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    guard inputs[0] == inputs[1] else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "mean squared error takes two tensors of one shape, not \(inputs[0]) and \(inputs[1])")
    }
    return [TensorType([])]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    try node.requireNothingBehind()
    let back = Operation.meanSquaredErrorBackward(MeanSquaredErrorBackward(divisor: divisor))
    return [
      node.isWanted[0] ? try graph.append(back, node.inputs, layer: node.layer, pass: .backward)[0] : nil,
      node.isWanted[1]
        ? try graph.append(back, [node.inputs[1], node.inputs[0]], layer: node.layer, pass: .backward)[0] : nil,
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(3 * inputs[0].shape.elementCount)
  }
}

/// dx = 2 (x − target) / divisor.
package struct MeanSquaredErrorBackward: OperationRule {
  package let divisor: Int

  package init(divisor: Int) { self.divisor = divisor }

  package var name: String { "mean squared error backward" }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[0]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(2 * inputs[0].shape.elementCount)
  }
}
