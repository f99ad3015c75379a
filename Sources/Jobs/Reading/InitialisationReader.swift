import Models

/// How weights are drawn, by the names in YAML: values of a layer's `init`.
enum InitialisationName: String, SettingsName {
  case uniform
  case heNormal = "he_normal"
  case xavierUniform = "xavier_uniform"
  case normal

  var mainSetting: String? { self == .normal ? "deviation" : nil }

  init(_ initialisation: WeightInitialisation) {
    switch initialisation {
    case .uniform: self = .uniform
    case .heNormal: self = .heNormal
    case .xavierUniform: self = .xavierUniform
    case .normal: self = .normal
    }
  }
}

extension WeightInitialisation {
  /// The settings as a job file has them.
  var settings: [(String, String)] {
    if case .normal(let deviation) = self { [("deviation", "\(deviation)")] } else { [] }
  }
}

extension MappingReader {
  /// The `init` of a layer: a word, or a mapping of one key as in `{normal: 0.02}`; nil if it was reported.
  mutating func initialisation() -> WeightInitialisation? {
    guard has("init") else { return .uniform }
    return named("init", example: "he_normal") { (name: InitialisationName, reader) in
      switch name {
      case .uniform: .uniform
      case .heNormal: .heNormal
      case .xavierUniform: .xavierUniform
      case .normal:
        reader.number("deviation", .positive, .otherwise(WeightInitialisation.usualDeviation)).map {
          .normal(deviation: $0)
        }
      }
    }
  }
}
