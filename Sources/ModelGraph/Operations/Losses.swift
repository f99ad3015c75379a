package import Units

// Shapes: N samples, …: positions of a sample such as steps of a sequence, K classes.

/// loss = Σₙ −Σₖ w[k] q[n, k] log softmax(x)[n, k] / divisor, with x [N, …, K] and labels [N, …]; n counts positions too.
///
/// A label below 0 is left out: that is how padding is masked. q is 1 for the label and 0 for the other classes; with
/// label smoothing ε it is (1 − ε) q + ε / K (Szegedy et al. 2016, "Rethinking the Inception Architecture", §7). w is 1
/// unless classes are weighted.
///
/// The divisor is the number of labels of the global batch, those left out and their weights as if they were 1: a number
/// that every shard knows before it sees a label, so that the gradients of the shards add up to the same sum on any
/// number of ranks. (PyTorch's mean divides by the labels that count; its `reduction="sum"` over the divisor is this.)
/// Outputs: the loss (scalar) and the probabilities [N, …, K], which backward reads.
package struct SoftmaxCrossEntropy: OperationRule {
  package let divisor: Int
  /// ε, from 0 to below 1.
  package let smoothing: Double
  /// w, one a class; empty: all 1.
  package let weights: [Double]

  package init(divisor: Int, smoothing: Double = 0, weights: [Double] = []) {
    self.divisor = divisor
    self.smoothing = smoothing
    self.weights = weights
  }

  package var name: String { "softmax cross-entropy" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard x.rank >= 2, inputs[1] == TensorType(Shape(x.dimensions.dropLast()), .int32) else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "cross-entropy takes [samples, …, classes] and one int32 label for each of [samples, …], not \(inputs[0]) and "
          + "\(inputs[1])")
    }
    try requireWeights(weights, count: x[x.rank - 1], layer: layer)
    return [TensorType([]), TensorType(x)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    try node.requireNothingBehind()
    let back = Operation.softmaxCrossEntropyBackward(
      SoftmaxCrossEntropyBackward(forward: self))
    return [
      try graph.append(back, [node.outputs[1], node.inputs[1]], layer: node.layer, pass: .backward)[0], nil,
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs((smoothing > 0 ? 6 : 5) * inputs[0].shape.elementCount)
  }
}

/// dx = (p Σₖ w[k] q[k] − w q) / divisor, from the probabilities p [N, …, K] and labels [N, …], w and q as in
/// `SoftmaxCrossEntropy`; 0 for a label below 0.
package struct SoftmaxCrossEntropyBackward: OperationRule {
  package let forward: SoftmaxCrossEntropy

  package init(forward: SoftmaxCrossEntropy) { self.forward = forward }

  package var name: String { "softmax cross-entropy backward" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[0]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(2 * inputs[0].shape.elementCount)
  }
}

/// Refuses class weights that are not one positive number for each of `count` classes; none are fine.
func requireWeights(_ weights: [Double], count: Int, layer: String) throws {
  guard weights.isEmpty || (weights.count == count && weights.allSatisfy { $0 > 0 && $0.isFinite }) else {
    throw GraphError(
      .shapeMismatch, layer: layer, key: "class_weights",
      "\(weights.count) class weights do not fit \(count) classes; give one number above 0 for each, or none")
  }
}
