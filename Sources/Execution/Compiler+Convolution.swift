import Kernels
import ModelGraph

extension Compiler {
  mutating func convolution(_ node: LoweredNode, _ rule: Convolution) throws {
    let weights = node.inputs[1]
    let (window, open) = try rule.geometry(weights: lowered.types[weights.index].shape, layer: node.layer)
    let bias = rule.hasBias ? try Layout.plain(shape(node.inputs[2])) : nil
    let layouts = WeightedLayouts(
      input: try wantedInput(node.inputs[0]), weights: weightsLayout(weights, open: open.with(element)),
      bias: bias, output: try wantedOutput(node.outputs[0], input: shape(node.inputs[0])))
    let primitive = try Primitive.convolution(
      layouts, window, activation: node.activation)
    var inputs = [
      (Primitive.Argument.source, try tensor(node.inputs[0], in: primitive.layout(.source))),
      (.weights, try tensor(weights, in: primitive.layout(.weights))),
    ]
    if let bias { inputs.append((.bias, try tensor(node.inputs[2], in: bias))) }
    let y = result(node.outputs[0], in: primitive.layout(.destination))
    try append(primitive, inputs, results: [(.destination, node.outputs[0], y)], node: node)
  }

  mutating func convolutionBackwardInput(_ node: LoweredNode, _ rule: ConvolutionBackwardInput) throws {
    let weights = node.inputs[1]
    let dx = node.outputs[0]
    let (window, open) = try rule.forward.geometry(weights: lowered.types[weights.index].shape, layer: node.layer)
    let layouts = WeightedLayouts(
      input: try wantedInput(dx), weights: open.with(element), bias: nil,
      output: try wantedOutput(node.inputs[0], input: shape(dx)))
    let primitive = try Primitive.convolutionBackwardInput(layouts, window)
    let inputs = [
      (Primitive.Argument.destinationGradient, try tensor(node.inputs[0], in: primitive.layout(.destinationGradient))),
      (.weights, try tensor(weights, in: primitive.layout(.weights))),
    ]
    let gradient = result(dx, in: primitive.layout(.sourceGradient))
    try append(primitive, inputs, results: [(.sourceGradient, dx, gradient)], node: node)
  }

  mutating func convolutionBackwardWeights(_ node: LoweredNode, _ rule: ConvolutionBackwardWeights) throws {
    let (window, open) = try rule.forward.geometry(weights: rule.weights, layer: node.layer)
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
    if prefersChannelsLast(channels: shape[1]) { return try .channelsLast(shape, element) }
    // A first layer's kernel reads the image as it is.
    let rowMajor = try Layout.plain(shape)
    return shape[1] <= 3 && tensors[value.index].first?.layout == rowMajor
      ? try .plain(shape, element) : try .any(shape, element)
  }

  private func wantedOutput(_ value: ValueID, input: [Int]) throws -> Layout {
    prefersChannelsLast(channels: input[1]) ? try .channelsLast(shape(value), element) : try .any(shape(value), element)
  }
}

extension Convolution {
  /// The kernels' window, and the weights with an open layout: with groups they have one more dimension, in front.
  func geometry(weights: Shape, layer: String) throws -> (window: WindowGeometry, weights: Layout) {
    let window = try window(weights: weights).sides(rank: weights.rank - 2, layer: layer)
    let geometry = WindowGeometry(
      kernel: window.kernel, stride: window.stride, padding: window.padding, dilation: window.dilation)
    let dimensions = weights.dimensions
    let grouped = groups == 1 ? dimensions : [groups, dimensions[0] / groups] + dimensions.dropFirst()
    return (geometry, try .any(grouped))
  }
}
