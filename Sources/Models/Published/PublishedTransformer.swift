import ModelGraph

/// A transformer of tokens: one stack, or an encoder and a decoder.
struct PublishedTransformer: PublishedArchitecture {
  /// What it is trained for.
  enum Purpose: Sendable, Hashable {
    /// The next token, or of an encoder–decoder the target's tokens.
    case language
    /// The masked tokens of a text, and whether its second sentence follows the first (Devlin et al. 2019, §3.1): the
    /// output projection runs on this share of the positions.
    case masked(share: Double)
    /// The span of an answer.
    case answers
    /// A small generator of replaced tokens, and which of them were replaced (Clark et al. 2020).
    case replaced
  }

  var model: TransformerSpecification
  var purpose = Purpose.language
  var samplesUnit = SampleUnit.sequence
  /// Tokens of a sentence where batches are counted in tokens.
  static let tokensOfSentence = 28

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var model = model
    if let sequence = run.sequence { model.resize(to: sequence) }
    let samples = samplesUnit == .token ? max(run.microBatch / Self.tokensOfSentence, 1) : run.microBatch
    switch purpose {
    case .language:
      let specification = ModelSpecification(name: "transformer", transformer: model)
      let (graph, losses) = try specification.lossGraph(
        sampleShape: model.sampleShape, shardSamples: samples, globalBatch: samples, loss: .crossEntropy)
      return [ModelPart("transformer", graph, losses: losses)]
    case .masked(let share): return [try encoder("encoder", model, samples, .masked(share))]
    case .answers: return [try encoder("encoder", model, samples, .answers)]
    case .replaced:
      return [
        try encoder("generator", model.generator, samples, .masked(0.15)),
        try encoder("discriminator", model, samples, .replaced),
      ]
    }
  }

  private enum EncoderHead { case masked(Double), answers, replaced }

  private func encoder(
    _ name: String, _ model: TransformerSpecification, _ samples: Int, _ head: EncoderHead
  ) throws -> ModelPart {
    var model = model
    if case .masked(let share) = head, share < 1 {
      model.predictions = max(Int((share * Double(model.sequence)).rounded(.up)), 1)
    }
    var builder = TransformerBuilder(model, isTraining: true)
    let tokens = builder.graph.input("input", TensorType([samples, model.sequence], .int32))
    let x = try builder.stack(.only, tokens, isCausal: false, memory: nil)
    var losses: [ValueID] = []
    func loss(_ scores: ValueID, _ name: String) throws {
      let labels = Shape(builder.graph[scores].type.shape.dimensions.dropLast())
      let expected = builder.graph.input("\(name).labels", TensorType(labels, .int32))
      let rule = SoftmaxCrossEntropy(divisor: max(labels.elementCount, 1))
      losses.append(try builder.graph.append(.softmaxCrossEntropy(rule), [scores, expected], layer: name)[0])
    }
    switch head {
    case .masked:
      try loss(try builder.head(x), "loss")
      let first = try builder.graph.slice("head/first", x, dimension: 1, start: 0, count: 1)
      let pooled = try builder.graph.dense("head/pooler", first, outputs: model.hidden)
      let squashed = try builder.graph.activation("head/pooler.tanh", pooled, .tanh)
      try loss(try builder.graph.dense("head/next", squashed, outputs: 2), "next_loss")
    case .answers:
      let scores = try builder.graph.dense("head/span", x, outputs: 2)
      try loss(try builder.graph.transpose("head/spans", scores, order: [0, 2, 1]), "loss")
    case .replaced:
      let wide = try builder.graph.dense("head/dense", x, outputs: model.hidden)
      let y = try builder.graph.activation("head/gelu", wide, model.activation)
      try loss(try builder.graph.dense("head/replaced", y, outputs: 2), "loss")
    }
    return ModelPart(name, builder.graph, losses: losses)
  }
}

extension TransformerSpecification {
  /// The same with sequences of `length`, and as many learned positions as they take.
  mutating func resize(to length: Int) {
    targetSequence = kind == .encoderDecoder ? max(targetSequence * length / max(sequence, 1), 1) : length
    sequence = length
    maximumPositions = max(maximumPositions, length)
  }

  /// ELECTRA's: a third of the width, heads of 64.
  var generator: TransformerSpecification {
    var copy = self
    copy.hidden = hidden / 3 / 64 * 64
    copy.feedForward = feedForward / 3
    copy.heads = copy.hidden / 64
    copy.keyValueHeads = copy.heads
    copy.headWidth = 64
    return copy
  }
}

extension PublishedModel {
  /// The sizes, if the model is a transformer of tokens; nil for others.
  package var transformer: TransformerSpecification? { (architecture as? PublishedTransformer)?.model }
}
