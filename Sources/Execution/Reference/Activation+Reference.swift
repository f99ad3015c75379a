import Foundation
import ModelGraph

extension ActivationFunction {
  /// f(x).
  fileprivate func value(_ x: Double) -> Double {
    switch self {
    case .relu: x > 0 || x.isNaN ? x : 0
    case .tanh: Foundation.tanh(x)
    case .sigmoid: logistic(x)
    case .leakyReLU(let slope): x > 0 ? x : slope * x
    case .elu(let alpha): x > 0 ? x : alpha * expm1(x)
    case .swish: x * logistic(x)
    case .gelu(.erf): x * 0.5 * erfc(-x * 0.5.squareRoot())
    case .gelu(.tanh): x * 0.5 * (1 + Foundation.tanh(Self.inner(x)))
    case .binaryStep: x >= 0 ? 1 : (x < 0 ? 0 : x)
    }
  }

  /// f′, from the output or the input, whichever `derivative` says.
  fileprivate func slope(_ known: Double) -> Double {
    switch self {
    case .relu: return known > 0 ? 1 : 0
    case .tanh: return 1 - known * known
    case .sigmoid: return known * (1 - known)
    case .leakyReLU(let slope): return known > 0 ? 1 : slope
    case .elu(let alpha): return known > 0 ? 1 : known + alpha
    case .swish:
      let sigma = logistic(known)
      return sigma * (1 + known * (1 - sigma))
    case .gelu(.erf):
      return 0.5 * erfc(-known * 0.5.squareRoot()) + known * exp(-known * known / 2) / (2 * Double.pi).squareRoot()
    case .gelu(.tanh):
      let t = Foundation.tanh(Self.inner(known))
      let innerSlope = (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * known * known)
      return 0.5 * (1 + t) + 0.5 * known * (1 - t * t) * innerSlope
    case .binaryStep: return 0
    }
  }

  /// What the tanh form of GELU takes the tanh of.
  private static func inner(_ x: Double) -> Double { (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x) }
}

private func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

extension Activation: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [inputs[0].elements.map(function.value)]
  }
}

extension ActivationBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [zip(inputs[0].elements, inputs[1].elements).map { function.slope($0) * $1 }]
  }
}

extension PReLU: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let slopes = inputs[1].elements
    return [
      inputs[0].elements.enumerated().map { index, x in
        x > 0 ? x : x * slopes[inputs[0].channel(index) % slopes.count]
      }
    ]
  }
}

extension PReLUBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, slopes, dy) = (inputs[0].elements, inputs[1].elements, inputs[2].elements)
    var dx = dy
    var gradient = slopes.map { _ in 0.0 }
    for index in x.indices where x[index] < 0 {
      let slope = inputs[0].channel(index) % slopes.count
      dx[index] = dy[index] * slopes[slope]
      gradient[slope] += dy[index] * x[index]
    }
    return [dx, gradient]
  }
}

extension ReferenceTensor {
  /// Position along dimension 1 of an element of [N, C, …]; 0 if there is no such dimension.
  func channel(_ index: Int) -> Int {
    shape.rank < 2 ? 0 : index / shape.dimensions.dropFirst(2).reduce(1, *) % shape[1]
  }
}

extension Maxout: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let outputs = (inputs[0].shape.dimensions.last ?? 1) / pieces
    let winners = rows(of: inputs[0]).map { row in
      (0..<outputs).map { output in
        let candidates = (0..<pieces).map { row[row.startIndex + $0 * outputs + output] }
        let best = candidates.max() ?? 0
        return (value: best, piece: candidates.firstIndex(of: best) ?? 0)
      }
    }
    return [winners.flatMap { $0.map(\.value) }, winners.flatMap { $0.map { Double($0.piece) } }]
  }
}

extension MaxoutBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [
      zip(rows(of: inputs[0]), rows(of: inputs[1])).flatMap { dy, winners in
        (0..<pieces).flatMap { piece in zip(dy, winners).map { Double(piece) == $1 ? $0 : 0 } }
      }
    ]
  }
}

extension Zeros: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    [Array(repeating: 0, count: shape.elementCount)]
  }
}
