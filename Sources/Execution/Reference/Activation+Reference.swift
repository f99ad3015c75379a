import Foundation
import ModelGraph

extension Activation: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [
      inputs[0].elements.map { x in
        switch function {
        case .relu: x > 0 || x.isNaN ? x : 0
        case .tanh: tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        }
      }
    ]
  }
}

extension ActivationBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [
      zip(inputs[0].elements, inputs[1].elements).map { y, dy in
        switch function {
        case .relu: y > 0 ? dy : 0
        case .tanh: (1 - y * y) * dy
        case .sigmoid: y * (1 - y) * dy
        }
      }
    ]
  }
}

extension Softmax: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [rows(of: inputs[0]).flatMap(softmax)]
  }
}

extension SoftmaxBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [
      zip(rows(of: inputs[0]), rows(of: inputs[1])).flatMap { y, dy in
        let sum = zip(y, dy).reduce(0) { $0 + $1.0 * $1.1 }
        return zip(y, dy).map { $0 * ($1 - sum) }
      }
    ]
  }
}

/// eˣ / Σ eˣ of one row; the largest x is taken off first, so that nothing overflows.
func softmax(_ row: ArraySlice<Double>) -> [Double] {
  let largest = row.max() ?? 0
  let powers = row.map { exp($0 - largest) }
  let sum = powers.reduce(0, +)
  return powers.map { $0 / sum }
}

/// The runs along the last dimension.
func rows(of tensor: ReferenceTensor) -> [ArraySlice<Double>] {
  let width = tensor.shape.dimensions.last ?? 1
  guard width > 0 else { return [] }
  return stride(from: 0, to: tensor.elements.count, by: width).map { tensor.elements[$0..<($0 + width)] }
}
