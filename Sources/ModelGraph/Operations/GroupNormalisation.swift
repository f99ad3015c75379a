package import Units

// Shapes: x, y [N, C, …]; weight, bias [C]; mean and 1 / deviation [N, groups].

/// y = weight (x − mean) / √(variance + ε) + bias, with the mean and variance of each sample's groups of neighbouring
/// channels over all positions, and a weight and a bias by channel (Wu & He 2018, eq. 1, 6 and 7).
///
/// With as many groups as channels this is instance normalisation (Ulyanov et al. 2016). Inputs: x, weight, bias.
/// Outputs: y, the mean and 1 / √(variance + ε). Nothing but y has a gradient.
package struct GroupNormalisation: OperationRule {
  package let epsilon: Double
  package let groups: Int

  package init(epsilon: Double, groups: Int) {
    self.epsilon = epsilon
    self.groups = groups
  }

  package var name: String { "group norm" }
  package var inputCount: ClosedRange<Int> { 3...3 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard x.rank >= 2 else {
      throw GraphError(
        .shapeMismatch, layer: layer, "group normalisation takes [samples, channels, …], its input is \(x)")
    }
    let channels = x[1]
    guard groups > 0, channels.isMultiple(of: groups) else {
      let divisors = (1...max(channels, 1)).filter { channels.isMultiple(of: $0) }.prefix(12)
      throw GraphError(
        .shapeMismatch, layer: layer, key: "groups",
        "\(groups) groups do not divide the \(channels) channels of the input \(x); use one of "
          + divisors.map(String.init).joined(separator: ", "))
    }
    guard x.elementCount > x[0] * groups else {
      throw GraphError(
        .shapeMismatch, layer: layer, key: "groups",
        "group normalisation has no variance over one value a group (\(groups) groups of its input \(x)); "
          + "use fewer groups")
    }
    try require(inputs.dropFirst(), TensorType([channels]), "weights and biases by channel", of: x, layer: layer)
    let statistic = TensorType([x[0], groups])
    return [inputs[0], statistic, statistic]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    try requireNoGradientOfStatistics(node)
    return try graph.append(
      .groupNormalisationBackward(GroupNormalisationBackward(groups: groups)),
      [node.inputs[0], try node.soleGradient(), node.inputs[1], node.outputs[1], node.outputs[2]], layer: node.layer,
      pass: .backward)
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(9 * inputs[0].shape.elementCount) }
}

/// dx, dweight and dbias from x, dy, weight, the mean and 1 / √(variance + ε).
///
/// As in `LayerNormalisationBackward`, with means over a group and sums over the samples and positions of a channel.
package struct GroupNormalisationBackward: OperationRule {
  package let groups: Int

  package init(groups: Int) { self.groups = groups }

  package var name: String { "group norm backward" }
  package var inputCount: ClosedRange<Int> { 5...5 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    [inputs[0], inputs[2], inputs[2]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(21 * inputs[0].shape.elementCount) }
}
