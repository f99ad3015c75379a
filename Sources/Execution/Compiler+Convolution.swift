import Kernels
import ModelGraph

extension Compiler {
  mutating func convolution(_ node: LoweredNode, _ rule: Convolution2D) throws {
    let weights = node.inputs[1]
    let window = rule.geometry(kernel: shape(weights))
    let bias = rule.hasBias ? try Layout.plain(shape(node.inputs[2])) : nil
    let layouts = WeightedLayouts(
      input: try wantedInput(node.inputs[0]), weights: weightsLayout(weights, open: try .any(shape(weights))),
      bias: bias, output: try wantedOutput(node.outputs[0], input: shape(node.inputs[0])))
    let primitive = try Primitive.convolution(
      layouts, window, activation: node.activation.map(PostActivation.init))
    var inputs = [
      (Primitive.Argument.source, try tensor(node.inputs[0], in: primitive.layout(.source))),
      (.weights, try tensor(weights, in: primitive.layout(.weights))),
    ]
    if let bias { inputs.append((.bias, try tensor(node.inputs[2], in: bias))) }
    let y = result(node.outputs[0], in: primitive.layout(.destination))
    try append(primitive, inputs, results: [(.destination, node.outputs[0], y)], node: node)
  }

  mutating func convolutionBackwardInput(_ node: LoweredNode, _ rule: Convolution2DBackwardInput) throws {
    let weights = node.inputs[1]
    let dx = node.outputs[0]
    let layouts = WeightedLayouts(
      input: try wantedInput(dx), weights: try .any(shape(weights)), bias: nil,
      output: try wantedOutput(node.inputs[0], input: shape(dx)))
    let primitive = try Primitive.convolutionBackwardInput(layouts, rule.forward.geometry(kernel: shape(weights)))
    let inputs = [
      (Primitive.Argument.destinationGradient, try tensor(node.inputs[0], in: primitive.layout(.destinationGradient))),
      (.weights, try tensor(weights, in: primitive.layout(.weights))),
    ]
    let gradient = result(dx, in: primitive.layout(.sourceGradient))
    try append(primitive, inputs, results: [(.sourceGradient, dx, gradient)], node: node)
  }

  mutating func convolutionBackwardWeights(_ node: LoweredNode, _ rule: Convolution2DBackwardWeights) throws {
    let window = rule.forward.geometry(kernel: rule.weights.dimensions)
    let open = try Layout.any(rule.weights.dimensions)
    var layouts = WeightedLayouts(
      input: try wantedInput(node.inputs[0]), weights: gradientLayout(node.outputs[0]) ?? open,
      bias: rule.forward.hasBias ? try .plain(shape(node.outputs[1])) : nil,
      output: try wantedOutput(node.inputs[1], input: shape(node.inputs[0])))
    let primitive = try preferring(
      { try Primitive.convolutionBackwardWeights(layouts, window) },
      else: {
        layouts.weights = open
        return try Primitive.convolutionBackwardWeights(layouts, window)
      })
    let x = try tensor(node.inputs[0], in: primitive.layout(.source))
    let dy = try tensor(node.inputs[1], in: primitive.layout(.destinationGradient))
    try appendWeightsGradient(primitive, x: x, dy: dy, bias: layouts.bias, node: node)
  }

  /// Channels that do not fill a vector make oneDNN 2.6 fall back to narrower kernels in blocked layouts: a 5×5
  /// convolution from 6 to 16 channels takes 1.6 times as long, forward and backward, as in channels-last.
  private func prefersChannelsLast(channels: Int) -> Bool { channels > 3 && channels % 16 != 0 }

  private func wantedInput(_ value: ValueID) throws -> Layout {
    let shape = shape(value)
    if prefersChannelsLast(channels: shape[1]) { return try .channelsLast(shape) }
    // A first layer's kernel reads the image as it is.
    let plain = try Layout.plain(shape)
    return shape[1] <= 3 && tensors[value.index].first?.layout == plain ? plain : try .any(shape)
  }

  private func wantedOutput(_ value: ValueID, input: [Int]) throws -> Layout {
    prefersChannelsLast(channels: input[1]) ? try .channelsLast(shape(value)) : try .any(shape(value))
  }
}

extension Convolution2D {
  func geometry(kernel weights: [Int]) -> WindowGeometry {
    WindowGeometry(
      kernel: [weights[2], weights[3]], stride: [stride.height, stride.width],
      padding: [padding.height, padding.width])
  }
}
