import ModelGraph
import Models

/// The element-wise functions by their names in YAML: layers, and values of a layer's `activation`.
enum ActivationName: String, CaseIterable {
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
    guard let entry = entry("activation") else { return nil }
    let names = ActivationName.allCases.map(\.rawValue)
    var word = entry.value
    var settings: YAMLNode?
    if case .mapping(let pairs) = entry.value.content, pairs.count == 1 {
      (word, settings) = (pairs[0].key, pairs[0].value)
    }
    let read = value(
      "activation", .required(example: "relu"), expected: "one of \(names.joined(separator: ", "))",
      advice: Self.advice(for: word.text, among: names)
    ) { _ in word.text.flatMap(ActivationName.init) }
    guard let name = read else { return nil }
    guard let pairs = pairs(of: name, settings) else {
      report(
        settings?.place ?? entry.keyPlace,
        "the settings of '\(name.rawValue)' in \(label) must be a mapping, not \(settings?.description ?? "nothing"); "
          + "write 'activation: \(name.rawValue)' for the defaults")
      return nil
    }
    var reader = MappingReader(
      pairs, path: pathOf("activation"), label: "\(name.rawValue) in \(label)", place: entry.keyPlace,
      findings: findings)
    let function = name.function(&reader)
    reader.finish()
    return function
  }

  private func pairs(of name: ActivationName, _ settings: YAMLNode?) -> [YAMLNode.Pair]? {
    guard let settings, !settings.isNull else { return [] }
    if case .mapping(let pairs) = settings.content { return pairs }
    guard case .scalar = settings.content, let key = name.mainSetting else { return nil }
    return [.init(key: YAMLNode(content: .scalar(key, isQuoted: false), place: settings.place), value: settings)]
  }

  private static func advice(for word: String?, among names: [String]) -> String {
    if let word, let kind = LayerKind(rawValue: word), ActivationName(rawValue: word) == nil {
      return "'\(word)' is a layer of its own; write '\(kind.example)' behind this one"
    }
    return word.flatMap { NearMiss.nearest(to: $0, among: names) }.map { "did you mean '\($0)'?" }
      ?? "use one of \(names.joined(separator: ", "))"
  }
}
