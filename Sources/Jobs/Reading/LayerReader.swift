import ModelGraph
import Models

/// The kinds of layers by their names in YAML.
enum LayerKind: String, CaseIterable {
  case convolution, dense
  case maxPool = "max_pool"
  case averagePool = "average_pool"
  case globalAveragePool = "global_average_pool"
  case adaptiveAveragePool = "adaptive_average_pool"
  case batchNorm = "batch_norm"
  case layerNorm = "layer_norm"
  case groupNorm = "group_norm"
  case embedding, rnn, lstm, gru
  case repeated = "repeat"
  case flatten, dropout, relu, tanh, sigmoid, softmax, add
  case linear
  case leakyReLU = "leaky_relu"
  case prelu, elu, swish, gelu
  case binaryStep = "binary_step"
  case maxout
  case logSoftmax = "log_softmax"
  case concatenate, subtract, multiply, slice, transpose, reshape, mean, sum

  /// A line that could stand in a job.
  var example: String {
    switch self {
    case .convolution: "- convolution: {channels: 6, kernel: 5}"
    case .dense: "- dense: {outputs: 10}"
    case .maxPool: "- max_pool: {kernel: 2}"
    case .averagePool: "- average_pool: {kernel: 2}"
    case .adaptiveAveragePool: "- adaptive_average_pool: {output: 6}"
    case .groupNorm: "- group_norm: {groups: 4}"
    case .embedding: "- embedding: {vocabulary: 10000, width: 128}"
    case .rnn, .lstm, .gru: "- \(rawValue): {units: 256}"
    case .repeated: "- repeat: 20"
    case .dropout: "- dropout: 0.5"
    case .add: "- add: [conv1, conv2]"
    case .maxout: "- maxout: {outputs: 64, pieces: 2}"
    case .concatenate: "- concatenate: [conv1, conv2]"
    case .subtract: "- subtract: [conv1, conv2]"
    case .multiply: "- multiply: [conv1, conv2]"
    case .slice: "- slice: {dimension: 1, start: 0, count: 8}"
    case .transpose: "- transpose: [0, 2, 1]"
    case .reshape: "- reshape: [1, 28, 28]"
    case .mean: "- mean: 1"
    case .sum: "- sum: 1"
    default: "- \(rawValue)"
    }
  }

  /// Whether the word alone is a layer.
  var standsAlone: Bool {
    switch self {
    case .convolution, .dense, .maxPool, .averagePool, .adaptiveAveragePool, .dropout, .add, .maxout, .concatenate,
      .subtract, .multiply,
      .slice, .transpose, .reshape, .mean, .sum, .groupNorm, .embedding, .rnn, .lstm, .gru, .repeated:
      false
    default: true
    }
  }

  /// Whether the layer lists its inputs itself.
  var namesSources: Bool { [.add, .concatenate, .subtract, .multiply].contains(self) }

  /// The setting that may be written for all of them, as the rate in `dropout: 0.5`.
  var mainSetting: String? {
    switch self {
    case .dropout: "rate"
    case .repeated: "count"
    case .softmax, .logSoftmax, .mean, .sum: "dimension"
    default: ActivationName(rawValue: rawValue)?.mainSetting
    }
  }
}

/// Reads the `layers` of a model.
struct LayerReader {
  let findings: Findings
  /// Where a layer stands in the list, from 1, and in the file.
  struct Found: Hashable, Sendable {
    let number: Int
    let place: SourcePlace
  }

  /// Each layer, by its name.
  private(set) var found: [String: Found] = [:]

  init(findings: Findings) { self.findings = findings }

  /// The layers, each with its name; nil if a problem was reported.
  mutating func layers(_ entry: MappingReader.Entry) -> [LayerSpecification]? {
    guard case .sequence(let items) = entry.value.content, !items.isEmpty else {
      findings.report(
        entry.value.isNull ? entry.keyPlace : entry.value.place,
        "'layers' in model must be a list of layers, not \(entry.value.description); for example '- flatten'")
      return nil
    }
    let read = items.enumerated().map { layer($0.element, number: $0.offset + 1) }
    let layers = read.compactMap { $0 }
    // With a layer missing, names and references would be reported that are right in the file.
    guard layers.count == items.count else { return nil }
    let model = ModelSpecification(name: "", layers: layers)
    for problem in model.problems {
      findings.report(items[problem.index].place, problem.error.description)
    }
    for (index, layer) in model.layers.enumerated() {
      found[layer.name] = Found(number: index + 1, place: items[index].place)
    }
    return model.layers
  }

  private func layer(_ item: YAMLNode, number: Int) -> LayerSpecification? {
    guard let (key, value) = kindAndValue(of: item, number: number), let name = key.text else { return nil }
    guard let kind = LayerKind(rawValue: name) else {
      let advice = NearMiss.advice(for: name, among: LayerKind.allCases.map(\.rawValue))
      findings.report(key.place, "unknown layer '\(name)'; \(advice)")
      return nil
    }
    guard let pairs = settings(value, of: kind) else {
      findings.report(
        value.isNull ? key.place : value.place,
        "layer \(number) (\(name)) needs its settings, not \(value.description); for example '\(kind.example)'")
      return nil
    }
    var reader = MappingReader(
      pairs, path: "model.layers.\(number)", label: "layer \(number) (\(name))", place: key.place, findings: findings)
    let layerName = reader.has("name") ? reader.text("name", .required(example: "c1")) : ""
    let from = reader.has("from") && !kind.namesSources ? reader.text("from", .required(example: "c1")) : nil
    let layerKind = read(kind, &reader)
    reader.finish()
    guard let layerName, let layerKind else { return nil }
    return LayerSpecification(layerKind, name: layerName, from: from)
  }

  /// A layer is a word, or a mapping of one key; a word has no value.
  private func kindAndValue(of item: YAMLNode, number: Int) -> (key: YAMLNode, value: YAMLNode)? {
    switch item.content {
    case .scalar where item.text != nil:
      return (item, YAMLNode(content: .scalar("", isQuoted: false), place: item.place))
    case .mapping(let pairs) where pairs.count == 1 && pairs[0].key.text != nil:
      return (pairs[0].key, pairs[0].value)
    case .mapping(let pairs):
      let keys = pairs.compactMap(\.key.text).map { "'\($0)'" }.joined(separator: ", ")
      findings.report(
        item.place,
        "layer \(number) has \(pairs.count) keys (\(keys)), but a layer is one key, its kind; indent its settings "
          + "further, or write them as in '- dense: {outputs: 10}'")
    default:
      findings.report(
        item.place,
        "layer \(number) is \(item.description); write its kind, as in '- flatten' or '- dense: {outputs: 10}'")
    }
    return nil
  }

  /// The settings as a mapping, short forms written out; nil if there are none where some are needed.
  private func settings(_ value: YAMLNode, of kind: LayerKind) -> [YAMLNode.Pair]? {
    func pair(_ key: String) -> [YAMLNode.Pair] {
      [.init(key: YAMLNode(content: .scalar(key, isQuoted: false), place: value.place), value: value)]
    }
    switch (kind, value.content) {
    case (_, .mapping(let pairs)): return pairs
    case _ where value.isNull: return kind.standsAlone ? [] : nil
    case (_, .scalar): return kind.mainSetting.map(pair)
    case (.transpose, .sequence): return pair("order")
    case (.reshape, .sequence): return pair("shape")
    case (_, .sequence): return kind.namesSources ? pair("of") : nil
    default: return nil
    }
  }

  private func read(_ kind: LayerKind, _ reader: inout MappingReader) -> LayerSpecification.Kind? {
    switch kind {
    case .convolution: return convolution(&reader)
    case .dense:
      let outputs = reader.integer("outputs", in: 1...Limits.outputs, .required(example: "10"))
      let bias = reader.flag("bias", .otherwise(true))
      let activation = reader.activation()
      guard let outputs, let bias, let initialisation = reader.initialisation() else { return nil }
      return .dense(outputs: outputs, hasBias: bias, activation: activation, initialisation: initialisation)
    case .maxPool: return window(&reader).map { .maxPool($0) }
    case .averagePool:
      let countsPadding = reader.flag("count_padding", .otherwise(true))
      guard let window = window(&reader), let countsPadding else { return nil }
      return .averagePool(window, countsPadding: countsPadding)
    case .globalAveragePool: return .globalAveragePool
    case .adaptiveAveragePool:
      return reader.extent("output", from: 1, .required(example: "6")).map { .adaptiveAveragePool($0) }
    case .embedding:
      let vocabulary = reader.integer("vocabulary", in: 1...Limits.vocabulary, .required(example: "10000"))
      let width = reader.integer("width", in: 1...Limits.units, .required(example: "128"))
      guard let vocabulary, let width else { return nil }
      return .embedding(vocabulary: vocabulary, width: width)
    case .rnn: return recurrent(.rnn, &reader)
    case .lstm: return recurrent(.lstm, &reader)
    case .gru: return recurrent(.gru, &reader)
    case .repeated:
      return reader.integer("count", in: 1...Limits.repetitions, .required(example: "20")).map { .repeated(count: $0) }
    case .dropout:
      return reader.number("rate", .fraction, .required(example: "0.5")).map { .dropout(rate: $0) }
    case .add, .concatenate, .subtract, .multiply: return combination(kind, &reader)
    case .slice, .transpose, .reshape, .mean, .sum: return shaping(kind, &reader)
    case .batchNorm, .layerNorm, .groupNorm: return normalisation(kind, &reader)
    case .flatten: return .flatten
    case .softmax, .logSoftmax:
      return dimension(&reader, .otherwise(-1)).map { .softmax(dimension: $0, isLogarithm: kind == .logSoftmax) }
    case .prelu:
      let isPerChannel = reader.flag("per_channel", .otherwise(false))
      let slope = reader.number("initial_slope", .notNegative, .otherwise(PReLUSettings().initialSlope))
      guard let isPerChannel, let slope else { return nil }
      return .prelu(PReLUSettings(isPerChannel: isPerChannel, initialSlope: slope))
    case .maxout:
      let outputs = reader.integer("outputs", in: 1...Limits.outputs, .required(example: "64"))
      let pieces = reader.integer("pieces", in: 2...256, .required(example: "2"))
      let bias = reader.flag("bias", .otherwise(true))
      guard let outputs, let pieces, let bias else { return nil }
      return .maxout(outputs: outputs, pieces: pieces, hasBias: bias)
    case .linear: return .identity
    case .relu, .tanh, .sigmoid, .leakyReLU, .elu, .swish, .gelu, .binaryStep:
      return ActivationName(rawValue: kind.rawValue)?.function(&reader).map { .activation($0) }
    }
  }

  /// By batch, by the last dimensions or by groups of channels.
  private func normalisation(_ kind: LayerKind, _ reader: inout MappingReader) -> LayerSpecification.Kind? {
    let epsilon = reader.number("epsilon", .positive, .otherwise(1e-5))
    let activation = reader.activation()
    switch kind {
    case .layerNorm:
      let dimensions = reader.integer("dimensions", in: 1...Limits.rank - 1, .otherwise(1))
      guard let dimensions, let epsilon else { return nil }
      return .layerNormalisation(dimensions: dimensions, epsilon: epsilon, activation: activation)
    case .groupNorm:
      let groups = reader.integer("groups", in: 1...Limits.channels, .required(example: "4"))
      guard let groups, let epsilon else { return nil }
      return .groupNormalisation(groups: groups, epsilon: epsilon, activation: activation)
    default:
      let momentum = reader.number("momentum", .fraction, .otherwise(0.1))
      guard let epsilon, let momentum else { return nil }
      return .batchNormalisation(epsilon: epsilon, momentum: momentum, activation: activation)
    }
  }

  private func recurrent(_ cell: RecurrentCell, _ reader: inout MappingReader) -> LayerSpecification.Kind? {
    let units = reader.integer("units", in: 1...Limits.units, .required(example: "256"))
    let layers = reader.integer("layers", in: 1...Limits.recurrentLayers, .otherwise(1))
    let bidirectional = reader.flag("bidirectional", .otherwise(false))
    let returns: RecurrentSettings.Returns? = reader.choice("returns", .otherwise(.last))
    let dropout = reader.number("dropout", .fraction, .otherwise(0))
    let state = reader.has("state_from") ? reader.text("state_from", .required(example: "encoder")) : nil
    if let dropout, let layers, dropout > 0, layers == 1, let entry = reader.entry("dropout") {
      reader.report(
        entry.value.place,
        "'dropout' in \(reader.label) acts between recurrent layers, and there is one; raise 'layers', or put a "
          + "'- dropout: \(dropout)' behind it")
      return nil
    }
    guard let units, let layers, let bidirectional, let returns, let dropout else { return nil }
    return .recurrent(
      RecurrentSettings(
        cell, units: units, layers: layers, isBidirectional: bidirectional, returns: returns,
        dropout: dropout, stateFrom: state))
  }

  private func convolution(_ reader: inout MappingReader) -> LayerSpecification.Kind? {
    let channels = reader.integer("channels", in: 1...Limits.channels, .required(example: "6"))
    let kernel = reader.extent("kernel", from: 1, .required(example: "5"))
    let stride = reader.extent("stride", from: 1, .otherwise(Extent(1)))
    let padding = reader.extent("padding", from: 0, .otherwise(Extent(0)))
    let dilation = reader.extent("dilation", from: 1, .otherwise(Extent(1)))
    let groups = reader.integer("groups", in: 1...Limits.channels, .otherwise(1))
    let bias = reader.flag("bias", .otherwise(true))
    let activation = reader.activation()
    let initialisation = reader.initialisation()
    guard let channels, let kernel, let stride, let padding, let dilation, let groups, let bias, let initialisation
    else { return nil }
    return .convolution(
      ConvolutionSettings(
        channels: channels, kernel: kernel, stride: stride, padding: padding, dilation: dilation, groups: groups,
        hasBias: bias, activation: activation, initialisation: initialisation))
  }

  /// A pooling window, which moves by its own extent unless told otherwise.
  private func window(_ reader: inout MappingReader) -> Window? {
    let kernel = reader.extent("kernel", from: 1, .required(example: "2"))
    let stride = reader.extent("stride", from: 1, .otherwise(kernel ?? Extent(1)))
    let padding = reader.extent("padding", from: 0, .otherwise(Extent(0)))
    let roundsUp = reader.flag("round_up", .otherwise(false))
    guard let kernel, let stride, let padding, let roundsUp else { return nil }
    return Window(kernel: kernel, stride: stride, padding: padding, roundsUp: roundsUp)
  }
}
