package import Units

/// A window that slides over the two spatial dimensions of [N, C, H, W].
package struct Window2D: Hashable, Sendable, Codable {
  package let kernel: Extent2D
  package let stride: Extent2D
  package let padding: Extent2D

  package init(kernel: Extent2D, stride: Extent2D, padding: Extent2D = Extent2D(0)) {
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  /// (H + 2 pad − K) / stride + 1, rounded down, in both dimensions.
  package func output(of input: Shape, layer: String) throws -> Extent2D {
    guard kernel.height > 0, kernel.width > 0, stride.height > 0, stride.width > 0, padding.height >= 0,
      padding.width >= 0
    else {
      throw GraphError(
        .invalidArgument, layer: layer,
        "kernel \(kernel), stride \(stride), padding \(padding): kernel and stride start at 1, padding at 0")
    }
    let height = input[2] + 2 * padding.height - kernel.height
    let width = input[3] + 2 * padding.width - kernel.width
    guard height >= 0, width >= 0 else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "a \(kernel) window does not fit an input of \(input[2])×\(input[3]) with padding \(padding); "
          + "use a smaller kernel or more padding")
    }
    return Extent2D(height / stride.height + 1, width / stride.width + 1)
  }
}

/// The largest element of each window; padding never wins.
///
/// x [N, C, H, W] → y [N, C, P, Q] and, for backward, the position of the winner in its window as a byte each
/// (row-major in the window, first one wins a tie), so the input need not be kept.
package struct MaxPool2D: OperationRule {
  package let window: Window2D

  package init(window: Window2D) { self.window = window }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard x.rank == 4 else {
      throw GraphError(
        .shapeMismatch, layer: layer, "2D pooling takes [samples, channels, height, width], its input is \(x)")
    }
    guard window.kernel.height * window.kernel.width <= 256 else {
      throw GraphError(
        .invalidArgument, layer: layer,
        "a pooling window of \(window.kernel) has more than 256 positions; use a smaller kernel")
    }
    guard window.padding.height < window.kernel.height, window.padding.width < window.kernel.width else {
      throw GraphError(
        .invalidArgument, layer: layer,
        "padding \(window.padding) leaves windows of \(window.kernel) that see no input; use less padding")
    }
    let out = try window.output(of: x, layer: layer)
    let y: Shape = [x[0], x[1], out.height, out.width]
    return [TensorType(y), TensorType(y, .uint8)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let rule = MaxPool2DBackward(forward: self, input: graph[node.inputs[0]].type.shape)
    return [
      try graph.append(
        .maxPool2DBackward(rule), [try node.soleGradient(), node.outputs[1]], layer: node.layer, pass: .backward)[0]
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(outputs[0].shape.elementCount * (window.kernel.height * window.kernel.width - 1))
  }
}

/// dx [N, C, H, W] from dy [N, C, P, Q] and the winners' positions: each gradient goes to its window's winner.
package struct MaxPool2DBackward: OperationRule {
  package let forward: MaxPool2D
  package let input: Shape

  package init(forward: MaxPool2D, input: Shape) {
    self.forward = forward
    self.input = input
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [TensorType(input)] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(inputs[0].shape.elementCount) }
}
