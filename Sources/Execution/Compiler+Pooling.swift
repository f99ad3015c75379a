import Kernels
import ModelGraph

extension Compiler {
  mutating func maxPool(_ node: LoweredNode, _ rule: MaxPool) throws {
    let window = try rule.window.geometry(rank: shape(node.inputs[0]).count, layer: node.layer)
    let (primitive, x) = try pooling(.maximum, node, window)
    let y = result(node.outputs[0], in: primitive.layout(.destination))
    let winners = result(node.outputs[1], in: primitive.layout(.workspace))
    pools[node.outputs[1]] = (x.layout, y.layout)
    try append(
      primitive, [(.source, x)],
      results: [(.destination, node.outputs[0], y), (.workspace, node.outputs[1], winners)], node: node)
  }

  mutating func maxPoolBackward(_ node: LoweredNode, _ rule: MaxPoolBackward) throws {
    guard let layouts = pools[node.inputs[1]] else {
      preconditionFailure("max-pool backward without its forward")
    }
    let window = try rule.forward.window.geometry(rank: rule.input.rank, layer: node.layer)
    let primitive = try Primitive.poolingBackward(.maximum, input: layouts.input, output: layouts.output, window)
    let dy = try tensor(node.inputs[0], in: layouts.output)
    let winners = try tensor(node.inputs[1])
    let dx = result(node.outputs[0], in: layouts.input)
    try append(
      primitive, [(.destinationGradient, dy), (.workspace, winners)],
      results: [(.sourceGradient, node.outputs[0], dx)], node: node)
  }

  /// A pooling of the input as it lies, or in another layout if oneDNN has no code for that one, there or back.
  private mutating func pooling(
    _ kind: PoolingKind, _ node: LoweredNode, _ window: WindowGeometry
  ) throws -> (Primitive, Tensor) {
    let own = try storedTensor(node.inputs[0])
    let shape = shape(node.inputs[0])
    let element = own.layout.element
    let output = try Layout.any(self.shape(node.outputs[0]), element)
    for layout in [own.layout, try Layout.channelsLast(shape, element), try .plain(shape, element)] {
      let forward = try Primitive.pooling(kind, input: layout, output: output, window)
      guard !forward.isReference else { continue }
      let backward = try Primitive.poolingBackward(
        kind, input: layout, output: forward.layout(.destination), window)
      if !backward.isReference { return (forward, try tensor(node.inputs[0], in: layout)) }
    }
    return (try Primitive.pooling(kind, input: own.layout, output: output, window), own)
  }

  mutating func averagePool(_ node: LoweredNode, _ rule: AveragePool) throws {
    let window = try rule.window.geometry(rank: shape(node.inputs[0]).count, layer: node.layer)
    let (primitive, x) = try pooling(.average(countsPadding: rule.countsPadding), node, window)
    let y = result(node.outputs[0], in: primitive.layout(.destination))
    averagePools[PoolKey(layer: node.layer, input: shape(node.inputs[0]))] = (x.layout, y.layout)
    try append(primitive, [(.source, x)], results: [(.destination, node.outputs[0], y)], node: node)
  }

  mutating func averagePoolBackward(_ node: LoweredNode, _ rule: AveragePoolBackward) throws {
    // As in forward: the gradient of a global pool comes row-major from a dense layer, and would spread row-major.
    let layouts = averagePools[PoolKey(layer: node.layer, input: rule.input.dimensions)]
    let dy = try layouts.map { try tensor(node.inputs[0], in: $0.output) } ?? storedTensor(node.inputs[0])
    let window = try rule.forward.window.geometry(rank: rule.input.rank, layer: node.layer)
    let primitive = try Primitive.poolingBackward(
      .average(countsPadding: rule.forward.countsPadding),
      input: layouts?.input ?? .any(rule.input.dimensions, dy.layout.element), output: dy.layout, window)
    let dx = result(node.outputs[0], in: primitive.layout(.sourceGradient))
    try append(
      primitive, [(.destinationGradient, dy)], results: [(.sourceGradient, node.outputs[0], dx)], node: node)
  }
}

extension Compiler {
  mutating func adaptiveAveragePool(_ node: LoweredNode) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let y = result(node.outputs[0], in: try .plain(shape(node.outputs[0])))
    let windows = AdaptiveWindows(input: shape(node.inputs[0]), output: shape(node.outputs[0]))
    try append(
      AdaptiveAveragePoolKernel(windows: windows), [x.storage, y.storage], results: [(node.outputs[0], y)], node: node)
  }

  mutating func adaptiveAveragePoolBackward(_ node: LoweredNode) throws {
    let dy = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let dx = result(node.outputs[0], in: try .plain(shape(node.outputs[0])))
    let windows = AdaptiveWindows(input: shape(node.outputs[0]), output: shape(node.inputs[0]))
    try append(
      AdaptiveAveragePoolBackwardKernel(windows: windows), [dy.storage, dx.storage],
      results: [(node.outputs[0], dx)], node: node)
  }
}

/// What tells the average pools of a graph apart: a layer has one.
struct PoolKey: Hashable {
  let layer: String
  let input: [Int]
}

extension Window {
  /// - Parameter rank: of the input, samples and channels counted.
  func geometry(rank: Int, layer: String) throws -> WindowGeometry {
    let sides = try sides(rank: rank - 2, layer: layer)
    return WindowGeometry(kernel: sides.kernel, stride: sides.stride, padding: sides.padding)
  }
}
