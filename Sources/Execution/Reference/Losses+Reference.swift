import Foundation
import ModelGraph

extension SoftmaxCrossEntropy: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let rows = rows(of: inputs[0])
    let labels = try classes(inputs[1], of: inputs[0].shape.dimensions.last ?? 0, layer: context.layer)
    var loss = 0.0
    for (row, label) in zip(rows, labels) {
      guard let label else { continue }
      let largest = row.max() ?? 0
      let logarithm = largest + log(row.reduce(0) { $0 + exp($1 - largest) })
      let mean = row.reduce(0, +) / Double(row.count)
      loss += logarithm - (1 - smoothing) * row[row.startIndex + label] - smoothing * mean
    }
    return [[loss / Double(divisor)], rows.flatMap(softmax)]
  }
}

extension SoftmaxCrossEntropyBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let labels = try classes(inputs[1], of: inputs[0].shape.dimensions.last ?? 0, layer: context.layer)
    return [
      zip(rows(of: inputs[0]), labels).flatMap { probabilities, label in
        probabilities.enumerated().map { index, probability in
          guard let label else { return 0 }
          let share = smoothing / Double(probabilities.count)
          return (probability - (index == label ? 1 - smoothing : 0) - share) / Double(divisor)
        }
      }
    ]
  }
}

extension MeanSquaredError: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let sum = zip(inputs[0].elements, inputs[1].elements).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return [[sum / Double(divisor)]]
  }
}

extension MeanSquaredErrorBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [zip(inputs[0].elements, inputs[1].elements).map { 2 * ($0 - $1) / Double(divisor) }]
  }
}

/// The class of each sample; nil where the label is negative and the sample is left out.
/// - Throws: `ReferenceError` with `.badLabel`.
private func classes(_ labels: ReferenceTensor, of count: Int, layer: String) throws -> [Int?] {
  try labels.elements.enumerated().map { sample, element in
    guard let label = Int(exactly: element), label < count else {
      throw ReferenceError(
        .badLabel, layer, "sample \(sample) has label \(element); labels are whole numbers below \(count)")
    }
    return label < 0 ? nil : label
  }
}
