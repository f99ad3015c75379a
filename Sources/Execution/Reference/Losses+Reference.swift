import Foundation
package import ModelGraph

extension SoftmaxCrossEntropy: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let rows = rows(of: inputs[0])
    let labels = try classes(inputs[1], of: inputs[0].shape.dimensions.last ?? 0, layer: context.layer)
    var loss = 0.0
    for (row, label) in zip(rows, labels) {
      guard let label else { continue }
      let largest = row.max() ?? 0
      let logarithm = largest + log(row.reduce(0) { $0 + exp($1 - largest) })
      loss += zip(row, shares(of: label, classes: row.count)).reduce(0) { $0 + $1.1 * (logarithm - $1.0) }
    }
    return [[loss / Double(divisor)], rows.flatMap(softmax)]
  }

  /// w q: what the logarithm of each probability counts.
  fileprivate func shares(of label: Int, classes: Int) -> [Double] {
    (0..<classes).map { index in
      (weights.isEmpty ? 1 : weights[index]) * ((index == label ? 1 - smoothing : 0) + smoothing / Double(classes))
    }
  }
}

extension SoftmaxCrossEntropyBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let labels = try classes(inputs[1], of: inputs[0].shape.dimensions.last ?? 0, layer: context.layer)
    return [
      zip(rows(of: inputs[0]), labels).flatMap { probabilities, label -> [Double] in
        guard let label else { return probabilities.map { _ in 0 } }
        let shares = forward.shares(of: label, classes: probabilities.count)
        let sum = shares.reduce(0, +)
        return zip(probabilities, shares).map { ($0 * sum - $1) / Double(forward.divisor) }
      }
    ]
  }
}

extension ElementLossFunction {
  /// f(x, t) and ∂f/∂x, of the element at `index` of a tensor with `width` outputs.
  package func value(_ x: Double, _ t: Double, index: Int, width: Int) -> (loss: Double, slope: Double) {
    let distance = x - t
    switch self {
    case .squaredError: return (distance * distance, 2 * distance)
    case .absoluteError: return (abs(distance), distance > 0 ? 1 : distance < 0 ? -1 : 0)
    case .huber(let delta):
      guard abs(distance) > delta else { return (distance * distance / 2, distance) }
      return (delta * (abs(distance) - delta / 2), distance > 0 ? delta : -delta)
    case .binaryCrossEntropy(let weights):
      guard t >= 0 else { return (0, 0) }
      let isByAnswer = weights.count == 2 && width == 1
      let weight = weights.isEmpty || isByAnswer ? 1 : weights[index % width]
      let (no, yes) = isByAnswer ? (weights[0], weights[1]) : (weight, weight)
      let tail = log1p(exp(-abs(x)))
      let sigma = 1 / (1 + exp(-x))
      return (
        yes * t * (max(-x, 0) + tail) + no * (1 - t) * (max(x, 0) + tail),
        no * (1 - t) * sigma - yes * t * (1 - sigma)
      )
    }
  }

  fileprivate func values(_ inputs: [ReferenceTensor]) -> [(loss: Double, slope: Double)] {
    let width = inputs[0].shape.dimensions.last ?? 1
    return zip(inputs[0].elements, inputs[1].elements).enumerated().map {
      value($0.element.0, $0.element.1, index: $0.offset, width: width)
    }
  }
}

extension ElementLoss: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [[function.values(inputs).reduce(0) { $0 + $1.loss } / Double(divisor)]]
  }
}

extension ElementLossBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [function.values(inputs).map { $0.slope / Double(divisor) }]
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
