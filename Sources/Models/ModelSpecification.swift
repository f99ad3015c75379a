package import ModelGraph

/// A second classifier on a layer in the midst of a model, which gives that layer a gradient of its own in training
/// (Szegedy et al. 2015, §5).
package struct AuxiliaryHead: Hashable, Codable, Sendable {
  /// What its loss counts beside the model's.
  package let weight: Double
  /// The first takes its input `from` a layer of the model; the last gives logits like the model's. Each with a name.
  package let layers: [LayerSpecification]

  package init(weight: Double, layers: [LayerSpecification]) {
    self.weight = weight
    self.layers = layers
  }
}

/// A model as a list of layers, or as a transformer by its sizes: from YAML, from Swift or from the zoo; shapes come with
/// the data.
///
///     let model = ModelSpecification(
///       name: "small", layers: [.init(.flatten), .init(.dense(outputs: 10), name: "out")])
///     let graph = try model.trainingGraph(
///       sampleShape: [1, 28, 28], shardSamples: 16, globalBatch: 128, loss: .crossEntropy)
package struct ModelSpecification: Hashable, Codable, Sendable {
  package let name: String
  /// In the order in which they run; each with a name. None of a transformer.
  package let layers: [LayerSpecification]
  /// Nil for a model of layers.
  package let transformer: TransformerSpecification?
  /// Left out of everything but training.
  package let auxiliaryHeads: [AuxiliaryHead]
  /// The height and width below which images leave some layer nothing to do, of a model that takes images only and whose
  /// layers are not the user's to change; nil for others.
  package let smallestImage: Int?

  /// - Parameter layers: those without a name are named after their kind; see `named()`.
  package init(
    name: String, layers: [LayerSpecification], auxiliaryHeads: [AuxiliaryHead] = [], smallestImage: Int? = nil
  ) {
    self.name = name
    self.layers = layers.named()
    transformer = nil
    self.auxiliaryHeads = auxiliaryHeads
    self.smallestImage = smallestImage
  }

  package init(name: String, transformer: TransformerSpecification) {
    self.name = name
    layers = []
    self.transformer = transformer
    auxiliaryHeads = []
    smallestImage = nil
  }

  /// The name that layers use for the model's input.
  package static let inputName = SampleShape.inputName
  /// The inputs that data may have, and layers name in their `from`.
  package static let inputNames = [inputName, "decoder_input"]
  /// The layer to which the loss's operations belong.
  package static let lossName = "loss"

  /// What a model that cannot be gets wrong before shapes are known; `index` is the layer's place in the list.
  package struct Problem: Hashable, Sendable {
    package let index: Int
    package let error: GraphError
  }

  /// Names that are malformed, reserved or given twice, references to layers that do not come before, layers that
  /// nothing uses.
  package var problems: [Problem] {
    var problems: [Problem] = []
    var earlier: [String] = []
    for (index, layer) in layers.enumerated() {
      func report(_ message: String) {
        problems.append(Problem(index: index, error: GraphError(.invalidArgument, layer: layer.name, message)))
      }
      if let fault = Self.fault(ofName: layer.name) { report(fault) }
      if earlier.contains(layer.name) { report("two layers are named '\(layer.name)'; give each its own name") }
      for source in layer.namedSources where !Self.inputNames.contains(source) && !earlier.contains(source) {
        report(missingSource(source, earlier: earlier))
      }
      if let fault = stateFault(of: layer, among: layers[..<index]) { report(fault) }
      if layer.kind.sources != nil, layer.from != nil {
        report("\(layer.namePrefix) names all its inputs; leave 'from' out")
      }
      earlier.append(layer.name)
    }
    return problems + unusedLayers
  }

  private static func fault(ofName name: String) -> String? {
    if inputNames.contains(name) || name == lossName {
      return "'\(name)' is a name that Apus uses itself; choose another"
    }
    let isAllowed = name.unicodeScalars.allSatisfy {
      $0.isASCII
        && ($0.properties.isAlphabetic || $0.properties.numericType != nil || "-_.".unicodeScalars.contains($0))
    }
    return isAllowed ? nil : "layer name '\(name)' has other characters than letters, digits, '-', '_' and '.'"
  }

  private func missingSource(_ source: String, earlier: [String]) -> String {
    if layers.contains(where: { $0.name == source }) {
      return "layer '\(source)' does not come before this one; a layer takes its input from an earlier layer"
    }
    let names = [Self.inputName] + earlier
    return "there is no layer '\(source)'; \(NearMiss.advice(for: source, among: names))"
  }

  /// What is wrong with the layer that a recurrent layer takes its initial state from.
  private func stateFault(of layer: LayerSpecification, among earlier: ArraySlice<LayerSpecification>) -> String? {
    guard case .recurrent(let settings) = layer.kind, let source = settings.stateFrom else { return nil }
    let recurrent = earlier.compactMap { other -> (name: String, settings: RecurrentSettings)? in
      if case .recurrent(let settings) = other.kind { (other.name, settings) } else { nil }
    }
    guard let found = recurrent.first(where: { $0.name == source }) else {
      let names = recurrent.map(\.name)
      return "there is no earlier recurrent layer '\(source)' to take a state from; "
        + (names.isEmpty ? "leave 'state_from' out" : NearMiss.advice(for: source, among: names))
    }
    guard !settings.hasState(like: found.settings) else { return nil }
    return "the state of '\(source)' (\(found.settings.stateDescription)) does not fit a "
      + "\(settings.stateDescription); make the two alike"
  }

  private var unusedLayers: [Problem] {
    let named = Set(layers.flatMap { $0.namedSources + [$0.stateSource].compactMap { $0 } })
    return layers.indices.dropLast().compactMap { index in
      let next = layers[index + 1]
      guard !named.contains(layers[index].name), !next.namedSources.isEmpty else { return nil }
      let message = "no later layer uses this one; remove it, or name it in the 'from' of the layer that should"
      return Problem(index: index, error: GraphError(.invalidArgument, layer: layers[index].name, message))
    }
  }
}
