package import ModelGraph
import Randomness

extension Graph {
  /// The values of a parameter or statistic before the first step, row-major.
  ///
  /// A function of the seed, the value's position among `stored`, its shape and its initialiser: every rank
  /// draws the same values, and no parameter's values depend on another's.
  /// - Parameter parameter: one of `stored`.
  package func initialParameterValues(_ parameter: ValueID, seed: UInt64) -> [Float] {
    guard let initialiser = self[parameter].initialiser, let position = stored.firstIndex(of: parameter) else {
      preconditionFailure("value \(parameter.index), \(self[parameter].name), is not kept by this graph")
    }
    let count = self[parameter].type.shape.elementCount
    var stream = RandomStream(seed: seed, purpose: .initialisation, stream: UInt64(position))
    switch initialiser {
    case .zeros:
      return [Float](repeating: 0, count: count)
    case .constant(let value):
      return [Float](repeating: value, count: count)
    case .uniform(let bound):
      guard bound > 0 else { return [Float](repeating: 0, count: count) }
      return (0..<count).map { _ in stream.uniform(in: -bound..<bound) }
    case .normal(let deviation):
      return (0..<count).map { _ in Float(stream.normal() * Double(deviation)) }
    }
  }
}
