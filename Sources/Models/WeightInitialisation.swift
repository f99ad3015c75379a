import ModelGraph

/// How the weights of a dense layer or a convolution are drawn.
///
/// Fan in is how many numbers go into one output, fan out how many outputs one number goes into: inputs and outputs of a
/// dense layer, C/G·K… and O/G·K… of a convolution with a kernel of K… from C to O channels in G groups.
package enum WeightInitialisation: Hashable, Codable, Sendable {
  /// uniform(±1/√fan in), and the bias alike: PyTorch's default.
  case uniform
  /// normal(√(2 / fan out)), the bias 0: for layers under ReLU (He et al. 2015, eq. 14), as residual networks use it.
  case heNormal
  /// uniform(±√(6 / (fan in + fan out))), the bias 0: for layers under tanh and sigmoid (Glorot & Bengio 2010, eq. 16).
  case xavierUniform
  /// normal(deviation), the bias 0, whatever the layer's size.
  case normal(deviation: Double)

  /// The deviation of `normal` unless told otherwise (Krizhevsky et al. 2012).
  package static let usualDeviation = 0.01

  func weights(fanIn: Int, fanOut: Int) -> Initialiser {
    switch self {
    case .uniform: .uniform(fanIn: fanIn)
    case .heNormal: .normal(deviation: Float((2 / Double(max(fanOut, 1))).squareRoot()))
    case .xavierUniform: .uniform(bound: Float((6 / Double(max(fanIn + fanOut, 1))).squareRoot()))
    case .normal(let deviation): .normal(deviation: Float(deviation))
    }
  }

  func bias(fanIn: Int) -> Initialiser { self == .uniform ? .uniform(fanIn: fanIn) : .zeros }
}
