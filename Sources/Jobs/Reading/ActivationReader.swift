import ModelGraph
import Models

/// The element-wise functions by their names in YAML: layers, and values of a layer's `activation`.
enum ActivationName: String, SettingsName {
  case linear, relu, tanh, sigmoid
  case leakyReLU = "leaky_relu"
  case elu, swish, gelu
  case binaryStep = "binary_step"

  /// The setting that may be written for all: `leaky_relu: 0.2`.
  var mainSetting: String? {
    switch self {
    case .leakyReLU: "slope"
    case .elu: "alpha"
    case .gelu: "form"
    case .linear, .relu, .tanh, .sigmoid, .swish, .binaryStep: nil
    }
  }

  /// The function; nil for the linear one, which does nothing, and after a problem was reported.
  func function(_ reader: inout MappingReader) -> ActivationFunction? {
    switch self {
    case .linear: nil
    case .relu: .relu
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .leakyReLU: reader.number("slope", .notNegative, .otherwise(0.01)).map { .leakyReLU(slope: $0) }
    case .elu: reader.number("alpha", .positive, .otherwise(1)).map { .elu(alpha: $0) }
    case .swish: .swish
    case .gelu: reader.choice("form", .otherwise(ActivationFunction.GELUForm.erf)).map { .gelu($0) }
    case .binaryStep: .binaryStep
    }
  }

  init(_ function: ActivationFunction) {
    switch function {
    case .relu: self = .relu
    case .tanh: self = .tanh
    case .sigmoid: self = .sigmoid
    case .leakyReLU: self = .leakyReLU
    case .elu: self = .elu
    case .swish: self = .swish
    case .gelu: self = .gelu
    case .binaryStep: self = .binaryStep
    }
  }
}

extension ActivationFunction {
  /// The settings as a job file has them.
  var settings: [(String, String)] {
    switch self {
    case .leakyReLU(let slope): [("slope", "\(slope)")]
    case .elu(let alpha): [("alpha", "\(alpha)")]
    case .gelu(let form): [("form", form.rawValue)]
    case .relu, .tanh, .sigmoid, .swish, .binaryStep: []
    }
  }
}

extension MappingReader {
  /// The activation of a layer: a word, or a mapping of one key as in `{leaky_relu: {slope: 0.2}}`; nil if there is none.
  mutating func activation() -> ActivationFunction? {
    named("activation", example: "relu") { (name: ActivationName, reader) in name.function(&reader) }
  }
}
