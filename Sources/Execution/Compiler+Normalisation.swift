import Kernels
import ModelGraph

extension Compiler {
  mutating func batchNormalisation(_ node: LoweredNode, _ rule: BatchNormalisation) throws {
    let (x, lanes) = try laned(node.inputs[0])
    let channel = try Layout.plain([lanes.channels])
    var operands = [x.storage]
    for input in node.inputs[1...2] { operands.append(try tensor(input, in: channel).storage) }
    let y = result(node.outputs[0], in: x.layout)
    let observed = node.outputs[1...].map { ($0, result($0, in: channel)) }
    operands += [y.storage] + observed.map(\.1.storage)
    if node.normalisation.addsResidual {
      let residual = try tensor(node.inputs[3], in: x.layout)
      operands.append(residual.storage)
      mayTakeOver(y, residual)
    }
    try append(
      BatchNormalisationKernel(
        lanes: lanes, element: x.layout.element, epsilon: rule.epsilon, isRectified: node.activation == .relu,
        addsResidual: node.normalisation.addsResidual), operands,
      results: [(node.outputs[0], y)] + observed, node: node)
  }

  mutating func affineNormalisation(_ node: LoweredNode, _ rule: AffineNormalisation) throws {
    let (x, lanes) = try laned(node.inputs[0])
    let channel = try Layout.plain([lanes.channels])
    var operands = [x.storage]
    for input in node.inputs[1...4] { operands.append(try tensor(input, in: channel).storage) }
    let y = result(node.outputs[0], in: x.layout)
    operands.append(y.storage)
    if node.normalisation.addsResidual { operands.append(try tensor(node.inputs[5], in: x.layout).storage) }
    mayTakeOver(y, x)
    try append(
      AffineNormalisationKernel(
        lanes: lanes, element: x.layout.element, epsilon: rule.epsilon, isRectified: node.activation == .relu,
        addsResidual: node.normalisation.addsResidual), operands, results: [(node.outputs[0], y)], node: node)
  }

  mutating func batchNormalisationBackward(_ node: LoweredNode) throws {
    let (x, lanes) = try laned(node.inputs[0])
    let channel = try Layout.plain([lanes.channels])
    let dy = try tensor(node.inputs[1], in: x.layout)
    var operands = [x.storage, dy.storage]
    for input in node.inputs[2...4] { operands.append(try tensor(input, in: channel).storage) }
    let dx = result(node.outputs[0], in: x.layout)
    let parameters = node.outputs[1...2].map { ($0, result($0, in: channel)) }
    operands += [dx.storage] + parameters.map(\.1.storage)
    var results = [(node.outputs[0], dx)] + parameters
    switch node.normalisation.mask {
    case .none: mayTakeOver(dx, dy)
    case .fromInput:
      operands.append(try tensor(node.inputs[5], in: channel).storage)
      mayTakeOver(dx, dy)
    case .fromOutput(let addsGradient):
      operands.append(try tensor(node.inputs[5], in: x.layout).storage)
      let masked = result(node.outputs[3], in: x.layout)
      mayTakeOver(masked, dy)
      operands.append(masked.storage)
      if addsGradient { operands.append(try tensor(node.inputs[6], in: x.layout).storage) }
      results.append((node.outputs[3], masked))
    }
    try append(
      BatchNormalisationBackwardKernel(lanes: lanes, element: x.layout.element, mask: node.normalisation.mask),
      operands, results: results,
      node: node)
  }

  /// The value in a layout whose channels lie side by side: its own, or channels-last.
  private mutating func laned(_ value: ValueID) throws -> (Tensor, ChannelLanes) {
    let own = try storedTensor(value)
    for tensor in tensors[value.index] {
      if let lanes = tensor.layout.channelLanes { return (tensor, lanes) }
    }
    let shape = shape(value)
    let layout =
      try shape.count == 2 ? Layout.plain(shape, own.layout.element) : .channelsLast(shape, own.layout.element)
    guard let lanes = layout.channelLanes else { preconditionFailure("channels-last has its channels side by side") }
    return (try tensor(value, in: layout), lanes)
  }
}
