package import ModelGraph

/// A model of sequences as it runs token by token: the part that sees each sample once, and a single step of the part that
/// writes.
package struct StepwiseGraphs: Sendable {
  /// Inputs as the model's, but for the tokens; outputs: what the step begins with, under the names of its inputs. Nil if
  /// the step begins with zeros: a language model.
  package let encoder: Graph?
  /// Inputs: the tokens [batch, 1], the carried states, and what else the encoder hands over. Output: `scores`
  /// [batch, 1, V], the logarithm of the probability of each next token.
  package let step: Graph

  package static let scoresName = "scores"
}

extension ModelSpecification {
  /// The graphs for writing token by token; see `StepwiseGraphs`. Both hold parameters under the model's names, each those
  /// that it uses.
  ///
  /// The step is made of the layers that depend on the tokens. A `repeat` of what the encoder gives belongs to it too, once
  /// a step; all else that they read must be a state (`state_from`).
  /// - Parameters:
  ///   - sampleShape: as in training; the tokens have one dimension.
  ///   - tokens: the input that holds what was written so far: `decoder_input`, or `input` of a language model.
  ///   - batch: sequences side by side.
  /// - Throws: `GraphError` naming the layer that looks at more than one step.
  package func stepwiseGraphs(
    sampleShape: SampleShape, tokens: String, encoderBatch: Int, batch: Int
  ) throws -> StepwiseGraphs {
    if let problem = problems.first { throw problem.error }
    guard transformer == nil else {
      throw GraphError(
        .invalidArgument, layer: name, "a transformer does not write token by token yet; use a recurrent model")
    }
    let parts = try StepwiseParts(self, tokens: tokens)
    var handedOver: [String: TensorType] = [:]
    var encoder: Graph?
    if parts.readsEncoder {
      let graph = try encoderGraph(parts, sampleShape, tokens: tokens, batch: encoderBatch)
      for (name, value) in graph.outputs { handedOver[name] = graph[value].type }
      encoder = graph
    }
    var graph = Graph()
    var outputs = [tokens: graph.input(tokens, TensorType([batch, 1], .int32))]
    for name in parts.repeatedSources {
      guard let type = handedOver[Self.contextName(name)] else { continue }
      outputs[name] = graph.input(
        Self.contextName(name), TensorType(Shape([batch] + type.shape.dimensions.dropFirst()), type.elementType))
    }
    var states: [String: [[ValueID]]] = [:]
    var last: ValueID?
    for layer in parts.step {
      guard let before = last ?? outputs[tokens] else { preconditionFailure("there is an input of tokens") }
      let value = try graph.append(
        layer, after: before, outputs: outputs, states: &states, mode: .inference, carriesState: true)
      outputs[layer.name] = value
      last = value
    }
    guard let last else { preconditionFailure("a step has a layer") }
    let scores = try graph.logSoftmax(Self.lossName, last)
    graph.outputs[StepwiseGraphs.scoresName] = scores
    return StepwiseGraphs(encoder: encoder, step: graph)
  }

  private func encoderGraph(
    _ parts: StepwiseParts, _ sampleShape: SampleShape, tokens: String, batch: Int
  ) throws -> Graph {
    var graph = Graph()
    var outputs: [String: ValueID] = [:]
    for field in sampleShape.fields where field.name != tokens {
      outputs[field.name] = graph.input(field.name, field.batch(of: batch))
    }
    guard var last = outputs[Self.inputName] else { preconditionFailure("a sample shape has an 'input'") }
    var states: [String: [[ValueID]]] = [:]
    for layer in parts.encoder {
      last = try graph.append(layer, after: last, outputs: outputs, states: &states, mode: .inference)
      outputs[layer.name] = last
    }
    for (decoder, source) in parts.stateSources {
      for (layer, values) in (states[source] ?? []).enumerated() {
        for (kind, value) in zip(["h", "c"], values) { graph.outputs["\(decoder).\(kind)_l\(layer)"] = value }
      }
    }
    for name in parts.repeatedSources { graph.outputs[Self.contextName(name)] = outputs[name] }
    return graph
  }

  /// A name that no layer's value has.
  private static func contextName(_ layer: String) -> String { "context/\(layer)" }
}

/// The layers of a model by what they see: samples once, or tokens one at a time.
private struct StepwiseParts {
  /// Each naming its input in `from` where it reads one.
  private(set) var encoder: [LayerSpecification] = []
  /// Those of a single step: without a `state_from`, repeating once.
  private(set) var step: [LayerSpecification] = []
  /// The layers of the encoder whose output is repeated at every step.
  private(set) var repeatedSources: [String] = []
  /// The recurrent layers of the step and the encoder's layers that they begin with.
  private(set) var stateSources: [(decoder: String, encoder: String)] = []

  var readsEncoder: Bool { !repeatedSources.isEmpty || !stateSources.isEmpty }

  init(_ model: ModelSpecification, tokens: String) throws {
    var before = ModelSpecification.inputName
    var inStep: Set<String> = [tokens]
    var encoders: [String: LayerSpecification] = [:]
    for original in model.layers {
      var layer = original
      if layer.kind.sources == nil { layer.from = layer.from ?? before }
      before = layer.name
      let sources = layer.namedSources
      guard sources.contains(where: inStep.contains) else {
        if let source = layer.stateSource, inStep.contains(source) { throw Self.refusal(layer) }
        encoders[layer.name] = layer
        encoder.append(layer)
        continue
      }
      for source in sources where !inStep.contains(source) {
        guard let repeating = encoders[source], case .repeated = repeating.kind, let origin = repeating.from else {
          throw GraphError(
            .invalidArgument, layer: layer.name,
            "it reads '\(source)' beside the tokens, which cannot be had one step at a time; hand over a state "
              + "('state_from') or a vector for all steps ('repeat')")
        }
        step.append(LayerSpecification(.repeated(count: 1), name: source, from: origin))
        if !repeatedSources.contains(origin) { repeatedSources.append(origin) }
        inStep.insert(source)
      }
      if let source = layer.stateSource {
        guard !inStep.contains(source) else { throw Self.refusal(layer) }
        stateSources.append((layer.name, source))
      }
      step.append(try Self.single(layer))
      inStep.insert(layer.name)
    }
    // What only the step repeats is not repeated before it.
    let read = Set(encoder.flatMap(\.namedSources))
    encoder.removeAll { inStep.contains($0.name) && !read.contains($0.name) }
    guard let last = model.layers.last, inStep.contains(last.name) else {
      throw GraphError(
        .invalidArgument, layer: model.layers.last?.name ?? model.name,
        "the model's output does not depend on '\(tokens)', so it writes nothing token by token; let a layer read it")
    }
  }

  /// The same layer for one step.
  private static func single(_ layer: LayerSpecification) throws -> LayerSpecification {
    var single = layer
    let isWithinStep: Bool
    switch layer.kind {
    case .dense, .embedding, .dropout, .activation, .identity, .maxout, .add, .subtract, .multiply: isWithinStep = true
    case .softmax(let dimension, _), .concatenate(_, let dimension): isWithinStep = dimension == -1 || dimension == 2
    case .layerNormalisation(let dimensions, _, _): isWithinStep = dimensions == 1
    case .prelu(let settings): isWithinStep = !settings.isPerChannel
    case .recurrent(var settings):
      isWithinStep = !settings.isBidirectional && settings.returns == .sequence
      settings.stateFrom = nil
      single.kind = .recurrent(settings)
    default: isWithinStep = false
    }
    guard isWithinStep else { throw refusal(layer) }
    return single
  }

  private static func refusal(_ layer: LayerSpecification) -> GraphError {
    GraphError(
      .invalidArgument, layer: layer.name,
      "it looks at more than one step of what is written, so the model cannot write token by token; what follows the "
        + "tokens may be 'embedding', one-directional 'rnn', 'lstm' or 'gru' with 'returns: sequence', 'dense' and what "
        + "acts on each step by itself")
  }
}
