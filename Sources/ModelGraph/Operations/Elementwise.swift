package import Units

/// The same elements, row-major, under another shape. `flatten` is a reshape to [N, rest].
package struct Reshape: OperationRule {
  package let shape: Shape

  package init(to shape: Shape) { self.shape = shape }

  package var name: String { "reshape" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    guard inputs[0].shape.elementCount == shape.elementCount else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "\(inputs[0].shape) has \(inputs[0].shape.elementCount) elements, \(shape) has \(shape.elementCount)")
    }
    return [TensorType(shape, inputs[0].elementType)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = Operation.reshape(Reshape(to: graph[node.inputs[0]].type.shape))
    return [try graph.append(back, [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// a + b, two tensors of one shape. Also what sums the gradients of a value with several uses.
package struct Add: OperationRule {
  package init() {}

  package var name: String { "add" }
  package var inputCount: ClosedRange<Int> { 2...Int.max }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    guard inputs[0].shape == inputs[1].shape else {
      throw GraphError(
        .shapeMismatch, layer: layer, "cannot add \(inputs[0].shape) and \(inputs[1].shape): the shapes must be equal")
    }
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = try node.soleGradient()
    return [dy, dy]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(outputs[0].shape.elementCount) }
}

/// y = x / (1 − rate) with probability 1 − rate, else 0 (inverted dropout, Srivastava et al. 2014).
///
/// The mask is a function of (seed, step, sample, `key`, element), so backward applies the same operation to the
/// gradient and no mask is kept. `key` tells the dropout layers of a model apart.
package struct Dropout: OperationRule {
  package let rate: Double
  package let key: Int

  package init(rate: Double, key: Int) {
    self.rate = rate
    self.key = key
  }

  package var name: String { "dropout" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    guard rate >= 0, rate < 1 else {
      throw GraphError(
        .invalidArgument, layer: layer, "dropout rate \(rate) is outside 0 ..< 1; use the share to drop, such as 0.5")
    }
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    [try graph.append(.dropout(self), [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(outputs[0].shape.elementCount) }
}
