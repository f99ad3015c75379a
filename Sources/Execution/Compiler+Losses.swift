import Kernels
import ModelGraph

extension Compiler {
  mutating func crossEntropy(_ node: LoweredNode, _ rule: SoftmaxCrossEntropy) throws {
    let logits = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let labels = try tensor(node.inputs[1])
    let loss = result(node.outputs[0], in: try .plain([]))
    let probabilities = result(node.outputs[1], in: logits.layout)
    try append(
      CrossEntropyKernel(crossEntropyShape(node.inputs[0], rule)),
      [logits.storage, labels.storage, loss.storage, probabilities.storage],
      results: [(node.outputs[0], loss), (node.outputs[1], probabilities)], node: node)
  }

  mutating func crossEntropyBackward(_ node: LoweredNode, _ rule: SoftmaxCrossEntropyBackward) throws {
    let probabilities = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let labels = try tensor(node.inputs[1])
    let gradient = result(node.outputs[0], in: probabilities.layout)
    mayTakeOver(gradient, probabilities)
    try append(
      CrossEntropyBackwardKernel(crossEntropyShape(node.inputs[0], rule.forward)),
      [probabilities.storage, labels.storage, gradient.storage], results: [(node.outputs[0], gradient)], node: node)
  }

  mutating func elementLoss(_ node: LoweredNode, _ rule: ElementLoss) throws {
    let prediction = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let target = try tensor(node.inputs[1], in: .plain(shape(node.inputs[1])))
    let loss = result(node.outputs[0], in: try .plain([]))
    try append(
      ElementLossKernel(function: rule.function, divisor: rule.divisor, rows: elementRows(node.inputs[0])),
      [prediction.storage, target.storage, loss.storage], results: [(node.outputs[0], loss)], node: node)
  }

  mutating func elementLossBackward(_ node: LoweredNode, _ rule: ElementLossBackward) throws {
    let prediction = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let target = try tensor(node.inputs[1], in: .plain(shape(node.inputs[1])))
    let gradient = result(node.outputs[0], in: prediction.layout)
    try append(
      ElementLossBackwardKernel(function: rule.function, divisor: rule.divisor, rows: elementRows(node.inputs[0])),
      [prediction.storage, target.storage, gradient.storage], results: [(node.outputs[0], gradient)], node: node)
  }

  private func elementRows(_ value: ValueID) -> (count: Int, width: Int) {
    let width = shape(value).last ?? 1
    return (lowered.types[value.index].shape.elementCount / max(width, 1), width)
  }

  private func crossEntropyShape(_ logits: ValueID, _ rule: SoftmaxCrossEntropy) -> CrossEntropyShape {
    let shape = lowered.types[logits.index].shape
    let classes = shape[shape.rank - 1]
    return CrossEntropyShape(
      samples: shape.elementCount / max(classes, 1), classes: classes, divisor: rule.divisor,
      smoothing: Float(rule.smoothing), weights: rule.weights.map { Float($0) })
  }
}
