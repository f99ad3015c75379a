import Foundation
import ModelGraph

extension Softmax: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let x = inputs[0]
    let index = try x.shape.index(of: dimension, layer: context.layer)
    return [
      x.mapLines(along: index) { line in
        guard isLogarithm else { return softmax(line[...]) }
        let largest = line.max() ?? 0
        let logarithm = largest + log(line.reduce(0) { $0 + exp($1 - largest) })
        return line.map { $0 - logarithm }
      }
    ]
  }
}

extension SoftmaxBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (y, dy) = (inputs[0], inputs[1])
    let index = try y.shape.index(of: dimension, layer: context.layer)
    let terms = ReferenceTensor(
      shape: y.shape, elements: zip(y.elements, dy.elements).map { isLogarithm ? $1 : $0 * $1 })
    let sums = terms.mapLines(along: index) { line in
      let sum = line.reduce(0, +)
      return line.map { _ in sum }
    }
    return [
      dy.elements.indices.map { element in
        let (y, dy) = (y.elements[element], dy.elements[element])
        return isLogarithm ? dy - exp(y) * sums[element] : y * (dy - sums[element])
      }
    ]
  }
}

extension ReferenceTensor {
  /// Every line along one dimension replaced by what `transform` makes of it, of the same length.
  func mapLines(along dimension: Int, _ transform: ([Double]) -> [Double]) -> [Double] {
    let cut = DimensionCut(shape, at: dimension..<dimension + 1)
    var result = elements
    for outer in 0..<cut.outer {
      for inner in 0..<cut.inner {
        let places = (0..<cut.count).map { (outer * cut.count + $0) * cut.inner + inner }
        for (place, value) in zip(places, transform(places.map { elements[$0] })) { result[place] = value }
      }
    }
    return result
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
