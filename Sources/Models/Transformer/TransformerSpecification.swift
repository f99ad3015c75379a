package import ModelGraph

/// A transformer by its sizes: what a job's `transformer:` says, and what the zoo's transformers are.
///
///     var llama = TransformerSpecification(layers: 32, hidden: 4096, heads: 32, vocabulary: 32_000, sequence: 4096)
///     llama.norm = .rms
///     llama.positions = .rotary
///     let model = ModelSpecification(name: "llama", transformer: llama)
package struct TransformerSpecification: Hashable, Codable, Sendable {
  package enum Kind: String, Hashable, Codable, Sendable, CaseIterable {
    /// Each token sees those before it: GPT.
    case decoder
    /// Each token sees all of them: BERT.
    case encoder
    /// An encoder of one text and a decoder of another that attends to it: T5. `layers` blocks each.
    case encoderDecoder = "encoder_decoder"
  }

  package enum Norm: String, Hashable, Codable, Sendable, CaseIterable {
    /// Mean and variance, a scale and a shift (Ba et al. 2016).
    case layer = "layer_norm"
    /// The root mean square, a scale (Zhang & Sennrich 2019).
    case rms = "rms_norm"
  }

  package enum NormPlace: String, Hashable, Codable, Sendable, CaseIterable {
    /// Before each sublayer, and once behind the last block (Xiong et al. 2020).
    case before
    /// Behind each residual sum (Vaswani et al. 2017).
    case after
  }

  package enum Positions: String, Hashable, Codable, Sendable, CaseIterable {
    /// A learned vector for each of `maximumPositions`, added to the tokens' own.
    case learned
    /// Queries and keys turned (Su et al. 2021).
    case rotary
    /// A learned number for each distance, as T5 has it: scores are not scaled, tied logits by 1 / √hidden.
    case relative
    /// A fixed slope of the scores (Press et al. 2022).
    case alibi
    case none
  }

  package enum Head: String, Hashable, Codable, Sendable, CaseIterable {
    /// The next token at every step: h → V.
    case languageModel = "language_model"
    /// The token at every step behind a transform, h → h, activation, norm, → V with a bias: BERT's pre-training without
    /// the next sentence.
    case maskedLanguageModel = "masked_language_model"
    /// `classes` scores a sample: of the first token by way of a pooler (h → h, tanh), or of a decoder's last one.
    case classifier
  }

  package var kind: Kind
  /// Blocks of a stack.
  package var layers: Int
  /// Features of a token, h.
  package var hidden: Int
  package var heads: Int
  /// Fewer than `heads`: grouped-query attention; 1: multi-query.
  package var keyValueHeads: Int
  /// Numbers of a head's query, key and value; all heads together need not be as wide as `hidden`.
  package var headWidth: Int
  /// Width of the feed-forward layer.
  package var feedForward: Int
  package var vocabulary: Int
  /// Tokens of a sample where no data say otherwise; of an encoder–decoder the encoder's.
  package var sequence: Int
  /// The decoder's of an encoder–decoder.
  package var targetSequence: Int
  package var norm = Norm.layer
  package var normPlace = NormPlace.before
  package var epsilon = 1e-5
  package var activation = ActivationFunction.gelu(.erf)
  /// Whether the activation is multiplied by a second linear function of the input (GLU variants: Shazeer 2020).
  package var isGated = false
  package var positions = Positions.learned
  /// Rows of the table of learned positions.
  package var maximumPositions: Int
  /// Of rotary positions.
  package var rotaryBase = 10_000.0
  /// Rows of a table of token types, of which the first is added to each token; 0 for none.
  package var tokenTypes = 0
  /// Whether the embedded tokens are normalised.
  package var hasEmbeddingNorm = false
  /// Whether dense layers, but for a language model's output, have a bias.
  package var hasBias = true
  /// Whether the output projection is the token embedding's table.
  package var isTied = true
  /// Of embedded tokens and of what attention and feed-forward layers give, in training.
  package var dropout = 0.0
  /// Of the probabilities of attention, in training.
  package var attentionDropout = 0.0
  package var head = Head.languageModel
  package var classes = 2
  /// Steps of a sequence that a masked language model finds; its input `predicted_steps` says which. Nil: all, those that
  /// were not masked left out of the loss.
  package var predictions: Int?
  /// Feed-forward layers of experts; nil for none.
  package var experts: Experts?
  /// Queries, keys and values by way of narrow vectors; nil for plain attention.
  package var latent: LatentAttention?

  /// - Parameters:
  ///   - keyValueHeads: nil for `heads`.
  ///   - headWidth: nil for hidden / heads.
  ///   - feedForward: nil for 4 · hidden.
  ///   - targetSequence: nil for `sequence`.
  package init(
    kind: Kind = .decoder, layers: Int, hidden: Int, heads: Int, keyValueHeads: Int? = nil, headWidth: Int? = nil,
    feedForward: Int? = nil, vocabulary: Int, sequence: Int, targetSequence: Int? = nil
  ) {
    self.kind = kind
    self.layers = layers
    self.hidden = hidden
    self.heads = heads
    self.keyValueHeads = keyValueHeads ?? heads
    self.headWidth = headWidth ?? hidden / max(heads, 1)
    self.feedForward = feedForward ?? 4 * hidden
    self.vocabulary = vocabulary
    self.sequence = sequence
    self.targetSequence = targetSequence ?? sequence
    maximumPositions = sequence
  }

  /// A mixture of experts in place of a block's feed-forward layer (Shazeer et al. 2017).
  package struct Experts: Hashable, Codable, Sendable {
    package var count: Int
    /// Experts that compute each token.
    package var topK: Int
    /// Width of an expert's feed-forward layer.
    package var feedForward: Int
    /// Experts that compute every token, beside the others; they are one layer of this many widths.
    package var shared = 0
    /// Every how many-th block has experts; the first of them is block `first` + `every` − 1.
    package var every = 1
    /// Blocks at the beginning without.
    package var first = 0
    /// Rows of an expert as a multiple of its even share; nil for as many as come.
    package var capacity: Double?

    package init(count: Int, topK: Int, feedForward: Int) {
      self.count = count
      self.topK = topK
      self.feedForward = feedForward
    }

    package func isIn(block: Int) -> Bool { block >= first && (block - first + 1).isMultiple(of: every) }
  }

  /// Multi-head latent attention (DeepSeek-AI 2024, §2.1). Its positions are rotary, in numbers of their own.
  package struct LatentAttention: Hashable, Codable, Sendable {
    /// Width of the vector that queries are made of; nil: of the input.
    package var query: Int?
    /// Width of the vector that keys and values are made of.
    package var keyValue: Int
    /// Numbers of a head's query and key without a position, with a rotary one, and of its value.
    package var plain: Int
    package var rotary: Int
    package var value: Int

    package init(query: Int?, keyValue: Int, plain: Int, rotary: Int, value: Int) {
      self.query = query
      self.keyValue = keyValue
      self.plain = plain
      self.rotary = rotary
      self.value = value
    }
  }
}

extension TransformerSpecification {
  /// A sample of tokens, `sequence` long: `input`, and of an encoder–decoder `decoder_input`.
  package var sampleShape: SampleShape {
    let input = SampleField(SampleShape.inputName, [sequence], .int32)
    guard kind == .encoderDecoder else { return SampleShape(fields: [input]) }
    return SampleShape(fields: [input, SampleField(Self.decoderInputName, [targetSequence], .int32)])
  }

  /// The same for other data: sequences of another length, another vocabulary, or classes of whole samples, which a
  /// classifier finds.
  package func reading(
    sequence: Int? = nil, vocabulary: Int? = nil, classes: Int? = nil
  ) -> TransformerSpecification {
    var copy = self
    copy.sequence = sequence ?? self.sequence
    copy.vocabulary = vocabulary ?? self.vocabulary
    if let classes {
      copy.head = .classifier
      copy.classes = classes
    }
    return copy
  }

  /// Rows of a table of relative distances (Raffel et al. 2020).
  package static let relativeBuckets = 32

  /// The same for samples of other lengths.
  package func reading(_ sample: SampleShape) -> TransformerSpecification {
    var copy = self
    for field in sample.fields where field.type.shape.rank >= 1 {
      if field.name == SampleShape.inputName { copy.sequence = field.type.shape[0] }
      if field.name == Self.decoderInputName { copy.targetSequence = field.type.shape[0] }
    }
    return copy
  }

  /// The input of what a decoder has written so far.
  package static let decoderInputName = ModelSpecification.inputNames[1]

  /// The input of the steps that a masked language model finds, of one that does not find all.
  package static let predictedStepsName = "predicted_steps"
}
