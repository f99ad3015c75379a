package import ModelGraph

extension ModelSpecification {
  package enum Mode: String, Hashable, Sendable {
    /// Dropout is on.
    case training
    /// Dropout is left out.
    case inference
  }

  /// The forward pass: an input [batch] + shape for each field of `sampleShape`, output `logits`, the output of the last
  /// layer. The first layer runs on `input`; others name what else they take in their `from`.
  ///
  /// - Parameters:
  ///   - sampleShape: the inputs of one sample without the batch dimension, such as [1, 28, 28].
  ///   - batch: samples that run through the graph together.
  ///   - carriesState: whether samples are pieces of longer sequences: recurrent layers without a `state_from` then begin
  ///     with what the piece before left; see `Graph.recurrentCarryingState`.
  /// - Throws: `GraphError` naming the layer that does not fit.
  package func graph(
    sampleShape: SampleShape, batch: Int, mode: Mode, carriesState: Bool = false
  ) throws -> Graph {
    if let problem = problems.first { throw problem.error }
    let shapes = sampleShape.fields.map { $0.batch(of: batch).shape.dimensions }
    guard batch >= 1, shapes.joined().allSatisfy({ $0 >= 1 }) else {
      throw GraphError(
        .invalidArgument, layer: Self.inputName,
        "\(batch) samples of \(sampleShape): a batch and every dimension of a sample have at least 1")
    }
    guard shapes.allSatisfy({ boundedProduct($0, limit: largestTensor) != nil }) else {
      throw GraphError(
        .invalidArgument, layer: Self.inputName,
        "\(batch) samples of \(sampleShape) are more than 2⁴⁰ elements; use fewer or smaller ones")
    }
    if let transformer {
      return try transformer.graph(sampleShape: sampleShape, batch: batch, mode: mode, carriesState: carriesState)
    }
    try refuseAllButImages(sampleShape.fields[0].type)
    guard !layers.isEmpty else {
      throw GraphError(.invalidArgument, layer: name, "the model has no layers; give it at least one")
    }
    var graph = Graph()
    var outputs: [String: ValueID] = [:]
    for field in sampleShape.fields { outputs[field.name] = graph.input(field.name, field.batch(of: batch)) }
    guard var last = outputs[Self.inputName] else { preconditionFailure("a sample shape has an 'input'") }
    var states: [String: [[ValueID]]] = [:]
    for layer in layers {
      last = try graph.append(
        layer, after: last, outputs: outputs, states: &states, mode: mode, carriesState: carriesState)
      outputs[layer.name] = last
    }
    graph.outputs["logits"] = last
    guard !carriesState || !graph.carriedStates.isEmpty else {
      throw GraphError(
        .invalidArgument, layer: name,
        "a state is to be carried from step to step, and no recurrent layer of the model has one; add an 'rnn', 'lstm' or "
          + "'gru', or remove 'carry_state' from training")
    }
    return graph
  }

  /// Refuses samples that a model for images, whose layers the user did not write, has no use for.
  private func refuseAllButImages(_ sample: TensorType) throws {
    guard let smallestImage else { return }
    let sides = sample.shape.dimensions.dropFirst()
    let isImage = sides.count == 2 && sample.elementType == .float32
    guard !isImage || sides.contains(where: { $0 < smallestImage }) else { return }
    let size = smallestImage == 1 ? "" : " of at least \(smallestImage)×\(smallestImage)"
    throw GraphError(
      .shapeMismatch, layer: Self.inputName,
      "\(name) takes images\(size), [channels, height, width], a sample is \(sample); use "
        + (isImage ? "larger images, or resnet18, which takes any" : "another model"))
  }

  /// Appends the auxiliary heads to a forward graph of this model.
  /// - Returns: the logits of each.
  func appendHeads(to graph: inout Graph) throws -> [ValueID] {
    // The last node of a layer gives what the layer hands on.
    var outputs: [String: ValueID] = [:]
    var states: [String: [[ValueID]]] = [:]
    for node in graph.nodes { outputs[node.layer] = node.outputs[0] }
    return try auxiliaryHeads.map { head in
      guard let source = head.layers.first?.from, var last = outputs[source] else {
        throw GraphError(
          .invalidArgument, layer: head.layers.first?.name ?? name,
          "an auxiliary head begins with a layer 'from' an earlier layer of the model")
      }
      for layer in head.layers {
        last = try graph.append(layer, after: last, outputs: outputs, states: &states, mode: .training)
        outputs[layer.name] = last
      }
      return last
    }
  }
}

extension Graph {
  /// Appends one layer; `outputs` holds what earlier layers gave, by name, and every name that the layer uses, `states`
  /// the final states of recurrent ones.
  mutating func append(
    _ layer: LayerSpecification, after last: ValueID, outputs: [String: ValueID], states: inout [String: [[ValueID]]],
    mode: ModelSpecification.Mode, carriesState: Bool = false
  ) throws -> ValueID {
    let name = layer.name
    let x = try layer.from.map { try output(of: $0, in: outputs, for: name) } ?? last
    let named = try (layer.kind.sources ?? []).map { try output(of: $0, in: outputs, for: name) }
    try layer.requireSamples(self, layer.kind.sources == nil ? [x] : named)
    switch layer.kind {
    case .dense(let count, let hasBias, let activation, let initialisation):
      let y = try dense(name, x, outputs: count, hasBias: hasBias, initialisation: initialisation)
      return try activated(y, activation, layer: name)
    case .convolution(let settings):
      return try activated(convolution(name, x, settings), settings.activation, layer: name)
    case .maxPool(let window): return try maxPool(name, x, window)
    case .averagePool(let window, let countsPadding):
      return try averagePool(name, x, window, countsPadding: countsPadding)
    case .globalAveragePool: return try globalAveragePool(name, x)
    case .adaptiveAveragePool(let output): return try adaptiveAveragePool(name, x, output: output)
    case .batchNormalisation(let epsilon, let momentum, let activation):
      let settings = BatchNormalisationSettings(epsilon: epsilon, momentum: momentum, isTraining: mode == .training)
      return try activated(batchNormalisation(name, x, settings), activation, layer: name)
    case .layerNormalisation(let dimensions, let epsilon, let activation):
      let y = try layerNormalisation(name, x, dimensions: dimensions, epsilon: epsilon)
      return try activated(y, activation, layer: name)
    case .groupNormalisation(let groups, let epsilon, let activation):
      return try activated(groupNormalisation(name, x, groups: groups, epsilon: epsilon), activation, layer: name)
    case .embedding(let vocabulary, let width): return try embedding(name, x, vocabulary: vocabulary, width: width)
    case .recurrent(let settings):
      let isTraining = mode == .training
      let outputs =
        if carriesState, settings.stateFrom == nil {
          try recurrentCarryingState(name, x, settings, isTraining: isTraining)
        } else {
          try recurrent(
            name, x, settings, from: settings.stateFrom.flatMap { states[$0] } ?? [], isTraining: isTraining)
        }
      states[name] = outputs.states
      return outputs.value
    case .repeated(let count): return try repeated(name, x, count: count)
    case .flatten: return try flatten(name, x)
    case .dropout(let rate): return mode == .training ? try dropout(name, x, rate: rate) : x
    case .activation(let function): return try activation(name, x, function)
    case .softmax(let dimension, let isLogarithm):
      return try isLogarithm ? logSoftmax(name, x, dimension: dimension) : softmax(name, x, dimension: dimension)
    case .identity: return x
    case .prelu(let settings): return try prelu(name, x, settings)
    case .maxout(let count, let pieces, let hasBias):
      return try maxout(name, x, outputs: count, pieces: pieces, hasBias: hasBias)
    case .add: return try add(name, named)
    case .concatenate(_, let dimension): return try concatenate(name, named, dimension: dimension)
    case .subtract: return try subtract(name, named[0], named[1])
    case .multiply: return try multiply(name, named[0], named[1])
    case .slice(let dimension, let start, let count):
      return try slice(name, x, dimension: dimension, start: start, count: count)
    case .transpose(let order): return try transpose(name, x, order: order)
    case .reshape(let sample): return try reshape(name, x, sample: sample)
    case .reduce(let kind, let dimension): return try reduce(name, x, kind, dimension: dimension)
    }
  }

  private mutating func activated(
    _ x: ValueID, _ function: ActivationFunction?, layer: String
  ) throws -> ValueID {
    guard let function else { return x }
    return try activation(layer, x, function)
  }

  private func output(of source: String, in outputs: [String: ValueID], for layer: String) throws -> ValueID {
    guard let value = outputs[source] else {
      throw GraphError(
        .invalidArgument, layer: layer,
        "the data have no '\(source)' to run on; give data of pairs, or name an earlier layer")
    }
    return value
  }
}
