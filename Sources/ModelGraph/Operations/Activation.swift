package import Units

/// The element-wise functions between layers.
package enum ActivationFunction: Hashable, Sendable, Codable {
  /// max(x, 0); derivative y > 0.
  case relu
  /// tanh x; derivative 1 − y².
  case tanh
  /// 1 / (1 + e⁻ˣ); derivative y (1 − y).
  case sigmoid
  /// x where it is positive, else slope · x (Maas et al. 2013).
  case leakyReLU(slope: Double)
  /// x where it is positive, else alpha · (eˣ − 1) (Clevert et al. 2016); derivative 1 or y + alpha.
  case elu(alpha: Double)
  /// x / (1 + e⁻ˣ), also called SiLU (Ramachandran et al. 2017); derivative σ (1 + x (1 − σ)), σ = 1 / (1 + e⁻ˣ).
  case swish
  /// x Φ(x), Φ the normal distribution's cumulative function (Hendrycks & Gimpel 2016).
  case gelu(GELUForm)
  /// 1 where x ≥ 0, else 0 (Rosenblatt 1958); derivative 0.
  case binaryStep

  /// How Φ(x) is computed.
  package enum GELUForm: String, Hashable, Sendable, Codable, CaseIterable {
    /// ½ (1 + erf(x / √2)).
    case erf
    /// ½ (1 + tanh(√(2/π) (x + 0.044715 x³))).
    case tanh
  }

  /// What a function's derivative is computed from.
  package enum Derivative: Hashable, Sendable {
    /// The output alone, so the input need not be kept.
    case fromOutput
    case fromInput
    /// Zero everywhere.
    case zero
  }

  package var derivative: Derivative {
    switch self {
    case .relu, .tanh, .sigmoid, .leakyReLU, .elu: .fromOutput
    case .swish, .gelu: .fromInput
    case .binaryStep: .zero
    }
  }

  /// In tables, and in names that are made from it: letters, digits and `_`.
  package var name: String {
    switch self {
    case .relu: "relu"
    case .tanh: "tanh"
    case .sigmoid: "sigmoid"
    case .leakyReLU: "leaky_relu"
    case .elu: "elu"
    case .swish: "swish"
    case .gelu: "gelu"
    case .binaryStep: "binary_step"
    }
  }

  /// FORMULAS of the planner: 1 and 1 an element for what compares, 8 and 13 for what takes an exponential.
  fileprivate var flops: (forward: Int, backward: Int) {
    switch self {
    case .relu, .leakyReLU, .binaryStep: (1, 1)
    case .tanh, .sigmoid, .elu, .swish, .gelu: (8, 13)
    }
  }

  fileprivate func check(layer: String) throws {
    switch self {
    case .leakyReLU(let slope) where !(slope >= 0 && slope.isFinite):
      throw GraphError(
        .invalidArgument, layer: layer, "a slope of \(slope) is below 0 or no number; use a small one, such as 0.01")
    case .elu(let alpha) where !(alpha > 0 && alpha.isFinite):
      throw GraphError(.invalidArgument, layer: layer, "an alpha of \(alpha) is not above 0; use 1")
    default: break
    }
  }
}

/// y = f(x), element by element.
package struct Activation: OperationRule {
  package let function: ActivationFunction

  package init(_ function: ActivationFunction) { self.function = function }

  package var name: String { function.name.replacing("_", with: " ") }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    try function.check(layer: layer)
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let known: ValueID
    switch function.derivative {
    case .fromOutput: known = node.outputs[0]
    case .fromInput: known = node.inputs[0]
    case .zero: return [nil]
    }
    let back = Operation.activationBackward(ActivationBackward(function))
    return [try graph.append(back, [known, try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(function.flops.forward * outputs[0].shape.elementCount)
  }
}

/// dx = f′ dy, from dy and what the derivative is computed from: y or x.
package struct ActivationBackward: OperationRule {
  package let function: ActivationFunction

  package init(_ function: ActivationFunction) { self.function = function }

  package var name: String { "\(Activation(function).name) backward" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[1]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(function.flops.backward * outputs[0].shape.elementCount)
  }
}
