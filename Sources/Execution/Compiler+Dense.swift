import Kernels
import ModelGraph

extension Compiler {
  mutating func dense(_ node: LoweredNode, _ rule: Dense) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0]), element))
    let open = try Layout.any(shape(node.inputs[1]), element)
    let layouts = WeightedLayouts(
      input: x.layout, weights: weightsLayout(node.inputs[1], open: open),
      bias: rule.hasBias ? try .plain(shape(node.inputs[2])) : nil, output: try .plain(shape(node.outputs[0]), element))
    let primitive = try Primitive.innerProduct(layouts, activation: node.activation.map(PostActivation.init))
    var inputs = [
      (Primitive.Argument.source, x),
      (.weights, try tensor(node.inputs[1], in: primitive.layout(.weights))),
    ]
    if let bias = layouts.bias { inputs.append((.bias, try tensor(node.inputs[2], in: bias))) }
    let y = result(node.outputs[0], in: layouts.output)
    try append(primitive, inputs, results: [(.destination, node.outputs[0], y)], node: node)
  }

  mutating func denseBackwardInput(_ node: LoweredNode) throws {
    let dy = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0]), element))
    let layouts = WeightedLayouts(
      input: try .plain(shape(node.outputs[0]), element), weights: try .any(shape(node.inputs[1]), element), bias: nil,
      output: dy.layout)
    let primitive = try Primitive.innerProductBackwardInput(layouts)
    let weights = try tensor(node.inputs[1], in: primitive.layout(.weights))
    let dx = result(node.outputs[0], in: layouts.input)
    try append(
      primitive, [(.destinationGradient, dy), (.weights, weights)],
      results: [(.sourceGradient, node.outputs[0], dx)], node: node)
  }

  mutating func denseBackwardWeights(_ node: LoweredNode, _ rule: DenseBackwardWeights) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0]), element))
    let dy = try tensor(node.inputs[1], in: .plain(shape(node.inputs[1]), element))
    let open = try Layout.any(shape(node.outputs[0]))
    var layouts = WeightedLayouts(
      input: x.layout, weights: gradientLayout(node.outputs[0]) ?? open,
      bias: rule.hasBias ? try .plain(shape(node.outputs[1])) : nil, output: dy.layout)
    let primitive = try preferring(
      { try Primitive.innerProductBackwardWeights(layouts) },
      else: {
        layouts.weights = open
        return try Primitive.innerProductBackwardWeights(layouts)
      })
    try appendWeightsGradient(primitive, x: x, dy: dy, bias: layouts.bias, node: node)
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

extension PostActivation {
  init(_ function: ActivationFunction) {
    switch function {
    case .relu: self = .relu
    case .tanh: self = .tanh
    case .sigmoid: self = .sigmoid
    }
  }
}
