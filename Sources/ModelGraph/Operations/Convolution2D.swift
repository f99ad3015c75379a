package import Units

// Shapes: N samples, C input channels, O output channels, H×W input, K×L kernel, P×Q output.

/// A pair for the two spatial dimensions: height first.
package struct Extent2D: Hashable, Sendable, Codable, CustomStringConvertible {
  package let height: Int
  package let width: Int

  package init(_ height: Int, _ width: Int) {
    self.height = height
    self.width = width
  }

  package init(_ side: Int) { self.init(side, side) }

  package var description: String { "\(height)×\(width)" }
}

/// Cross-correlation: y[n,o,p,q] = b[o] + Σ x[n,c,p·s+k−pad,q·s+l−pad] W[o,c,k,l], zero padding on both sides.
///
/// x [N, C, H, W], W [O, C, K, L], b [O], y [N, O, P, Q] with P = (H + 2 pad − K) / stride + 1, rounded down.
package struct Convolution2D: OperationRule {
  package let stride: Extent2D
  package let padding: Extent2D
  package let hasBias: Bool

  package init(stride: Extent2D = Extent2D(1), padding: Extent2D = Extent2D(0), hasBias: Bool = true) {
    self.stride = stride
    self.padding = padding
    self.hasBias = hasBias
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    let weights = inputs[1].shape
    guard x.rank == 4 else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "a 2D convolution takes [samples, channels, height, width], its input is \(x)")
    }
    guard x[1] == weights[1] else {
      throw GraphError(
        .shapeMismatch, layer: layer, "weights \(weights) take \(weights[1]) channels, the input \(x) has \(x[1])")
    }
    let window = Window2D(kernel: Extent2D(weights[2], weights[3]), stride: stride, padding: padding)
    let out = try window.output(of: x, layer: layer)
    return [TensorType([x[0], weights[0], out.height, out.width])]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = try node.soleGradient()
    let weights = graph[node.inputs[1]].type.shape
    let parameters = try graph.append(
      .convolution2DBackwardWeights(Convolution2DBackwardWeights(forward: self, weights: weights)),
      [node.inputs[0], dy], layer: node.layer, pass: .backward)
    let dx =
      node.isWanted[0]
      ? try graph.append(
        .convolution2DBackwardInput(
          Convolution2DBackwardInput(forward: self, input: graph[node.inputs[0]].type.shape)),
        [dy, node.inputs[1]], layer: node.layer, pass: .backward)[0] : nil
    return [dx] + parameters
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let y = outputs[0].shape.elementCount
    let weights = inputs[1].shape
    return FLOPs(2 * y * weights[1] * weights[2] * weights[3] + (hasBias ? y : 0))
  }
}

/// dx from dy [N, O, P, Q] and W [O, C, K, L]: the transposed convolution.
package struct Convolution2DBackwardInput: OperationRule {
  package let forward: Convolution2D
  /// [N, C, H, W]: not derivable from dy when the stride leaves a remainder.
  package let input: Shape

  package init(forward: Convolution2D, input: Shape) {
    self.forward = forward
    self.input = input
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [TensorType(input)] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let weights = inputs[1].shape
    return FLOPs(2 * inputs[0].shape.elementCount * weights[1] * weights[2] * weights[3])
  }
}

/// dW [O, C, K, L] and db [O] from x [N, C, H, W] and dy [N, O, P, Q].
package struct Convolution2DBackwardWeights: OperationRule {
  package let forward: Convolution2D
  package let weights: Shape

  package init(forward: Convolution2D, weights: Shape) {
    self.forward = forward
    self.weights = weights
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    forward.hasBias ? [TensorType(weights), TensorType([weights[0]])] : [TensorType(weights)]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let dy = inputs[1].shape.elementCount
    return FLOPs(2 * dy * weights[1] * weights[2] * weights[3] + (forward.hasBias ? dy : 0))
  }
}
