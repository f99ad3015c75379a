import Kernels
import ModelGraph

extension Compiler {
  mutating func crossEntropy(_ node: LoweredNode, _ rule: SoftmaxCrossEntropy) throws {
    let logits = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let labels = try tensor(node.inputs[1])
    let loss = try lossResult(node.outputs[0])
    let probabilities = result(node.outputs[1], in: logits.layout)
    try append(
      CrossEntropyKernel(crossEntropyShape(node.inputs[0], rule.divisor, rule.smoothing)),
      [logits.storage, labels.storage, loss.storage, probabilities.storage],
      results: [(node.outputs[0], loss), (node.outputs[1], probabilities)], node: node)
  }

  mutating func crossEntropyBackward(_ node: LoweredNode, _ rule: SoftmaxCrossEntropyBackward) throws {
    let probabilities = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let labels = try tensor(node.inputs[1])
    let gradient = result(node.outputs[0], in: probabilities.layout)
    mayTakeOver(gradient, probabilities)
    try append(
      CrossEntropyBackwardKernel(crossEntropyShape(node.inputs[0], rule.divisor, rule.smoothing)),
      [probabilities.storage, labels.storage, gradient.storage], results: [(node.outputs[0], gradient)], node: node)
  }

  mutating func squaredError(_ node: LoweredNode, divisor: Int) throws {
    let prediction = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let target = try tensor(node.inputs[1], in: .plain(shape(node.inputs[1])))
    let loss = try lossResult(node.outputs[0])
    try append(
      SquaredErrorKernel(count: lowered.types[node.inputs[0].index].shape.elementCount, divisor: divisor),
      [prediction.storage, target.storage, loss.storage], results: [(node.outputs[0], loss)], node: node)
  }

  mutating func squaredErrorBackward(_ node: LoweredNode, divisor: Int) throws {
    let prediction = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let target = try tensor(node.inputs[1], in: .plain(shape(node.inputs[1])))
    let gradient = result(node.outputs[0], in: prediction.layout)
    try append(
      SquaredErrorBackwardKernel(count: lowered.types[node.inputs[0].index].shape.elementCount, divisor: divisor),
      [prediction.storage, target.storage, gradient.storage], results: [(node.outputs[0], gradient)], node: node)
  }

  private func crossEntropyShape(_ logits: ValueID, _ divisor: Int, _ smoothing: Double) -> CrossEntropyShape {
    let sizes = shape(logits)
    return CrossEntropyShape(
      samples: sizes.dropLast().reduce(1, *), classes: sizes[sizes.count - 1], divisor: divisor,
      smoothing: Float(smoothing))
  }

  /// The training loss lies behind the gradients, to be summed over shards with them.
  private mutating func lossResult(_ value: ValueID) throws -> Tensor {
    let layout = try Layout.plain([])
    let isTraining = lowered.graph.outputs["loss"] == value && !lowered.graph.parameterGradients.isEmpty
    return isTraining ? Tensor(layout: layout, storage: .loss) : result(value, in: layout)
  }
}
