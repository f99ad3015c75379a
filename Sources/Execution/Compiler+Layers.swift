import Kernels
import ModelGraph

extension Compiler {
  /// The layout of the parameter whose gradient `value` is.
  func gradientLayout(_ value: ValueID) -> Layout? {
    lowered.graph.parameterGradients.first { $0.gradient == value }
      .flatMap { parameterIndex[$0.parameter] }
      .flatMap { parameterLayouts[$0] }
  }

  /// Row-major data need not move: the result is the same buffer under another shape.
  mutating func reshape(_ node: LoweredNode) throws {
    let x = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let y = Tensor(layout: try .plain(shape(node.outputs[0])), storage: x.storage)
    try record(node.outputs[0], y, layer: node.layer)
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
