package import Units

// Shapes: N samples, C input channels, O output channels, G groups; K… kernel, I… input and P… output extents, of one
// to three spatial dimensions.

/// Cross-correlation: y[n,o,p] = b[o] + Σ x[n,c,p·stride + k·dilation − padding] W[o,c,k], zero padding on both sides.
///
/// x [N, C, I…], W [O, C/G, K…], b [O], y [N, O, P…]. With G groups, output channels o of group o / (O/G) see the input
/// channels of that group only; G = C is a depthwise convolution. The layout of PyTorch's `nn.Conv1d` to `nn.Conv3d`.
package struct Convolution: OperationRule {
  package let stride: Extent
  package let padding: Extent
  package let dilation: Extent
  package let groups: Int
  package let hasBias: Bool

  package init(
    stride: Extent = Extent(1), padding: Extent = Extent(0), dilation: Extent = Extent(1), groups: Int = 1,
    hasBias: Bool = true
  ) {
    self.stride = stride
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
    self.hasBias = hasBias
  }

  package var name: String { "convolution" }
  package var inputCount: ClosedRange<Int> { hasBias ? 3...3 : 2...2 }
  package var weightInputs: Range<Int> { 1..<2 }

  /// The window that weights of a shape slide over the input.
  package func window(weights: Shape) -> Window {
    Window(kernel: Extent(Array(weights.dimensions.dropFirst(2))), stride: stride, padding: padding, dilation: dilation)
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    let weights = inputs[1].shape
    try x.requireImage("a convolution", layer: layer)
    guard weights.rank == x.rank else {
      throw GraphError(
        .shapeMismatch, layer: layer, "weights \(weights) do not slide over an input of \(x): the ranks must be equal")
    }
    guard groups >= 1, x[1] % groups == 0, weights[0] % groups == 0 else {
      throw GraphError(
        .invalidArgument, layer: layer, key: "groups",
        "\(groups) groups do not divide \(x[1]) input and \(weights[0]) output channels; use a common divisor")
    }
    guard x[1] == weights[1] * groups else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "weights \(weights)\(groups == 1 ? "" : " in \(groups) groups") take \(weights[1] * groups) channels, "
          + "the input \(x) has \(x[1])")
    }
    return [TensorType(Shape([x[0], weights[0]] + (try window(weights: weights).output(of: x, layer: layer))))]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = try node.soleGradient()
    let weights = graph[node.inputs[1]].type.shape
    let parameters = try graph.append(
      .convolutionBackwardWeights(ConvolutionBackwardWeights(forward: self, weights: weights)),
      [node.inputs[0], dy], layer: node.layer, pass: .backward)
    let dx =
      node.isWanted[0]
      ? try graph.append(
        .convolutionBackwardInput(
          ConvolutionBackwardInput(forward: self, input: graph[node.inputs[0]].type.shape)),
        [dy, node.inputs[1]], layer: node.layer, pass: .backward)[0] : nil
    return [dx] + parameters
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let y = outputs[0].shape.elementCount
    return FLOPs(2 * y * taps(inputs[1].shape) + (hasBias ? y : 0))
  }

  /// Multiply-adds of one output.
  func taps(_ weights: Shape) -> Int { weights.elementCount / weights[0] }
}

/// dx from dy [N, O, P…] and W [O, C/G, K…]: the transposed convolution, which is a layer in its own right too.
package struct ConvolutionBackwardInput: OperationRule {
  package let forward: Convolution
  /// [N, C, I…]: not derivable from dy when the stride leaves a remainder.
  package let input: Shape

  package init(forward: Convolution, input: Shape) {
    self.forward = forward
    self.input = input
  }

  package var name: String { "convolution backward input" }
  package var inputCount: ClosedRange<Int> { 2...2 }
  package var weightInputs: Range<Int> { 1..<2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [TensorType(input)] }

  /// Of a transposed convolution in the forward pass: the convolution is its gradient.
  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let gradient = try node.soleGradient()
    let plain = Convolution(
      stride: forward.stride, padding: forward.padding, dilation: forward.dilation, groups: forward.groups,
      hasBias: false)
    let weights = graph[node.inputs[1]].type.shape
    let dWeights = try graph.append(
      .convolutionBackwardWeights(ConvolutionBackwardWeights(forward: plain, weights: weights)),
      [gradient, node.inputs[0]], layer: node.layer, pass: .backward)[0]
    guard node.isWanted[0] else { return [nil, dWeights] }
    let input = try graph.append(
      .convolution(plain), [gradient, node.inputs[1]], layer: node.layer, pass: .backward)[0]
    return [input, dWeights]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(2 * inputs[0].shape.elementCount * forward.taps(inputs[1].shape))
  }
}

/// dW [O, C/G, K…] and db [O] from x [N, C, I…] and dy [N, O, P…].
package struct ConvolutionBackwardWeights: OperationRule {
  package let forward: Convolution
  package let weights: Shape

  package init(forward: Convolution, weights: Shape) {
    self.forward = forward
    self.weights = weights
  }

  package var name: String { "convolution backward weights" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    forward.hasBias ? [TensorType(weights), TensorType([weights[0]])] : [TensorType(weights)]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let dy = inputs[1].shape.elementCount
    return FLOPs(2 * dy * forward.taps(weights) + (forward.hasBias ? dy : 0))
  }
}
