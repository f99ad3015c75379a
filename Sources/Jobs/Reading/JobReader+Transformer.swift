import ModelGraph
import Models

extension JobReader {
  /// The sizes of a transformer; what they get wrong among each other is reported at the key that should change.
  func readTransformer(_ reader: inout MappingReader) -> TransformerSpecification? {
    let sizes = readSizes(&reader)
    // Of a transformer whose sizes are wrong the other keys are read all the same, so that theirs are reported too.
    var model = sizes ?? TransformerSpecification(layers: 1, hidden: 1, heads: 1, vocabulary: 1, sequence: 1)
    let isWhole = [readBlock(&model, &reader), readEnds(&model, &reader), readParts(&model, &reader)].allSatisfy { $0 }
    guard sizes != nil, isWhole else { return nil }
    for problem in model.problems {
      let entry = reader.entry(problem.key)
      reader.report(entry.map { $0.value.text == nil ? $0.keyPlace : $0.value.place } ?? reader.place, problem.message)
    }
    return model.problems.isEmpty ? model : nil
  }

  private func readSizes(_ reader: inout MappingReader) -> TransformerSpecification? {
    let limits = TransformerSpecification.limits
    let kind: TransformerSpecification.Kind? = reader.choice("kind", .otherwise(.decoder))
    let layers = reader.integer("layers", in: 1...limits.layers, .required(example: "24"))
    let hidden = reader.integer("hidden", in: 1...limits.width, .required(example: "1024"))
    let heads = reader.integer("heads", in: 1...limits.width, .required(example: "16"))
    let vocabulary = reader.integer("vocabulary", in: 1...limits.vocabulary, .required(example: "50257"))
    let sequence = reader.integer("sequence", in: 1...limits.sequence, .required(example: "1024"))
    let keyValueHeads = optional("kv_heads", to: limits.width, &reader)
    let headWidth = optional("head_width", to: limits.width, &reader)
    let feedForward = optional("ffn", to: limits.width, &reader)
    let targetSequence = optional("target_sequence", to: limits.sequence, &reader)
    let maximumPositions = optional("max_positions", to: limits.sequence, &reader)
    guard let kind, let layers, let hidden, let heads, let vocabulary, let sequence, let keyValueHeads, let headWidth,
      let feedForward, let targetSequence, let maximumPositions
    else { return nil }
    if headWidth == nil, !reader.has("latent"), !hidden.isMultiple(of: heads), let entry = reader.entry("heads") {
      reader.report(
        entry.value.place,
        "\(heads) heads do not divide hidden \(hidden); use "
          + "\(TransformerSpecification.neighbours(of: heads, dividing: hidden)), or give 'head_width'")
      return nil
    }
    var model = TransformerSpecification(
      kind: kind, layers: layers, hidden: hidden, heads: heads, keyValueHeads: keyValueHeads,
      headWidth: headWidth ?? max(1, hidden / heads), feedForward: feedForward, vocabulary: vocabulary,
      sequence: sequence, targetSequence: targetSequence)
    if kind == .encoder { model.head = .maskedLanguageModel }
    let longest = kind == .encoderDecoder ? max(sequence, model.targetSequence) : sequence
    model.maximumPositions = maximumPositions ?? longest
    return model
  }

  private func readBlock(_ model: inout TransformerSpecification, _ reader: inout MappingReader) -> Bool {
    let norm: TransformerSpecification.Norm? = reader.choice("norm", .otherwise(model.norm))
    let place: TransformerSpecification.NormPlace? = reader.choice("norm_place", .otherwise(model.normPlace))
    let epsilon = reader.number("epsilon", .positive, .otherwise(model.epsilon))
    let hasActivation = reader.has("activation")
    let activation = hasActivation ? reader.activation() : model.activation
    if activation == nil, let entry = reader.entry("activation"), entry.value.text == "linear" {
      reader.report(entry.value.place, "a feed-forward layer without an activation is a single linear one; use 'gelu'")
    }
    let isGated = reader.flag("gated", .otherwise(model.isGated))
    let hasBias = reader.flag("bias", .otherwise(model.hasBias))
    let dropout = reader.number("dropout", .fraction, .otherwise(model.dropout))
    let attentionDropout = reader.number("attention_dropout", .fraction, .otherwise(dropout ?? 0))
    guard let norm, let place, let epsilon, let activation, let isGated, let hasBias, let dropout, let attentionDropout
    else { return false }
    (model.norm, model.normPlace, model.epsilon) = (norm, place, epsilon)
    (model.activation, model.isGated, model.hasBias) = (activation, isGated, hasBias)
    (model.dropout, model.attentionDropout) = (dropout, attentionDropout)
    return true
  }

  /// The embedding and the head.
  private func readEnds(_ model: inout TransformerSpecification, _ reader: inout MappingReader) -> Bool {
    let positions: TransformerSpecification.Positions? = reader.choice("positions", .otherwise(model.positions))
    let rotaryBase = reader.number("rotary_base", .positive, .otherwise(model.rotaryBase))
    let tokenTypes = reader.integer("token_types", in: 0...Limits.classes, .otherwise(model.tokenTypes))
    let hasEmbeddingNorm = reader.flag("embedding_norm", .otherwise(model.hasEmbeddingNorm))
    let isTied = reader.flag("tied", .otherwise(model.isTied))
    let head: TransformerSpecification.Head? = reader.choice("head", .otherwise(model.head))
    let predictions = optional("predictions", to: TransformerSpecification.limits.sequence, &reader)
    guard let positions, let rotaryBase, let tokenTypes, let hasEmbeddingNorm, let isTied, let head, let predictions
    else { return false }
    (model.positions, model.rotaryBase, model.tokenTypes) = (positions, rotaryBase, tokenTypes)
    (model.hasEmbeddingNorm, model.isTied, model.head) = (hasEmbeddingNorm, isTied, head)
    model.predictions = predictions
    return true
  }

  /// The sections that may be left out.
  private func readParts(_ model: inout TransformerSpecification, _ reader: inout MappingReader) -> Bool {
    if reader.has("experts") {
      guard let experts = reader.mapping("experts", example: nil, read: readExperts) else { return false }
      model.experts = experts
    }
    if reader.has("latent") {
      guard let latent = reader.mapping("latent", example: nil, read: readLatent) else { return false }
      model.latent = latent
    }
    return true
  }

  private func readExperts(_ reader: inout MappingReader) -> TransformerSpecification.Experts? {
    let limits = TransformerSpecification.limits
    let count = reader.integer("count", in: 1...Limits.channels, .required(example: "8"))
    let topK = reader.integer("top_k", in: 1...Limits.channels, .required(example: "2"))
    let feedForward = reader.integer("ffn", in: 1...limits.width, .required(example: "4096"))
    let shared = reader.integer("shared", in: 0...Limits.channels, .otherwise(0))
    let every = reader.integer("every", in: 1...limits.layers, .otherwise(1))
    let first = reader.integer("first", in: 0...limits.layers, .otherwise(0))
    let hasCapacity = reader.has("capacity")
    let capacity = hasCapacity ? reader.number("capacity", .positive, .required(example: "1.25")) : nil
    guard let count, let topK, let feedForward, let shared, let every, let first, !hasCapacity || capacity != nil
    else { return nil }
    var experts = TransformerSpecification.Experts(count: count, topK: topK, feedForward: feedForward)
    (experts.shared, experts.every, experts.first, experts.capacity) = (shared, every, first, capacity)
    return experts
  }

  private func readLatent(_ reader: inout MappingReader) -> TransformerSpecification.LatentAttention? {
    let limits = TransformerSpecification.limits
    let query = optional("query", to: limits.width, &reader)
    let keyValue = reader.integer("key_value", in: 1...limits.width, .required(example: "512"))
    let plain = reader.integer("plain", in: 1...limits.width, .required(example: "128"))
    let rotary = reader.integer("rotary", in: 1...limits.width, .required(example: "64"))
    let value = reader.integer("value", in: 1...limits.width, .required(example: "128"))
    guard let query, let keyValue, let plain, let rotary, let value else { return nil }
    return .init(query: query, keyValue: keyValue, plain: plain, rotary: rotary, value: value)
  }

  /// - Returns: nil if it was reported; nil within if the key is absent.
  private func optional(_ key: String, to limit: Int, _ reader: inout MappingReader) -> Int?? {
    guard reader.has(key) else { return .some(nil) }
    return reader.integer(key, in: 1...limit, .required(example: "64")).map { $0 }
  }
}

extension TransformerSpecification {
  /// The section's lines, every default written out.
  var lines: [String] {
    var pairs = [
      ("kind", kind.rawValue), ("layers", "\(layers)"), ("hidden", "\(hidden)"), ("heads", "\(heads)"),
      ("kv_heads", "\(keyValueHeads)"), ("head_width", "\(headWidth)"), ("ffn", "\(feedForward)"),
      ("vocabulary", "\(vocabulary)"), ("sequence", "\(sequence)"), ("target_sequence", "\(targetSequence)"),
      ("norm", norm.rawValue), ("norm_place", normPlace.rawValue), ("epsilon", "\(epsilon)"),
      ("activation", activation.yaml), ("gated", "\(isGated)"), ("positions", positions.rawValue),
      ("max_positions", "\(maximumPositions)"), ("rotary_base", "\(rotaryBase)"), ("token_types", "\(tokenTypes)"),
      ("embedding_norm", "\(hasEmbeddingNorm)"), ("bias", "\(hasBias)"), ("tied", "\(isTied)"),
      ("dropout", "\(dropout)"), ("attention_dropout", "\(attentionDropout)"), ("head", head.rawValue),
    ]
    if let predictions { pairs.append(("predictions", "\(predictions)")) }
    if let experts {
      var parts = [
        ("count", "\(experts.count)"), ("top_k", "\(experts.topK)"), ("ffn", "\(experts.feedForward)"),
        ("shared", "\(experts.shared)"), ("every", "\(experts.every)"), ("first", "\(experts.first)"),
      ]
      if let capacity = experts.capacity { parts.append(("capacity", "\(capacity)")) }
      pairs.append(("experts", flow(parts)))
    }
    if let latent {
      let query = latent.query.map { [("query", "\($0)")] } ?? []
      let others = [
        ("key_value", latent.keyValue), ("plain", latent.plain), ("rotary", latent.rotary), ("value", latent.value),
      ]
      pairs.append(("latent", flow(query + others.map { ($0, "\($1)") })))
    }
    return pairs.map { "\($0): \($1)" }
  }
}
