import ModelGraph

extension Zoo {
  /// The sizes of a transformer of the zoo; nil for another model.
  ///
  /// GPT-3's are those of Brown et al. 2020, table 2.1, but for two misprints that its own head widths contradict: 16 heads
  /// of the 1.3B model (24 printed) and 5,120 features of the 13B one (5140).
  package var transformer: TransformerSpecification? {
    switch self {
    case .gpt2: Self.gpt2(layers: 12, hidden: 768, heads: 12)
    case .gpt2Medium: Self.gpt2(layers: 24, hidden: 1024, heads: 16)
    case .gpt2Large: Self.gpt2(layers: 36, hidden: 1280, heads: 20)
    case .gpt2XL: Self.gpt2(layers: 48, hidden: 1600, heads: 25)
    case .gpt3x125M: Self.gpt3(layers: 12, hidden: 768, heads: 12)
    case .gpt3x350M: Self.gpt3(layers: 24, hidden: 1024, heads: 16)
    case .gpt3x760M: Self.gpt3(layers: 24, hidden: 1536, heads: 16)
    case .gpt3x1B: Self.gpt3(layers: 24, hidden: 2048, heads: 16)
    case .gpt3x2B: Self.gpt3(layers: 32, hidden: 2560, heads: 32)
    case .gpt3x6B: Self.gpt3(layers: 32, hidden: 4096, heads: 32)
    case .gpt3x13B: Self.gpt3(layers: 40, hidden: 5120, heads: 40)
    case .gpt3x175B: Self.gpt3(layers: 96, hidden: 12_288, heads: 96)
    case .bertBase: Self.bert(layers: 12, hidden: 768, heads: 12)
    case .bertLarge: Self.bert(layers: 24, hidden: 1024, heads: 16)
    case .robertaBase: Self.roberta(layers: 12, hidden: 768, heads: 12)
    case .robertaLarge: Self.roberta(layers: 24, hidden: 1024, heads: 16)
    case .distilbert: Self.halfBERT()
    case .t5Small: Self.t5(layers: 6, hidden: 512, heads: 8, headWidth: 64, feedForward: 2048)
    case .t5Base: Self.t5(layers: 12, hidden: 768, heads: 12, headWidth: 64, feedForward: 3072)
    case .t5Large: Self.t5(layers: 24, hidden: 1024, heads: 16, headWidth: 64, feedForward: 4096)
    case .t5x3B: Self.t5(layers: 24, hidden: 1024, heads: 32, headWidth: 128, feedForward: 16_384)
    case .t5x11B: Self.t5(layers: 24, hidden: 1024, heads: 128, headWidth: 128, feedForward: 65_536)
    case .llama2x7B: Self.llama2(layers: 32, hidden: 4096, heads: 32, keyValueHeads: 32, feedForward: 11_008)
    case .llama2x13B: Self.llama2(layers: 40, hidden: 5120, heads: 40, keyValueHeads: 40, feedForward: 13_824)
    case .llama2x70B: Self.llama2(layers: 80, hidden: 8192, heads: 64, keyValueHeads: 8, feedForward: 28_672)
    default: nil
    }
  }

  /// Radford et al. 2019.
  private static func gpt2(layers: Int, hidden: Int, heads: Int) -> TransformerSpecification {
    var model = TransformerSpecification(
      layers: layers, hidden: hidden, heads: heads, vocabulary: 50_257, sequence: 1024)
    model.activation = .gelu(.tanh)
    model.dropout = 0.1
    model.attentionDropout = 0.1
    return model
  }

  /// Brown et al. 2020, all attention dense.
  private static func gpt3(layers: Int, hidden: Int, heads: Int) -> TransformerSpecification {
    var model = TransformerSpecification(
      layers: layers, hidden: hidden, heads: heads, vocabulary: 50_257, sequence: 2048)
    model.activation = .gelu(.tanh)
    return model
  }

  /// Devlin et al. 2019, uncased.
  private static func bert(layers: Int, hidden: Int, heads: Int) -> TransformerSpecification {
    var model = TransformerSpecification(
      kind: .encoder, layers: layers, hidden: hidden, heads: heads, vocabulary: 30_522, sequence: 512)
    model.normPlace = .after
    model.epsilon = 1e-12
    model.tokenTypes = 2
    model.hasEmbeddingNorm = true
    model.dropout = 0.1
    model.attentionDropout = 0.1
    model.head = .maskedLanguageModel
    return model
  }

  /// Liu et al. 2019: two positions more than tokens, one type.
  private static func roberta(layers: Int, hidden: Int, heads: Int) -> TransformerSpecification {
    var model = bert(layers: layers, hidden: hidden, heads: heads)
    model.vocabulary = 50_265
    model.maximumPositions = 514
    model.epsilon = 1e-5
    model.tokenTypes = 1
    return model
  }

  /// Sanh et al. 2019: half of BERT's blocks, no types.
  private static func halfBERT() -> TransformerSpecification {
    var model = bert(layers: 6, hidden: 768, heads: 12)
    model.tokenTypes = 0
    return model
  }

  /// Raffel et al. 2020, version 1.0. Span corruption makes of 512 tokens targets of 114.
  private static func t5(
    layers: Int, hidden: Int, heads: Int, headWidth: Int, feedForward: Int
  ) -> TransformerSpecification {
    var model = TransformerSpecification(
      kind: .encoderDecoder, layers: layers, hidden: hidden, heads: heads, headWidth: headWidth,
      feedForward: feedForward, vocabulary: 32_128, sequence: 512, targetSequence: 114)
    model.norm = .rms
    model.epsilon = 1e-6
    model.activation = .relu
    model.positions = .relative
    model.hasBias = false
    model.dropout = 0.1
    model.attentionDropout = 0.1
    return model
  }

  /// Touvron et al. 2023.
  private static func llama2(
    layers: Int, hidden: Int, heads: Int, keyValueHeads: Int, feedForward: Int
  ) -> TransformerSpecification {
    var model = TransformerSpecification(
      layers: layers, hidden: hidden, heads: heads, keyValueHeads: keyValueHeads, feedForward: feedForward,
      vocabulary: 32_000, sequence: 4096)
    model.norm = .rms
    model.activation = .swish
    model.isGated = true
    model.positions = .rotary
    model.hasBias = false
    model.isTied = false
    return model
  }
}
