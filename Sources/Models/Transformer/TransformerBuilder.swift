import ModelGraph

// Shapes: B samples, S steps, h hidden features, a heads, g key-value heads, d numbers of a head, f feed-forward width,
// V tokens of the vocabulary.

/// Where a layer of a transformer stands.
struct TransformerPlace {
  var stack = TransformerLayer.Stack.only
  var block: Int?

  func name(_ part: TransformerPart) -> String {
    TransformerLayer(stack: stack, block: part.isInBlock ? block : nil, part).name
  }
}

/// Builds the forward pass of a transformer.
struct TransformerBuilder {
  let model: TransformerSpecification
  let isTraining: Bool
  var graph = Graph()
  /// Of the token embedding, which the stacks and a tied output share.
  private var tokenTable: ValueID?
  private var dropoutCount = 0

  static let initialisation = WeightInitialisation.normal(deviation: 0.02)

  init(_ model: TransformerSpecification, isTraining: Bool) {
    self.model = model
    self.isTraining = isTraining
  }

  /// - Parameter inputs: the tokens of each input, by its name: [B, S] int32.
  /// - Returns: the logits.
  mutating func forward(_ inputs: [String: ValueID]) throws -> ValueID {
    guard let tokens = inputs[SampleShape.inputName] else { preconditionFailure("a sample shape has an 'input'") }
    guard model.kind == .encoderDecoder else {
      return try head(stack(.only, tokens, isCausal: model.kind == .decoder, memory: nil))
    }
    guard let written = inputs[TransformerSpecification.decoderInputName] else {
      throw GraphError(
        .invalidArgument, layer: TransformerPlace(stack: .decoder).name(.tokenEmbedding),
        "the data have no 'decoder_input' for the decoder; give data of pairs, or use 'kind: decoder'")
    }
    let memory = try stack(.encoder, tokens, isCausal: false, memory: nil)
    return try head(stack(.decoder, written, isCausal: true, memory: memory))
  }

  /// Tokens [B, S] → [B, S, h] behind the last block.
  mutating func stack(
    _ stack: TransformerLayer.Stack, _ tokens: ValueID, isCausal: Bool, memory: ValueID?
  ) throws -> ValueID {
    let x = try embedding(tokens, TransformerPlace(stack: stack))
    return try blocks(stack, x, isCausal: isCausal, memory: memory)
  }

  /// What the blocks make of [B, S, h].
  mutating func blocks(
    _ stack: TransformerLayer.Stack, _ embedded: ValueID, isCausal: Bool, memory: ValueID?
  ) throws -> ValueID {
    var place = TransformerPlace(stack: stack)
    var x = embedded
    let bias = try relativeBias(steps: graph[x].type.shape[1], isCausal: isCausal, place)
    for block in 0..<model.layers {
      place.block = block
      x = try sublayer(x, place, .attention) { try $0.selfAttention($1, isCausal: isCausal, bias: bias, place) }
      if let memory { x = try sublayer(x, place, .cross) { try $0.crossAttention($1, memory, place) } }
      x = try sublayer(x, place, .feedForward) { builder, x in
        let experts = builder.model.experts.flatMap { $0.isIn(block: block) ? $0 : nil }
        return try experts.map { try builder.experts(x, $0, place) } ?? builder.feedForward(x, .dense, place)
      }
    }
    guard model.normPlace == .before else { return x }
    place.block = nil
    return try dropout(place.name(.finalDropout), normalised(place.name(.finalNorm), x))
  }

  private mutating func embedding(_ tokens: ValueID, _ place: TransformerPlace) throws -> ValueID {
    let name = place.name(.tokenEmbedding)
    let type = graph[tokens].type
    guard type.shape.rank == 2, type.elementType == .int32 else {
      throw GraphError(
        .shapeMismatch, layer: name,
        "a transformer takes int32 tokens [samples, steps], its input is \(type); give data of texts")
    }
    let table = try tokenEmbeddingTable(type, layer: name)
    var x = try graph.append(.embedding(Embedding()), [tokens, table], layer: name)[0]
    if model.positions == .learned {
      let name = place.name(.positionEmbedding)
      x = try added(.ofStep, rows: model.maximumPositions, to: x, layer: name)
    }
    if model.tokenTypes > 0 { x = try added(.first, rows: model.tokenTypes, to: x, layer: place.name(.typeEmbedding)) }
    if model.hasEmbeddingNorm { x = try normalised(place.name(.embeddingNorm), x) }
    return try dropout(place.name(.embeddingDropout), x)
  }

  /// The table [V, h], made at its first use and named after that.
  mutating func tokenEmbeddingTable(_ tokens: TensorType, layer: String) throws -> ValueID {
    if let tokenTable { return tokenTable }
    let table = TensorType([model.vocabulary, model.hidden])
    try requireFeasible(
      [TensorType(Shape(tokens.shape.dimensions + [model.hidden])), table], workPerOutput: 1, layer: layer)
    let value = graph.parameter(
      TransformerPart.tokenEmbedding.rawValue + ".weight", table.shape, .normal(deviation: 0.02))
    tokenTable = value
    return value
  }

  private mutating func added(
    _ row: PositionEmbedding.Row, rows: Int, to x: ValueID, layer: String
  ) throws -> ValueID {
    let table = graph.parameter(layer + ".weight", [rows, model.hidden], .normal(deviation: 0.02))
    return try graph.append(.positionEmbedding(PositionEmbedding(row)), [x, table], layer: layer)[0]
  }

  // MARK: Residual sublayers

  private struct Sublayer {
    let norm: TransformerPart
    let dropout: TransformerPart
    let add: TransformerPart

    static let attention = Sublayer(norm: .attentionNorm, dropout: .attentionDropout, add: .attentionAdd)
    static let cross = Sublayer(norm: .crossNorm, dropout: .crossDropout, add: .crossAdd)
    static let feedForward = Sublayer(norm: .mlpNorm, dropout: .mlpDropout, add: .mlpAdd)
  }

  /// x + body(norm(x)), or norm(x + body(x)).
  private mutating func sublayer(
    _ x: ValueID, _ place: TransformerPlace, _ parts: Sublayer,
    _ body: (inout TransformerBuilder, ValueID) throws -> ValueID
  ) throws -> ValueID {
    let isBefore = model.normPlace == .before
    let input = isBefore ? try normalised(place.name(parts.norm), x) : x
    let y = try dropout(place.name(parts.dropout), body(&self, input))
    let sum = try graph.append(.add(Add()), [x, y], layer: place.name(parts.add))[0]
    return isBefore ? sum : try normalised(place.name(parts.norm), sum)
  }

  // MARK: Layers

  mutating func dense(
    _ part: TransformerPart, _ x: ValueID, outputs: Int, hasBias: Bool? = nil, _ place: TransformerPlace
  ) throws -> ValueID {
    try graph.dense(
      place.name(part), x, outputs: outputs, hasBias: hasBias ?? model.hasBias, initialisation: Self.initialisation)
  }

  mutating func normalised(_ name: String, _ x: ValueID) throws -> ValueID {
    switch model.norm {
    case .layer: try graph.layerNormalisation(name, x, epsilon: model.epsilon)
    case .rms: try graph.rmsNormalisation(name, x, epsilon: model.epsilon)
    }
  }

  mutating func dropout(_ name: String, _ x: ValueID) throws -> ValueID {
    guard let dropout = nextDropout(model.dropout) else { return x }
    return try graph.append(.dropout(dropout), [x], layer: name)[0]
  }

  /// A dropout that no other of the graph is alike; nil where none is wanted.
  mutating func nextDropout(_ rate: Double) -> Dropout? {
    guard isTraining, rate > 0 else { return nil }
    defer { dropoutCount += 1 }
    return Dropout(rate: rate, key: dropoutCount)
  }
}
