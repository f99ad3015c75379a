import Kernels
import ModelGraph

extension Compiler {
  /// The layout of the parameter whose gradient `value` is.
  func gradientLayout(_ value: ValueID) -> Layout? {
    lowered.graph.parameterGradients.first { $0.gradient == value }
      .flatMap { pair in lowered.graph.parameters.firstIndex(of: pair.parameter) }
      .flatMap { parameterLayouts[$0] }
  }

  /// Row-major data need not move: the result is the same buffer under another shape.
  mutating func reshape(_ node: LoweredNode) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let y = Tensor(layout: try .plain(shape(node.outputs[0])), storage: x.storage)
    try record(node.outputs[0], y, layer: node.layer)
  }

  mutating func add(_ node: LoweredNode) throws {
    let a = try storedTensor(node.inputs[0])
    let b = try tensor(node.inputs[1], in: a.layout)
    let sum = result(node.outputs[0], in: a.layout)
    mayTakeOver(sum, a)
    try append(
      Primitive.add(a.layout), [(.source, a), (.source2, b)], results: [(.destination, node.outputs[0], sum)],
      node: node)
  }

  mutating func activation(_ node: LoweredNode, _ function: ActivationFunction) throws {
    let x = try storedTensor(node.inputs[0])
    let y = result(node.outputs[0], in: x.layout)
    mayTakeOver(y, x)
    try append(
      Primitive.activation(PostActivation(function), x.layout), [(.source, x)],
      results: [(.destination, node.outputs[0], y)], node: node)
  }

  mutating func activationBackward(_ node: LoweredNode, _ function: ActivationFunction) throws {
    let dy = try storedTensor(node.inputs[1])
    let y = try tensor(node.inputs[0], in: dy.layout)
    let dx = result(node.outputs[0], in: dy.layout)
    mayTakeOver(dx, dy)
    try append(
      Primitive.activationBackward(PostActivation(function), dy.layout),
      [(.destination, y), (.destinationGradient, dy)], results: [(.sourceGradient, node.outputs[0], dx)], node: node)
  }

  mutating func softmax(_ node: LoweredNode) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let y = result(node.outputs[0], in: x.layout)
    try append(
      Primitive.softmax(x.layout), [(.source, x)], results: [(.destination, node.outputs[0], y)], node: node)
  }

  mutating func softmaxBackward(_ node: LoweredNode) throws {
    let y = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let dy = try tensor(node.inputs[1], in: y.layout)
    let dx = result(node.outputs[0], in: y.layout)
    try append(
      Primitive.softmaxBackward(y.layout), [(.destination, y), (.destinationGradient, dy)],
      results: [(.sourceGradient, node.outputs[0], dx)], node: node)
  }

  /// Masks are keyed by position in a sample, so dropout works on row-major data.
  mutating func dropout(_ node: LoweredNode, _ rule: Dropout) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let y = result(node.outputs[0], in: x.layout)
    mayTakeOver(y, x)
    let samples = shape(node.inputs[0])[0]
    let elements = lowered.types[node.inputs[0].index].shape.elementCount / samples
    try append(
      DropoutKernel(rule: rule, samples: samples, elementsPerSample: elements), [x.storage, y.storage],
      results: [(node.outputs[0], y)], node: node)
  }
}
