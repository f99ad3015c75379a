import Kernels
import ModelGraph

extension Compiler {
  mutating func activation(_ node: LoweredNode, _ function: ActivationFunction) throws {
    guard let fused = PostActivation(function) else { return try binaryStep(node) }
    let x = try storedTensor(node.inputs[0])
    let y = result(node.outputs[0], in: x.layout)
    mayTakeOver(y, x)
    try append(
      Primitive.activation(fused, x.layout), [(.source, x)], results: [(.destination, node.outputs[0], y)], node: node)
  }

  /// In a layout without padding, which would become 1.
  private mutating func binaryStep(_ node: LoweredNode) throws {
    let plain = try Layout.plain(shape(node.inputs[0]))
    let own = try tensor(node.inputs[0])
    let x = own.layout.byteCount == plain.byteCount ? own : try tensor(node.inputs[0], in: plain)
    let y = result(node.outputs[0], in: x.layout)
    mayTakeOver(y, x)
    try append(
      BinaryStepKernel(count: plain.byteCount / 4), [x.storage, y.storage], results: [(node.outputs[0], y)], node: node)
  }

  mutating func activationBackward(_ node: LoweredNode, _ function: ActivationFunction) throws {
    guard let fused = PostActivation(function) else { preconditionFailure("\(function.name) has no backward") }
    let dy = try storedTensor(node.inputs[1])
    let known = try tensor(node.inputs[0], in: dy.layout)
    let dx = result(node.outputs[0], in: dy.layout)
    mayTakeOver(dx, dy)
    try append(
      Primitive.activationBackward(fused, dy.layout),
      [(fused.derivativeArgument, known), (.destinationGradient, dy)],
      results: [(.sourceGradient, node.outputs[0], dx)], node: node)
  }

  /// oneDNN has wide kernels along the last dimension only.
  mutating func softmax(_ node: LoweredNode, _ rule: Softmax) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let y = result(node.outputs[0], in: x.layout)
    let cut = try softmaxCut(node.inputs[0], rule.dimension, layer: node.layer)
    guard cut.inner > 1 else {
      try append(
        Primitive.softmax(rowLayout(cut), isLogarithm: rule.isLogarithm), [(.source, x)],
        results: [(.destination, node.outputs[0], y)], node: node)
      return
    }
    try append(
      SoftmaxKernel(cut: cut, isLogarithm: rule.isLogarithm), [x.storage, y.storage],
      results: [(node.outputs[0], y)], node: node)
  }

  mutating func softmaxBackward(_ node: LoweredNode, _ rule: SoftmaxBackward) throws {
    let y = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let dy = try tensor(node.inputs[1], in: y.layout)
    let dx = result(node.outputs[0], in: y.layout)
    let cut = try softmaxCut(node.inputs[0], rule.dimension, layer: node.layer)
    guard cut.inner > 1 else {
      try append(
        Primitive.softmaxBackward(rowLayout(cut), isLogarithm: rule.isLogarithm),
        [(.destination, y), (.destinationGradient, dy)], results: [(.sourceGradient, node.outputs[0], dx)], node: node)
      return
    }
    try append(
      SoftmaxBackwardKernel(cut: cut, isLogarithm: rule.isLogarithm), [y.storage, dy.storage, dx.storage],
      results: [(node.outputs[0], dx)], node: node)
  }

  private func softmaxCut(_ value: ValueID, _ dimension: Int, layer: String) throws -> DimensionCut {
    let shape = lowered.types[value.index].shape
    let index = try shape.index(of: dimension, layer: layer)
    return DimensionCut(shape, at: index..<index + 1)
  }

  /// Row-major memory as rows of the last dimension that counts.
  private func rowLayout(_ cut: DimensionCut) throws -> Layout { try .plain([cut.outer, cut.count]) }

  mutating func prelu(_ node: LoweredNode) throws {
    let (x, order) = try channelWise(node.inputs[0])
    let slope = try tensor(node.inputs[1], in: .plain(shape(node.inputs[1])))
    let y = result(node.outputs[0], in: x.layout)
    mayTakeOver(y, x)
    try append(
      PReLUKernel(order: order, slopes: shape(node.inputs[1])[0]), [x.storage, slope.storage, y.storage],
      results: [(node.outputs[0], y)], node: node)
  }

  mutating func preluBackward(_ node: LoweredNode) throws {
    let (x, order) = try channelWise(node.inputs[0])
    let slope = try tensor(node.inputs[1], in: .plain(shape(node.inputs[1])))
    let dy = try tensor(node.inputs[2], in: x.layout)
    let dx = result(node.outputs[0], in: x.layout)
    let slopeGradient = result(node.outputs[1], in: slope.layout)
    mayTakeOver(dx, dy)
    try append(
      PReLUBackwardKernel(order: order, slopes: shape(node.inputs[1])[0]),
      [x.storage, slope.storage, dy.storage, dx.storage, slopeGradient.storage],
      results: [(node.outputs[0], dx), (node.outputs[1], slopeGradient)], node: node)
  }

  /// The value in its own layout if the memory runs through channels in a known order, else row-major.
  mutating func channelWise(_ value: ValueID) throws -> (tensor: Tensor, order: ChannelOrder) {
    let own = try tensor(value)
    if let order = try own.layout.channelOrder { return (own, order) }
    let plain = try tensor(value, in: .plain(shape(value)))
    let dimensions = shape(value)
    let order = ChannelOrder(
      samples: dimensions.first ?? 1, blocks: dimensions.count > 1 ? dimensions[1] : 1,
      positions: dimensions.dropFirst(2).reduce(1, *), lanes: 1)
    return (plain, order)
  }

  mutating func maxout(_ node: LoweredNode, _ rule: Maxout) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let y = result(node.outputs[0], in: try .plain(shape(node.outputs[0])))
    let winners = result(node.outputs[1], in: try .plain(shape(node.outputs[1]), .uint8))
    try append(
      MaxoutKernel(rows: MaxoutRows(shape(node.outputs[0]), pieces: rule.pieces)),
      [x.storage, y.storage, winners.storage],
      results: [(node.outputs[0], y), (node.outputs[1], winners)], node: node)
  }

  mutating func maxoutBackward(_ node: LoweredNode, _ rule: MaxoutBackward) throws {
    let dy = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let winners = try tensor(node.inputs[1])
    let dx = result(node.outputs[0], in: try .plain(shape(node.outputs[0])))
    try append(
      MaxoutBackwardKernel(rows: MaxoutRows(shape(node.inputs[0]), pieces: rule.pieces)),
      [dy.storage, winners.storage, dx.storage], results: [(node.outputs[0], dx)], node: node)
  }

  mutating func zeros(_ node: LoweredNode) throws {
    let parameter = lowered.graph.parameterGradients.first { $0.gradient == node.outputs[0] }?.parameter
    let open = try Layout.plain(shape(node.outputs[0]))
    let y = result(node.outputs[0], in: parameter.map { weightsLayout($0, open: open) } ?? open)
    try append(ZerosKernel(byteCount: y.layout.byteCount), [y.storage], results: [(node.outputs[0], y)], node: node)
  }
}

extension PostActivation {
  /// Nil for a function that oneDNN does not have.
  init?(_ function: ActivationFunction) {
    switch function {
    case .relu: self = .relu
    case .tanh: self = .tanh
    case .sigmoid: self = .sigmoid
    case .leakyReLU(let slope): self = .leakyReLU(slope: Float(slope))
    case .elu(let alpha): self = .elu(alpha: Float(alpha))
    case .swish: self = .swish
    case .gelu(.erf): self = .geluErf
    case .gelu(.tanh): self = .geluTanh
    case .binaryStep: return nil
    }
  }
}
