import Kernels
import ModelGraph

/// Samples, classes and what the sum is divided by.
struct CrossEntropyShape {
  let samples: Int
  let classes: Int
  let divisor: Int
}

extension Compiler {
  mutating func crossEntropy(_ node: LoweredNode, divisor: Int) throws {
    let logits = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let labels = try tensor(node.inputs[1])
    let loss = try lossResult(node.outputs[0])
    let probabilities = result(node.outputs[1], in: logits.layout)
    try append(
      .crossEntropy(
        logits: logits.storage, labels: labels.storage, loss: loss.storage, probabilities: probabilities.storage,
        crossEntropyShape(node.inputs[0], divisor)),
      uses: [logits.storage, labels.storage, loss.storage, probabilities.storage],
      results: [(node.outputs[0], loss), (node.outputs[1], probabilities)], node: node)
  }

  mutating func crossEntropyBackward(_ node: LoweredNode, divisor: Int) throws {
    let probabilities = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let labels = try tensor(node.inputs[1])
    let gradient = result(node.outputs[0], in: probabilities.layout)
    mayTakeOver(gradient, probabilities)
    try append(
      .crossEntropyBackward(
        probabilities: probabilities.storage, labels: labels.storage, gradient: gradient.storage,
        crossEntropyShape(node.inputs[0], divisor)),
      uses: [probabilities.storage, labels.storage, gradient.storage], results: [(node.outputs[0], gradient)],
      node: node)
  }

  mutating func squaredError(_ node: LoweredNode, divisor: Int) throws {
    let prediction = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let target = try tensor(node.inputs[1], in: .plain(shape(node.inputs[1])))
    let loss = try lossResult(node.outputs[0])
    try append(
      .squaredError(
        prediction: prediction.storage, target: target.storage, loss: loss.storage,
        count: lowered.types[node.inputs[0].index].shape.elementCount, divisor: divisor),
      uses: [prediction.storage, target.storage, loss.storage], results: [(node.outputs[0], loss)], node: node)
  }

  mutating func squaredErrorBackward(_ node: LoweredNode, divisor: Int) throws {
    let prediction = try tensor(node.inputs[0], in: .plain(shape(node.inputs[0])))
    let target = try tensor(node.inputs[1], in: .plain(shape(node.inputs[1])))
    let gradient = result(node.outputs[0], in: prediction.layout)
    try append(
      .squaredErrorBackward(
        prediction: prediction.storage, target: target.storage, gradient: gradient.storage,
        count: lowered.types[node.inputs[0].index].shape.elementCount, divisor: divisor),
      uses: [prediction.storage, target.storage, gradient.storage], results: [(node.outputs[0], gradient)],
      node: node)
  }

  private func crossEntropyShape(_ logits: ValueID, _ divisor: Int) -> CrossEntropyShape {
    CrossEntropyShape(samples: shape(logits)[0], classes: shape(logits)[1], divisor: divisor)
  }

  /// The training loss lies behind the gradients, to be summed over shards with them.
  private mutating func lossResult(_ value: ValueID) throws -> Tensor {
    let layout = try Layout.plain([])
    let isTraining = lowered.graph.outputs["loss"] == value && !lowered.graph.parameterGradients.isEmpty
    return isTraining ? Tensor(layout: layout, storage: .loss) : result(value, in: layout)
  }
}
