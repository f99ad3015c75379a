import Kernels
import ModelGraph

// Shapes: N samples, I inputs, O outputs.

extension Dense: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, weights) = (inputs[0], inputs[1])
    let (samples, features, outputs) = (x.shape[0], x.shape[1], weights.shape[0])
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
        dy.elements, .asWritten, weights.elements, .asWritten, rows: dy.shape[0], columns: weights.shape[1],
        inner: dy.shape[1])
    ]
  }
}

extension DenseBackwardWeights: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, dy) = (inputs[0], inputs[1])
    let outputs = dy.shape[1]
    let weights = product(
      dy.elements, .transposed, x.elements, .asWritten, rows: outputs, columns: x.shape[1], inner: x.shape[0])
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
