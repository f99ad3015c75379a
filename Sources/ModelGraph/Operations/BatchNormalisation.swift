package import Units

// Shapes: x, y [N, C, …]; everything by channel [C]. M = N · positions, the elements of a channel.

/// y = scale (x − mean) / √(variance + ε) + shift, by channel, with the mean and variance of the samples at hand (Ioffe
/// & Szegedy 2015, algorithm 1).
///
/// Inputs: x, scale, shift. Outputs: y, the mean, 1 / √(variance + ε), and the variance with M − 1 in the denominator,
/// which is what the running variance averages (as PyTorch's does). Nothing but y has a gradient.
package struct BatchNormalisation: OperationRule {
  package let epsilon: Double

  package init(epsilon: Double) { self.epsilon = epsilon }

  package var name: String { "batch norm" }
  package var inputCount: ClosedRange<Int> { 3...3 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let channel = try channelType(inputs, layer: layer)
    guard inputs[0].shape.elementCount > channel.shape[0] else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "batch normalisation has no variance over one value a channel (its input is \(inputs[0].shape)); "
          + "use more samples in a shard")
    }
    return [inputs[0], channel, channel, channel]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    guard node.outputGradients.dropFirst().allSatisfy({ $0 == nil }) else {
      throw GraphError(.notDifferentiable, layer: node.layer, "a batch's mean and variance have no gradient")
    }
    let (x, scale) = (node.inputs[0], node.inputs[1])
    let gradients = try graph.append(
      .batchNormalisationBackward(BatchNormalisationBackward()),
      [x, try node.soleGradient(), scale, node.outputs[1], node.outputs[2]], layer: node.layer, pass: .backward)
    return gradients
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(9 * inputs[0].shape.elementCount) }
}

/// dx, dscale and dshift from x, dy, scale, the mean and 1 / √(variance + ε).
///
/// With x̂ = (x − mean) / √(variance + ε): dshift = Σ dy, dscale = Σ dy x̂, and
/// dx = scale / √(variance + ε) · (dy − dshift / M − x̂ dscale / M).
package struct BatchNormalisationBackward: OperationRule {
  package init() {}

  package var name: String { "batch norm backward" }
  package var inputCount: ClosedRange<Int> { 5...5 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    [inputs[0], inputs[2], inputs[2]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(21 * inputs[0].shape.elementCount) }
}

/// y = scale (x − mean) / √(variance + ε) + shift, by channel, with a mean and variance that are given: what a trained
/// batch normalisation does. Inputs: x, scale, shift, mean, variance.
package struct AffineNormalisation: OperationRule {
  package let epsilon: Double

  package init(epsilon: Double) { self.epsilon = epsilon }

  package var name: String { "normalise" }
  package var inputCount: ClosedRange<Int> { 5...5 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    _ = try channelType(inputs, layer: layer)
    return [inputs[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(2 * inputs[0].shape.elementCount) }
}

/// The type of what is known by channel of x, the first input; the others must be of it.
private func channelType(_ inputs: [TensorType], layer: String) throws -> TensorType {
  let x = inputs[0].shape
  guard (2...5).contains(x.rank) else {
    throw GraphError(
      .shapeMismatch, layer: layer,
      "batch normalisation takes [samples, channels, …] with up to three spatial dimensions, its input is \(x)")
  }
  let channel = TensorType([x[1]])
  guard let other = inputs.dropFirst().first(where: { $0 != channel }) else { return channel }
  throw GraphError(
    .shapeMismatch, layer: layer, "\(other) values by channel do not fit the \(x[1]) channels of the input \(x)")
}
