import ModelGraph

extension Embedding: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let table = inputs[1]
    let width = table.shape[1]
    let rows = try tokens(inputs[0], of: table.shape[0], layer: context.layer)
    return [rows.flatMap { table.elements[$0 * width..<($0 + 1) * width] }]
  }
}

extension EmbeddingBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let width = inputs[1].shape[inputs[1].shape.rank - 1]
    var table = Array(repeating: 0.0, count: vocabulary * width)
    for (place, row) in try tokens(inputs[0], of: vocabulary, layer: context.layer).enumerated() {
      for j in 0..<width { table[row * width + j] += inputs[1].elements[place * width + j] }
    }
    return [table]
  }
}

/// The row of the table for each token.
/// - Throws: `ReferenceError` with `.badToken`.
private func tokens(_ ids: ReferenceTensor, of count: Int, layer: String) throws -> [Int] {
  try ids.elements.enumerated().map { place, element in
    guard let token = Int(exactly: element), (0..<count).contains(token) else {
      throw ReferenceError(
        .badToken, layer, "token \(element) at place \(place); tokens are whole numbers from 0 to \(count - 1)")
    }
    return token
  }
}

extension Repeat: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let width = inputs[0].elements.count / inputs[0].shape[0]
    return [
      (0..<inputs[0].shape[0] * count).flatMap {
        inputs[0].elements[$0 / count * width..<($0 / count + 1) * width]
      }
    ]
  }
}

extension RepeatBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (samples, steps) = (inputs[0].shape[0], inputs[0].shape[1])
    let width = inputs[0].elements.count / (samples * steps)
    return [
      (0..<samples * width).map { index in
        (0..<steps).reduce(0) { $0 + inputs[0].elements[(index / width * steps + $1) * width + index % width] }
      }
    ]
  }
}
