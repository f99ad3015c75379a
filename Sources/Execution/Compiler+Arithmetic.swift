import Kernels
import ModelGraph

extension Compiler {
  /// In the layout of the first term.
  mutating func add(_ node: LoweredNode) throws {
    guard node.inputs.count > 2 else { return try pairwise(node, Primitive.add) }
    let first = try storedTensor(node.inputs[0])
    let terms = try node.inputs.map { try tensor($0, in: first.layout) }
    let sum = result(node.outputs[0], in: first.layout)
    try append(
      Primitive.sum(first.layout, count: terms.count), terms.enumerated().map { (.source($0.offset), $0.element) },
      results: [(.destination, node.outputs[0], sum)], node: node)
  }

  mutating func subtract(_ node: LoweredNode) throws { try pairwise(node, Primitive.subtract) }

  private mutating func pairwise(_ node: LoweredNode, _ primitive: (Layout) throws -> Primitive) throws {
    let a = try storedTensor(node.inputs[0])
    let b = try tensor(node.inputs[1], in: a.layout)
    let y = result(node.outputs[0], in: a.layout)
    mayTakeOver(y, a)
    try append(
      primitive(a.layout), [(.source, a), (.source2, b)], results: [(.destination, node.outputs[0], y)], node: node)
  }

  mutating func scale(_ node: LoweredNode, _ rule: Scale) throws {
    let x = try storedTensor(node.inputs[0])
    let y = result(node.outputs[0], in: x.layout)
    mayTakeOver(y, x)
    try append(
      Primitive.scale(x.layout, by: Float(rule.factor)), [(.source, x)],
      results: [(.destination, node.outputs[0], y)], node: node)
  }

  mutating func multiply(_ node: LoweredNode) throws {
    let (a, b) = (shape(node.inputs[0]), shape(node.inputs[1]))
    if a == b { return try pairwise(node, Primitive.multiply) }
    // The larger one in its own layout, if the other one scales its channels.
    for (large, small) in [(0, 1), (1, 0)] where try scaleChannels(node, large: large, small: small) { return }
    let left = try tensor(node.inputs[0], in: .plain(a))
    let right = try tensor(node.inputs[1], in: .plain(b))
    let y = result(node.outputs[0], in: try .plain(shape(node.outputs[0])))
    try append(
      BroadcastProductKernel(walk: BroadcastWalk(a, b)), [left.storage, right.storage, y.storage],
      results: [(node.outputs[0], y)], node: node)
  }

  /// [N, C, …] · [N or 1, C, 1, …] in the layout of the former; false if the inputs are not of these shapes.
  private mutating func scaleChannels(_ node: LoweredNode, large: Int, small: Int) throws -> Bool {
    let (x, factors) = (shape(node.inputs[large]), shape(node.inputs[small]))
    guard x.count >= 3, x == shape(node.outputs[0]), factors[1] == x[1], factors[0] == 1 || factors[0] == x[0],
      factors.dropFirst(2).allSatisfy({ $0 == 1 })
    else { return false }
    let (source, order) = try channelWise(node.inputs[large])
    let weights = try tensor(node.inputs[small], in: .plain(factors))
    let y = result(node.outputs[0], in: source.layout)
    mayTakeOver(y, source)
    try append(
      ChannelProductKernel(order: order, channels: x[1], isPerSample: factors[0] != 1),
      [source.storage, weights.storage, y.storage], results: [(node.outputs[0], y)], node: node)
    return true
  }

  mutating func reduce(_ node: LoweredNode, _ rule: Reduce) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let y = result(node.outputs[0], in: try .plain(shape(node.outputs[0])))
    let cut = try cut(rule, of: lowered.types[node.inputs[0].index].shape, layer: node.layer)
    try append(
      ReduceKernel(cut: cut, factor: factor(rule, cut)), [x.storage, y.storage], results: [(node.outputs[0], y)],
      node: node)
  }

  mutating func reduceBackward(_ node: LoweredNode, _ rule: ReduceBackward) throws {
    let dy = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let dx = result(node.outputs[0], in: try .plain(rule.input.dimensions))
    let cut = try cut(rule.forward, of: rule.input, layer: node.layer)
    try append(
      ReduceBackwardKernel(cut: cut, factor: factor(rule.forward, cut)), [dy.storage, dx.storage],
      results: [(node.outputs[0], dx)], node: node)
  }

  private func cut(_ rule: Reduce, of shape: Shape, layer: String) throws -> DimensionCut {
    DimensionCut(shape, at: try rule.range(of: shape, layer: layer))
  }

  private func factor(_ rule: Reduce, _ cut: DimensionCut) -> Float { rule.kind == .mean ? 1 / Float(cut.count) : 1 }
}
