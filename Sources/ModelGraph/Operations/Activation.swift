package import Units

/// The element-wise functions between layers, each with a derivative that its output alone determines.
package enum ActivationFunction: String, Hashable, Sendable, Codable, CaseIterable {
  /// max(x, 0); derivative y > 0.
  case relu
  /// tanh x; derivative 1 − y².
  case tanh
  /// 1 / (1 + e⁻ˣ); derivative y (1 − y).
  case sigmoid
}

/// y = f(x), element by element.
package struct Activation: OperationRule {
  package let function: ActivationFunction

  package init(_ function: ActivationFunction) { self.function = function }

  package var name: String { function.rawValue }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[0]] }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = Operation.activationBackward(ActivationBackward(function))
    return [
      try graph.append(back, [node.outputs[0], try node.soleGradient()], layer: node.layer, pass: .backward)[0]
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(outputs[0].shape.elementCount) }
}

/// dx = f′(x) dy, from y and dy.
package struct ActivationBackward: OperationRule {
  package let function: ActivationFunction

  package init(_ function: ActivationFunction) { self.function = function }

  package var name: String { "\(function.rawValue) backward" }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[1]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs((function == .relu ? 1 : 3) * outputs[0].shape.elementCount)
  }
}

/// y = eˣ / Σ eˣ along the last dimension.
package struct Softmax: OperationRule {
  package init() {}

  package var name: String { "softmax" }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    guard inputs[0].shape.rank >= 1 else {
      throw GraphError(.shapeMismatch, layer: layer, "softmax needs at least one dimension, its input is a scalar")
    }
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = Operation.softmaxBackward(SoftmaxBackward())
    return [
      try graph.append(back, [node.outputs[0], try node.soleGradient()], layer: node.layer, pass: .backward)[0]
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(4 * outputs[0].shape.elementCount)
  }
}

/// dx = y (dy − Σ y dy), the sum along the last dimension, from y and dy.
package struct SoftmaxBackward: OperationRule {
  package init() {}

  package var name: String { "softmax backward" }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[1]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(4 * outputs[0].shape.elementCount)
  }
}
