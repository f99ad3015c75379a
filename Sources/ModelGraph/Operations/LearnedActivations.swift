package import Units

// Shapes: N samples, C channels, O outputs, P pieces.

/// y = x where it is positive, else slope · x with a slope that is learned (He et al. 2015).
///
/// x [N, C, …], slope [C], one a channel, or [1] for all of them, and y as x: PyTorch's `nn.PReLU`.
package struct PReLU: OperationRule {
  package init() {}

  package var name: String { "prelu" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let (x, slope) = (inputs[0].shape, inputs[1].shape)
    let channels = x.rank >= 2 ? x[1] : 1
    guard slope == [1] || slope == Shape([channels]) else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "slopes \(slope) do not fit an input of \(x); give \(Shape([1])) or one a channel, \(Shape([channels]))")
    }
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    try graph.append(
      .preluBackward(PReLUBackward()), node.inputs + [try node.soleGradient()], layer: node.layer, pass: .backward)
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(2 * outputs[0].shape.elementCount)
  }
}

/// dx = dy or slope · dy and dslope = Σ x dy where x is negative, from x [N, C, …], slope and dy.
package struct PReLUBackward: OperationRule {
  package init() {}

  package var name: String { "prelu backward" }
  package var inputCount: ClosedRange<Int> { 3...3 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[0], inputs[1]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(4 * outputs[0].shape.elementCount)
  }
}

/// y[…, o] = max over p of x[…, p · O + o]: the largest of P linear pieces (Goodfellow et al. 2013).
///
/// x […, P · O], y […, O]. Gives y and, for backward, the winning piece as a byte each; the first one wins a tie.
package struct Maxout: OperationRule {
  package let pieces: Int

  package init(pieces: Int) { self.pieces = pieces }

  package var name: String { "maxout" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard (2...256).contains(pieces) else {
      throw GraphError(.invalidArgument, layer: layer, key: "pieces", "maxout of \(pieces) pieces; use 2 to 256")
    }
    guard let last = x.dimensions.last, last % pieces == 0 else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "\(pieces) pieces do not divide the last dimension of \(x); use a multiple of \(pieces) features")
    }
    let y = Shape(x.dimensions.dropLast() + [last / pieces])
    return [TensorType(y), TensorType(y, .uint8)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = Operation.maxoutBackward(MaxoutBackward(pieces: pieces))
    return [
      try graph.append(back, [try node.soleGradient(), node.outputs[1]], layer: node.layer, pass: .backward)[0]
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs((pieces - 1) * outputs[0].shape.elementCount)
  }
}

/// dx […, P · O] from dy […, O] and the winners: each gradient goes to its winner, the rest is 0.
package struct MaxoutBackward: OperationRule {
  package let pieces: Int

  package init(pieces: Int) { self.pieces = pieces }

  package var name: String { "maxout backward" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let y = inputs[0].shape.dimensions
    return [TensorType(Shape(y.dropLast() + [pieces * (y.last ?? 0)]))]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(inputs[0].shape.elementCount) }
}

/// A value that is zero everywhere: the gradient of a parameter behind an operation without slope.
package struct Zeros: OperationRule {
  package let shape: Shape

  package init(shape: Shape) { self.shape = shape }

  package var name: String { "zeros" }
  package var inputCount: ClosedRange<Int> { 0...0 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [TensorType(shape)] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}
