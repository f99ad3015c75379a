import Kernels
import ModelGraph

extension Compiler {
  mutating func dense(_ node: LoweredNode, _ rule: Dense) throws {
    let x = try rows(of: node.inputs[0])
    let open = try Layout.any(shape(node.inputs[1]), element)
    let layouts = WeightedLayouts(
      input: x.matrix.layout, weights: weightsLayout(node.inputs[1], open: open),
      bias: rule.hasBias ? try .plain(shape(node.inputs[2])) : nil, output: try matrix(node.outputs[0]))
    let primitive = try Primitive.innerProduct(layouts, activation: node.activation)
    var inputs = [
      (Primitive.Argument.source, x.matrix),
      (.weights, try tensor(node.inputs[1], in: primitive.layout(.weights))),
    ]
    if let bias = layouts.bias { inputs.append((.bias, try tensor(node.inputs[2], in: bias))) }
    let y = result(node.outputs[0], in: try x.order.layout(shape(node.outputs[0]), element))
    try append(primitive, inputs, results: [(.destination, node.outputs[0], y)], node: node)
  }

  mutating func denseBackwardInput(_ node: LoweredNode) throws {
    let dy = try rows(of: node.inputs[0])
    let layouts = WeightedLayouts(
      input: try matrix(node.outputs[0]), weights: try .any(shape(node.inputs[1]), element), bias: nil,
      output: dy.matrix.layout)
    let primitive = try Primitive.innerProductBackwardInput(layouts)
    let weights = try tensor(node.inputs[1], in: primitive.layout(.weights))
    let dx = result(node.outputs[0], in: try dy.order.layout(shape(node.outputs[0]), element))
    try append(
      primitive, [(.destinationGradient, dy.matrix), (.weights, weights)],
      results: [(.sourceGradient, node.outputs[0], dx)], node: node)
  }

  mutating func denseBackwardWeights(_ node: LoweredNode, _ rule: DenseBackwardWeights) throws {
    let x = try rows(of: node.inputs[0])
    let dy = try rows(of: node.inputs[1], as: x.order)
    let open = try Layout.any(shape(node.outputs[0]))
    var layouts = WeightedLayouts(
      input: x.matrix.layout, weights: gradientLayout(node.outputs[0]) ?? open,
      bias: rule.hasBias ? try .plain(shape(node.outputs[1])) : nil, output: dy.matrix.layout)
    let primitive = try preferring(
      { try Primitive.innerProductBackwardWeights(layouts) },
      else: {
        layouts.weights = open
        return try Primitive.innerProductBackwardWeights(layouts)
      })
    try appendWeightsGradient(primitive, x: x.matrix, dy: dy.matrix, bias: layouts.bias, node: node)
  }

  // MARK: Positions as rows

  /// The order of the rows of a matrix that stands for a tensor [N, …, I].
  enum RowOrder {
    case sampleMajor, timeMajor

    func layout(_ shape: [Int], _ element: Layout.Element) throws -> Layout {
      try self == .timeMajor ? .timeMajor(shape, element) : .plain(shape, element)
    }
  }

  /// A tensor [N, …, I] as a matrix with a row for each position, in the order in which it lies, or in `order`.
  private mutating func rows(
    of value: ValueID, as order: RowOrder? = nil
  ) throws -> (matrix: Tensor, order: RowOrder) {
    let extents = shape(value)
    var found = order ?? .sampleMajor
    if order == nil, extents.count > 2,
      try storedTensor(value).layout.with(element) == .timeMajor(extents, element)
    {
      found = .timeMajor
    }
    let tensor = try tensor(value, in: found.layout(extents, element))
    return (Tensor(layout: try matrix(value), storage: tensor.storage), found)
  }

  private func matrix(_ value: ValueID) throws -> Layout {
    let extents = shape(value)
    return try .plain([extents.dropLast().reduce(1, *), extents[extents.count - 1]], element)
  }

  /// The step of a backward-weights kernel: dW and, with a bias, db.
  mutating func appendWeightsGradient(
    _ primitive: Primitive, x: Tensor, dy: Tensor, bias: Layout?, node: LoweredNode
  ) throws {
    let dw = result(node.outputs[0], in: primitive.layout(.weightsGradient))
    var results = [(argument: Primitive.Argument.weightsGradient, value: node.outputs[0], tensor: dw)]
    if let bias {
      results.append((argument: .biasGradient, value: node.outputs[1], tensor: result(node.outputs[1], in: bias)))
    }
    try append(primitive, [(.source, x), (.destinationGradient, dy)], results: results, node: node)
  }

  /// The first kernel, unless it does not exist or is a plain loop.
  func preferring(_ first: () throws -> Primitive, else second: () throws -> Primitive) throws -> Primitive {
    if let primitive = try? first(), !primitive.isReference { return primitive }
    return try second()
  }
}
