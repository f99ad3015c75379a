import Kernels
import ModelGraph

// Shapes: N positions (samples, and what lies between samples and features), I inputs, O outputs.

extension Dense: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, weights) = (inputs[0], inputs[1])
    let (features, outputs) = (weights.shape[1], weights.shape[0])
    let samples = x.elements.count / features
    var y = product(
      x.elements, .asWritten, weights.elements, .transposed, rows: samples, columns: outputs, inner: features)
    if hasBias {
      for index in y.indices { y[index] += inputs[2].elements[index % outputs] }
    }
    return [y]
  }
}

extension DenseBackwardInput: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (dy, weights) = (inputs[0], inputs[1])
    return [
      product(
        dy.elements, .asWritten, weights.elements, .asWritten, rows: dy.elements.count / weights.shape[0],
        columns: weights.shape[1], inner: weights.shape[0])
    ]
  }
}

extension DenseBackwardWeights: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, dy) = (inputs[0], inputs[1])
    let (features, outputs) = (x.shape[x.shape.rank - 1], dy.shape[dy.shape.rank - 1])
    let weights = product(
      dy.elements, .transposed, x.elements, .asWritten, rows: outputs, columns: features,
      inner: dy.elements.count / outputs)
    guard hasBias else { return [weights] }
    var bias = Array(repeating: 0.0, count: outputs)
    for (index, gradient) in dy.elements.enumerated() { bias[index % outputs] += gradient }
    return [weights, bias]
  }
}

private func product(
  _ left: [Double], _ leftLayout: DoubleMatrix.Layout, _ right: [Double], _ rightLayout: DoubleMatrix.Layout,
  rows: Int, columns: Int, inner: Int
) -> [Double] {
  var result = Array(repeating: 0.0, count: rows * columns)
  var span = result.mutableSpan
  DoubleMatrix.multiply(
    left.span, leftLayout, right.span, rightLayout, rows: rows, columns: columns, inner: inner, into: &span)
  return result
}
