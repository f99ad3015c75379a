package import Units

// Shapes: x [N, C, I…] → y [N, C, P…], of one to three spatial dimensions.

extension Window {
  /// The type of what a pooling over `x` gives.
  fileprivate func pooled(_ x: Shape, layer: String) throws -> Shape {
    try x.requireImage("pooling", layer: layer)
    let sides = try sides(rank: x.rank - 2, layer: layer)
    guard sides.dilation.allSatisfy({ $0 == 1 }) else {
      throw GraphError(
        .invalidArgument, layer: layer, key: "dilation", "pooling windows have no dilation; leave \(dilation) out")
    }
    guard zip(sides.padding, sides.kernel).allSatisfy({ 2 * $0 <= $1 }) else {
      throw GraphError(
        .invalidArgument, layer: layer, key: "padding",
        "padding \(padding) is more than half of the window \(kernel), so windows could see no input; use less padding")
    }
    return Shape([x[0], x[1]] + (try output(of: x, layer: layer)))
  }

  /// Positions of the window over an input of a rank.
  fileprivate func positions(rank: Int) -> Int { (kernel.sides(rank: rank - 2) ?? []).reduce(1, *) }
}

/// The largest element of each window; padding never wins.
///
/// Gives y and, for backward, the position of the winner in its window as a byte each (row-major in the window, first
/// one wins a tie), so the input need not be kept.
package struct MaxPool: OperationRule {
  package let window: Window

  package init(window: Window) { self.window = window }

  package var name: String { "max-pool" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let y = try window.pooled(inputs[0].shape, layer: layer)
    guard window.positions(rank: inputs[0].shape.rank) <= 256 else {
      throw GraphError(
        .invalidArgument, layer: layer, key: "kernel",
        "a pooling window of \(window.kernel) has more than 256 positions; use a smaller kernel")
    }
    return [TensorType(y), TensorType(y, .uint8)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let rule = MaxPoolBackward(forward: self, input: graph[node.inputs[0]].type.shape)
    return [
      try graph.append(
        .maxPoolBackward(rule), [try node.soleGradient(), node.outputs[1]], layer: node.layer, pass: .backward)[0]
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(outputs[0].shape.elementCount * window.positions(rank: inputs[0].shape.rank))
  }
}

/// dx [N, C, I…] from dy [N, C, P…] and the winners' positions: each gradient goes to its window's winner.
package struct MaxPoolBackward: OperationRule {
  package let forward: MaxPool
  package let input: Shape

  package init(forward: MaxPool, input: Shape) {
    self.forward = forward
    self.input = input
  }

  package var name: String { "max-pool backward" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [TensorType(input)] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(inputs[0].shape.elementCount) }
}

/// The mean of each window. A window as large as the input is global average pooling.
package struct AveragePool: OperationRule {
  package let window: Window
  /// Whether positions on the padding count in the mean, as zeros (PyTorch's `count_include_pad`, on by default).
  package let countsPadding: Bool

  package init(window: Window, countsPadding: Bool = true) {
    self.window = window
    self.countsPadding = countsPadding
  }

  package var name: String { "average-pool" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    if window.roundsUp, countsPadding {
      throw GraphError(
        .invalidArgument, layer: layer,
        "average pooling that rounds up has windows beyond the padding; leave the padding out of the mean")
    }
    return [TensorType(try window.pooled(inputs[0].shape, layer: layer))]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let rule = AveragePoolBackward(forward: self, input: graph[node.inputs[0]].type.shape)
    return [
      try graph.append(.averagePoolBackward(rule), [try node.soleGradient()], layer: node.layer, pass: .backward)[0]
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(outputs[0].shape.elementCount * window.positions(rank: inputs[0].shape.rank))
  }
}

/// dx [N, C, I…] from dy [N, C, P…]: each gradient in equal parts to its window.
package struct AveragePoolBackward: OperationRule {
  package let forward: AveragePool
  package let input: Shape

  package init(forward: AveragePool, input: Shape) {
    self.forward = forward
    self.input = input
  }

  package var name: String { "average-pool backward" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [TensorType(input)] }

  /// Of what spreads values in the forward pass: the pool is its gradient.
  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    [try graph.append(.averagePool(forward), [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(inputs[0].shape.elementCount * forward.window.positions(rank: input.rank))
  }
}
