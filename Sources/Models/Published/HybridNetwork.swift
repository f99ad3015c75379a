import ModelGraph

/// Stacks of state-space layers (Mamba-2: Dao & Gu 2024) with a few attention layers between them, and feed-forward layers
/// or experts (Nemotron-H: NVIDIA 2025; Nemotron 3 Nano).
struct HybridNetwork: PublishedArchitecture {
  /// Sizes of a state-space layer.
  struct StateSpace: Sendable, Hashable {
    let heads: Int
    let headWidth: Int
    /// Numbers of a head's state for each of its features.
    let state: Int
    /// Groups of heads that share what goes into their states and comes out.
    let groups: Int
    /// Steps that are computed together, as an attention of their own.
    static let chunk = 256

    var inner: Int { heads * headWidth }
  }

  /// Widths, attention and experts; its `layers` are those of attention.
  let model: TransformerSpecification
  let stateSpace: StateSpace
  let stateLayers: Int
  let feedForwardLayers: Int

  var samplesUnit: SampleUnit { .sequence }

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let words = description.words
    let sequence = ModelDescription.number(description.sequence) ?? 8192
    if words.contains("nemotron h 56b") || words.contains("nemotronh 56b") {
      let model = model(
        TransformerSpecification(
          layers: 10, hidden: 8192, heads: 64, keyValueHeads: 8, feedForward: 32_768, vocabulary: 131_072,
          sequence: sequence))
      return HybridNetwork(
        model: model, stateSpace: StateSpace(heads: 256, headWidth: 64, state: 256, groups: 8), stateLayers: 54,
        feedForwardLayers: 54)
    }
    guard words.contains("nemotron 3 nano") || words.contains("nemotron3 nano") else { return nil }
    var nano = model(
      TransformerSpecification(
        layers: 6, hidden: 2688, heads: 32, keyValueHeads: 2, headWidth: 128, feedForward: 1856, vocabulary: 131_072,
        sequence: sequence))
    var experts = TransformerSpecification.Experts(count: 128, topK: 6, feedForward: 1856)
    experts.shared = 2
    nano.experts = experts
    return HybridNetwork(
      model: nano, stateSpace: StateSpace(heads: 64, headWidth: 64, state: 128, groups: 8), stateLayers: 23,
      feedForwardLayers: 23)
  }

  /// RMS norms, squared ReLU, no positions, no biases, an output of its own.
  private static func model(_ sizes: TransformerSpecification) -> TransformerSpecification {
    var model = sizes
    (model.norm, model.activation, model.positions, model.hasBias, model.isTied) = (.rms, .relu, .none, false, false)
    return model
  }

  private enum Layer { case attention, stateSpace, feedForward }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    let sequence = run.sequence ?? model.sequence
    var builder = TransformerBuilder(model, isTraining: true)
    let tokens = TensorType([run.microBatch, sequence], .int32)
    let input = builder.graph.input("input", tokens)
    let table = try builder.tokenEmbeddingTable(tokens, layer: TransformerPart.tokenEmbedding.rawValue)
    var x = try builder.graph.append(
      .embedding(Embedding()), [input, table], layer: TransformerPart.tokenEmbedding.rawValue)[0]
    for (block, layer) in order.enumerated() {
      let place = TransformerPlace(block: block)
      let norm = try builder.normalised(place.name(layer == .feedForward ? .mlpNorm : .attentionNorm), x)
      let y: ValueID
      switch layer {
      case .attention: y = try builder.selfAttention(norm, isCausal: true, bias: nil, place)
      case .feedForward:
        y = try model.experts.map { try builder.experts(norm, $0, place) } ?? builder.feedForward(norm, .dense, place)
      case .stateSpace: y = try states(&builder, norm, "block\(block)/states")
      }
      let add = place.name(layer == .feedForward ? .mlpAdd : .attentionAdd)
      x = try builder.graph.add(add, [x, y])
    }
    let logits = try builder.head(try builder.normalised(TransformerPart.finalNorm.rawValue, x))
    let labels = builder.graph.input("labels", tokens)
    let rule = SoftmaxCrossEntropy(divisor: tokens.shape.elementCount)
    let loss = try builder.graph.append(.softmaxCrossEntropy(rule), [logits, labels], layer: "loss")[0]
    return [ModelPart("hybrid network", builder.graph, losses: [loss])]
  }

  /// The kinds spread evenly, as published patterns do.
  private var order: [Layer] {
    let kinds: [(Layer, Int)] = [
      (.stateSpace, stateLayers), (.feedForward, feedForwardLayers), (.attention, model.layers),
    ]
    let placed = kinds.flatMap { kind, count in (0..<count).map { (kind, (Double($0) + 0.5) / Double(count)) } }
    return placed.enumerated().sorted { ($0.element.1, $0.offset) < ($1.element.1, $1.offset) }.map(\.element.0)
  }

  /// In by one dense layer, a short convolution over the steps, the states, a gate and a norm, and out by another.
  private func states(_ builder: inout TransformerBuilder, _ x: ValueID, _ name: String) throws -> ValueID {
    let (inner, shared) = (stateSpace.inner, stateSpace.groups * stateSpace.state)
    let shape = builder.graph[x].type.shape
    let (batch, steps) = (shape[0], shape[1])
    let wide = try builder.graph.dense(
      "\(name)/in", x, outputs: 2 * inner + 2 * shared + stateSpace.heads, hasBias: false)
    let parts = try builder.graph.split(
      "\(name)/split", wide, dimension: -1, sizes: [inner, inner + 2 * shared, stateSpace.heads])
    // Kernels run along the steps of rows as they lie: no transposition is paid for.
    let channels = try builder.graph.reshape("\(name)/channels", parts[1], sample: [inner + 2 * shared, steps])
    let settings = ConvolutionSettings(
      channels: inner + 2 * shared, kernel: Extent(3), padding: Extent(1), groups: inner + 2 * shared)
    let mixed = try builder.graph.activation(
      "\(name)/silu", try builder.graph.convolution("\(name)/convolution", channels, settings), .swish)
    let rows = try builder.graph.reshape("\(name)/rows", mixed, sample: [steps, inner + 2 * shared])
    let xbc = try builder.graph.split("\(name)/scan-split", rows, dimension: -1, sizes: [inner, shared, shared])
    let scanned = try scan(&builder, "\(name)/scan", xbc, batch: batch, steps: steps)
    let decays = builder.graph.parameter("\(name)/decay", [stateSpace.heads], .constant(1))
    let decay = try builder.graph.append(
      .multiply(Multiply()),
      [parts[2], try builder.graph.append(.reshape(Reshape(to: [1, 1, stateSpace.heads])), [decays], layer: name)[0]],
      layer: "\(name)/step")[0]
    let perHead = try builder.graph.reshape("\(name)/steps", decay, sample: [steps, stateSpace.heads, 1])
    let heads = try builder.graph.reshape(
      "\(name)/heads", scanned, sample: [steps, stateSpace.heads, stateSpace.headWidth])
    let scaled = try builder.graph.multiply("\(name)/scale", heads, perHead)
    let flat = try builder.graph.reshape("\(name)/flat", scaled, sample: [steps, inner])
    let gate = try builder.graph.activation("\(name)/gate", parts[0], .swish)
    let gated = try builder.graph.multiply("\(name)/gated", flat, gate)
    let normed = try builder.graph.rmsNormalisation("\(name)/norm", gated, epsilon: model.epsilon)
    return try builder.graph.dense("\(name)/out", normed, outputs: model.hidden, hasBias: false)
  }

  /// Inside a chunk an attention of C to B over x, without a softmax worth mentioning; between chunks, products of x with B
  /// into the states and of the states with C out of them (Dao & Gu 2024, §6), each 2 · steps · inner · state.
  private func scan(
    _ builder: inout TransformerBuilder, _ name: String, _ parts: [ValueID], batch: Int, steps: Int
  ) throws -> ValueID {
    let chunk = min(StateSpace.chunk, steps)
    guard steps % chunk == 0 else {
      throw PublishedModelError(
        .inconsistentShapes, "sequences of \(steps) steps are no whole number of chunks of \(chunk)")
    }
    let chunks = try parts.map { part in
      let width = builder.graph[part].type.shape[2]
      let shape: Shape = [batch * steps / chunk, chunk, width]
      return try builder.graph.append(.reshape(Reshape(to: shape)), [part], layer: "\(name)/chunks")[0]
    }
    let rule = Attention(heads: stateSpace.groups, isCausal: true, scale: 1)
    let inside = try builder.graph.append(
      .attention(rule), [chunks[2], chunks[1], chunks[0]], layer: "\(name)/inside")[0]
    let back: Shape = [batch, stateSpace.inner, steps]
    var y = try builder.graph.append(.reshape(Reshape(to: back)), [inside], layer: "\(name)/columns")[0]
    for part in ["into-states", "out-of-states"] {
      // As many products as a convolution of one step whose weights are what the other operand is: given, not learned.
      let weights = builder.graph.input(
        "\(name)/\(part)", TensorType([stateSpace.inner, stateSpace.state, 1]))
      let product = Convolution(groups: stateSpace.inner / stateSpace.state, hasBias: false)
      y = try builder.graph.append(.convolution(product), [y, weights], layer: "\(name)/\(part)")[0]
    }
    return try builder.graph.append(
      .reshape(Reshape(to: [batch, steps, stateSpace.inner])), [y], layer: "\(name)/rows")[0]
  }
}
