import ModelGraph

extension PublishedTransformer {
  /// Shapes of the row first, then those published under its name, then what its family or its parameters determine.
  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let key = description.key
    let words = description.words
    for hybrid in ["nemotron 3 ", "nemotron3 ", "mamba", "jamba", "rwkv"] where words.contains(hybrid) {
      throw PublishedModelError(
        .unsupported, "'\(description.name)' has state-space layers, which the model graph has no operations for")
    }
    for other in ["vit", "clip", "perceiver", "transgan", "transformerxl"] where key.contains(other) { return nil }
    if key.contains("moe"), let mixture = try gShard(description) { return mixture }
    let known = PublishedSize.named(description.words)
    guard let style = known?.style ?? TransformerStyle(family: description.family, words: description.words) else {
      return nil
    }
    guard known?.experts != nil || description.family != "moe" else {
      throw PublishedModelError(
        .missingShape,
        "'\(description.name)': how many experts it has, and of what width, is not in the row and not known")
    }
    var resolver = SizeResolver(description: description, style: style, known: known)
    var transformer = PublishedTransformer(model: try resolver.specification())
    transformer.settle(description, style)
    return transformer
  }

  /// What the task and the framework tell.
  private mutating func settle(_ description: ModelDescription, _ style: TransformerStyle) {
    let (key, task) = (description.key, description.task.lowercased())
    switch style {
    case .bert:
      if task.contains("squad") || task.contains("fine-tun") || key.contains("squad") || model.sequence == 384 {
        purpose = .answers
      } else if key.contains("electra") {
        purpose = .replaced
      } else {
        // Most gather the masked positions first; Hugging Face's model projects them all.
        purpose = .masked(share: key.contains("huggingface") ? 1 : 0.15)
      }
    case .t5 where model.targetSequence == model.sequence:
      // Span corruption makes of 512 tokens targets of 114 (Raffel et al. 2020), of others as many in proportion.
      model.targetSequence = max(model.sequence * 114 / 512, 1)
    case .seq2seq where key.contains("transformer"): samplesUnit = .token
    default: break
    }
  }

  /// Mixtures as Alpa trains them after GShard (Zheng et al. 2022, table 7): every second block has experts of eight times
  /// the width, two of them for each token; their number follows from the parameters.
  private static func gShard(_ description: ModelDescription) throws -> PublishedTransformer? {
    guard description.key.contains("gshard"), let layers = ModelDescription.number(description.layers),
      let hidden = ModelDescription.number(description.hidden), let heads = ModelDescription.number(description.heads)
    else { return nil }
    let feedForward = ModelDescription.number(description.feedForward) ?? 8 * hidden
    let vocabulary = ModelDescription.number(description.vocabulary) ?? 32_000
    var model = TransformerSpecification(
      layers: layers, hidden: hidden, heads: heads, feedForward: feedForward, vocabulary: vocabulary,
      sequence: ModelDescription.number(description.sequence) ?? 1024)
    TransformerStyle.gpt.apply(to: &model)
    let (dense, each) = (
      vocabulary * hidden + layers * 4 * hidden * hidden + layers / 2 * 2 * hidden * feedForward,
      layers / 2 * 2 * hidden * feedForward
    )
    var count = description.words.number(after: " e")
    if count == nil, let parameters = description.parameterCount {
      count = Int(((parameters - Double(dense)) / Double(each)).rounded())
    }
    guard let count, count >= 2 else {
      throw PublishedModelError(
        .missingShape, "'\(description.name)': neither its name (e16) nor its parameters tell how many experts it has")
    }
    var experts = TransformerSpecification.Experts(count: count, topK: 2, feedForward: feedForward)
    (experts.every, experts.capacity) = (2, 2)
    experts.capacity = min(2, Double(count))
    model.experts = experts
    return PublishedTransformer(model: model)
  }
}

/// The sizes of a transformer from what is printed and what is known.
struct SizeResolver {
  let description: ModelDescription
  let style: TransformerStyle
  let known: PublishedSize?

  mutating func specification() throws -> TransformerSpecification {
    guard let hidden = ModelDescription.number(description.hidden) ?? known?.hidden else {
      throw missing("hidden width")
    }
    let vocabulary = ModelDescription.number(description.vocabulary) ?? known?.vocabulary ?? style.vocabulary
    guard let vocabulary else { throw missing("vocabulary") }
    let isOfKnownWidth = known?.hidden == hidden
    guard
      let feedForward = ModelDescription.number(description.feedForward)
        ?? (isOfKnownWidth ? known?.feedForward : nil) ?? style.feedForward(hidden: hidden)
    else { throw missing("width of the feed-forward layer") }
    // Of the width of a head nothing depends but the softmax's share: 128 where it is not printed.
    let heads =
      ModelDescription.number(description.heads) ?? (isOfKnownWidth ? known?.heads : nil) ?? max(hidden / 128, 1)
    let keyValueHeads =
      ModelDescription.number(description.keyValueHeads)
      ?? (isOfKnownWidth && known?.heads == heads ? known?.keyValueHeads : nil) ?? heads
    guard !description.sequence.contains("then") else { throw missing("one sequence length (\(description.sequence))") }
    let printed = ModelDescription.numbers(description.sequence)
    guard let sequence = printed.first ?? known?.sequence else { throw missing("sequence length") }
    let headWidth = isOfKnownWidth && known?.heads == heads ? known?.headWidth : nil
    var model = TransformerSpecification(
      layers: 1, hidden: hidden, heads: heads, keyValueHeads: keyValueHeads,
      headWidth: headWidth ?? (style == .t5 ? 64 : nil), feedForward: feedForward, vocabulary: vocabulary,
      sequence: sequence)
    style.apply(to: &model)
    if isOfKnownWidth {
      (model.experts, model.latent) = (known?.experts, known?.latent)
      if let tied = known?.isTied { model.isTied = tied }
    }
    if hidden % heads != 0, model.headWidth * heads != hidden, headWidth == nil, style != .t5 {
      model.headWidth = max(hidden / heads / 2 * 2, 2)
    }
    if printed.count == 2, model.kind == .encoderDecoder { model.targetSequence = printed[1] }
    model.layers = try layers(model)
    settleOutput(&model)
    return model
  }

  private func missing(_ what: String) -> PublishedModelError {
    PublishedModelError(
      .missingShape,
      "'\(description.name)': the \(what) is not in the row, and no published configuration of that name is known")
  }

  private func layers(_ model: TransformerSpecification) throws -> Int {
    let printed = ModelDescription.numbers(description.layers)
    if let first = printed.first {
      guard printed.allSatisfy({ $0 == first }) else {
        throw PublishedModelError(
          .unsupported, "'\(description.name)': an encoder and a decoder of different depth, \(description.layers)")
      }
      return first
    }
    // A shortened model without its length is none that is known.
    if description.key.contains("proxy") { throw missing("number of layers") }
    if let known, known.hidden == model.hidden { return known.layers }
    guard let parameters = description.parameterCount else { throw missing("number of layers") }
    let block = Double(Self.blockParameters(model))
    let outside = Double(model.vocabulary * model.hidden)
    let count = ((parameters - outside) / block).rounded()
    guard count >= 1, abs((count * block + outside) / parameters - 1) < 0.02 else {
      throw missing("number of layers")
    }
    return Int(count)
  }

  static func blockParameters(_ model: TransformerSpecification) -> Int {
    let attention = 2 * model.hidden * model.headWidth * (model.heads + model.keyValueHeads)
    return attention + (model.isGated ? 3 : 2) * model.hidden * model.feedForward
  }

  /// Whether the output has weights of its own, where the parameters tell: the family's way unless it does not round to
  /// the number that is printed and the other one is nearer.
  private func settleOutput(_ model: inout TransformerSpecification) {
    guard style == .gpt || style == .t5, let printed = Double(description.parameters) else { return }
    let decimals = description.parameters.split(separator: ".").dropFirst().first?.count ?? 0
    let unit = (0..<decimals).reduce(1.0) { value, _ in value / 10 }
    let table = Double(model.vocabulary * model.hidden) / 1e9
    let stacks = model.kind == .encoderDecoder ? 2 : 1
    var blocks = stacks * model.layers * Self.blockParameters(model)
    if stacks == 2 { blocks += model.layers * 4 * model.hidden * model.headWidth * model.heads }
    let tied = Double(blocks) / 1e9 + table
    let usual = model.isTied ? tied : tied + table
    guard abs(usual - printed) > unit / 2 else { return }
    model.isTied = abs(tied - printed) < abs(tied + table - printed)
  }
}
