import ModelGraph
import Models

extension Job {
  /// The job as a job file, every default written out; reading it gives an equal job.
  package func yaml() -> String {
    var lines = ["apus: \(formatVersion.number)", "name: \(quoted(name))", "seed: \(seed)", "data:"]
    lines += data.lines.map { "  \($0)" }
    lines += ["model:"] + modelLines
    lines += ["training:"] + training.lines.map { "  \($0.0): \($0.1)" }
    lines.append("checkpoint:")
    if let steps = checkpoint.everySteps { lines.append("  every_steps: \(steps)") }
    lines += ["  every_epochs: \(checkpoint.everyEpochs)", "  keep: \(checkpoint.keep)"]
    return lines.joined(separator: "\n") + "\n"
  }

  private var modelLines: [String] {
    switch model {
    case .zoo(let entry): ["  zoo: \(entry.rawValue)"]
    case .transformer(let transformer): ["  transformer:"] + transformer.lines.map { "    \($0)" }
    case .layers(let layers): ["  layers:"] + layers.named().map { "    - \($0.yaml)" }
    }
  }
}

extension LayerSpecification {
  fileprivate var yaml: String {
    var pairs = [("name", quoted(name))]
    if let from { pairs.append(("from", quoted(from))) }
    let kindName: LayerKind
    switch kind {
    case .dense(let outputs, let hasBias, let activation, let initialisation):
      kindName = .dense
      pairs += [("outputs", "\(outputs)"), ("bias", "\(hasBias)")]
      if let activation { pairs.append(("activation", activation.yaml)) }
      if initialisation != .uniform { pairs.append(("init", initialisation.yaml)) }
    case .convolution(let settings):
      kindName = .convolution
      let window = Window(
        kernel: settings.kernel, stride: settings.stride, padding: settings.padding, dilation: settings.dilation)
      pairs += [("channels", "\(settings.channels)")] + yaml(window)
      pairs += [("groups", "\(settings.groups)"), ("bias", "\(settings.hasBias)")]
      if let activation = settings.activation { pairs.append(("activation", activation.yaml)) }
      if settings.initialisation != .uniform { pairs.append(("init", settings.initialisation.yaml)) }
    case .maxPool(let window):
      kindName = .maxPool
      pairs += yaml(window)
    case .averagePool(let window, let countsPadding):
      kindName = .averagePool
      pairs += yaml(window) + [("count_padding", "\(countsPadding)")]
    case .globalAveragePool: kindName = .globalAveragePool
    case .adaptiveAveragePool(let output):
      kindName = .adaptiveAveragePool
      pairs.append(("output", output.sides.count == 1 ? "\(output.sides[0])" : "\(output.sides)"))
    case .batchNormalisation(let epsilon, let momentum, let activation):
      kindName = .batchNorm
      pairs += [("epsilon", "\(epsilon)"), ("momentum", "\(momentum)")]
      if let activation { pairs.append(("activation", activation.yaml)) }
    case .layerNormalisation(let dimensions, let epsilon, let activation):
      kindName = .layerNorm
      pairs += [("dimensions", "\(dimensions)"), ("epsilon", "\(epsilon)")]
      if let activation { pairs.append(("activation", activation.yaml)) }
    case .groupNormalisation(let groups, let epsilon, let activation):
      kindName = .groupNorm
      pairs += [("groups", "\(groups)"), ("epsilon", "\(epsilon)")]
      if let activation { pairs.append(("activation", activation.yaml)) }
    case .dropout(let rate):
      kindName = .dropout
      pairs.append(("rate", "\(rate)"))
    case .add(let names):
      kindName = .add
      pairs.append(("of", list(names.map(quoted))))
    case .embedding(let vocabulary, let width):
      kindName = .embedding
      pairs += [("vocabulary", "\(vocabulary)"), ("width", "\(width)")]
    case .recurrent(let settings):
      kindName = LayerKind(settings.cell)
      pairs += [("units", "\(settings.units)"), ("layers", "\(settings.layers)")]
      pairs += [("bidirectional", "\(settings.isBidirectional)"), ("returns", settings.returns.rawValue)]
      if settings.layers > 1 { pairs.append(("dropout", "\(settings.dropout)")) }
      if let source = settings.stateFrom { pairs.append(("state_from", quoted(source))) }
    case .repeated(let count):
      kindName = .repeated
      pairs.append(("count", "\(count)"))
    case .concatenate(let names, let dimension):
      kindName = .concatenate
      pairs += [("of", list(names.map(quoted))), ("dimension", "\(dimension)")]
    case .subtract(let a, let b):
      kindName = .subtract
      pairs.append(("of", list([quoted(a), quoted(b)])))
    case .multiply(let a, let b):
      kindName = .multiply
      pairs.append(("of", list([quoted(a), quoted(b)])))
    case .slice(let dimension, let start, let count):
      kindName = .slice
      pairs += [("dimension", "\(dimension)"), ("start", "\(start)"), ("count", "\(count)")]
    case .transpose(let order):
      kindName = .transpose
      pairs.append(("order", "\(order)"))
    case .reshape(let sample):
      kindName = .reshape
      pairs.append(("shape", "\(sample)"))
    case .reduce(let kind, let dimension):
      kindName = kind == .sum ? .sum : .mean
      pairs.append(("dimension", "\(dimension)"))
    case .flatten: kindName = .flatten
    case .softmax(let dimension, let isLogarithm):
      kindName = isLogarithm ? .logSoftmax : .softmax
      pairs.append(("dimension", "\(dimension)"))
    case .activation(let function):
      return "\(ActivationName(function).rawValue): \(flow(pairs + function.settings))"
    case .identity: kindName = .linear
    case .prelu(let settings):
      kindName = .prelu
      pairs += [("per_channel", "\(settings.isPerChannel)"), ("initial_slope", "\(settings.initialSlope)")]
    case .maxout(let outputs, let pieces, let hasBias):
      kindName = .maxout
      pairs += [("outputs", "\(outputs)"), ("pieces", "\(pieces)"), ("bias", "\(hasBias)")]
    }
    return "\(kindName.rawValue): \(flow(pairs))"
  }

  private func yaml(_ window: Window) -> [(String, String)] {
    var extents = [("kernel", window.kernel), ("stride", window.stride), ("padding", window.padding)]
    if window.dilation != Extent(1) { extents.append(("dilation", window.dilation)) }
    let pairs = extents.map { key, extent in
      (key, extent.sides.count == 1 ? "\(extent.sides[0])" : "\(extent.sides)")
    }
    return window.roundsUp ? pairs + [("round_up", "true")] : pairs
  }
}

extension LayerKind {
  fileprivate init(_ cell: RecurrentCell) {
    switch cell {
    case .rnn: self = .rnn
    case .lstm: self = .lstm
    case .gru: self = .gru
    }
  }
}

extension ActivationFunction {
  /// `relu`, or `{leaky_relu: {slope: 0.2}}`.
  var yaml: String {
    let name = ActivationName(self).rawValue
    return settings.isEmpty ? name : flow([(name, flow(settings))])
  }
}

extension WeightInitialisation {
  /// `he_normal`, or `{normal: {deviation: 0.02}}`.
  fileprivate var yaml: String {
    let name = InitialisationName(self).rawValue
    return settings.isEmpty ? name : flow([(name, flow(settings))])
  }
}

private func list(_ items: [String]) -> String { "[\(items.joined(separator: ", "))]" }

func flow(_ settings: [(String, String)]) -> String {
  "{\(settings.map { "\($0): \($1)" }.joined(separator: ", "))}"
}

/// A text as a YAML scalar: as it is if it could be nothing else, in double quotes otherwise.
func quoted(_ text: String) -> String {
  let isPlain = text.unicodeScalars.allSatisfy {
    $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil || "-_./".unicodeScalars.contains($0))
  }
  let isWord = text.unicodeScalars.first.map { $0 != "-" && $0 != "." } ?? false
  if isPlain, isWord, text.lowercased() != "null" { return text }
  var quoted = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": quoted += "\\\""
    case "\\": quoted += "\\\\"
    case _
    where scalar.value < 0x20 || (0x7F...0xA0).contains(scalar.value) || scalar.value == 0xFEFF
      || scalar.value == 0x2028 || scalar.value == 0x2029:
      let digits = String(scalar.value, radix: 16)
      quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "\""
}
