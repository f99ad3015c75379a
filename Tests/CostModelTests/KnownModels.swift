import CostModel
import Models

/// Published transformers that checks are about (Korthikanti et al. 2022, Table 3), with the paper's vocabulary.
enum Known {
  static let gpt22B = gpt(layers: 48, hidden: 6144, heads: 64)
  static let gpt175B = gpt(layers: 96, hidden: 12_288, heads: 96)
  static let mtNLG = gpt(layers: 105, hidden: 20_480, heads: 128)
  static let llama70B = llama(layers: 80, hidden: 8192, heads: 64, feedForward: 28_672)
  static let mixtral = mixtral(layers: 32)
  /// A mixture of eight blocks with experts in blocks 2, 4 and 6, one of them shared.
  static let mixed: TransformerSpecification = {
    var model = mixtral(layers: 8)
    model.experts?.first = 1
    model.experts?.every = 2
    model.experts?.shared = 1
    return model
  }()
  /// T5-11B with an encoder of 512 tokens and a decoder of 128 (Raffel et al. 2020).
  static let t5: TransformerSpecification = {
    var model = TransformerSpecification(
      kind: .encoderDecoder, layers: 24, hidden: 1024, heads: 128, headWidth: 128, feedForward: 65_536,
      vocabulary: 32_128, sequence: 512, targetSequence: 128)
    model.norm = .rms
    model.positions = .relative
    model.hasBias = false
    model.dropout = 0.1
    return model
  }()
  /// The attention of DeepSeek-V2 (DeepSeek-AI 2024), three of its layers.
  static let latent: TransformerSpecification = {
    var model = TransformerSpecification(
      layers: 3, hidden: 5120, heads: 128, feedForward: 12_288, vocabulary: 102_400, sequence: 4096)
    model.latent = .init(query: 1536, keyValue: 512, plain: 128, rotary: 64, value: 128)
    model.norm = .rms
    model.positions = .rotary
    model.isGated = true
    model.hasBias = false
    model.isTied = false
    model.experts = .init(count: 160, topK: 6, feedForward: 1536)
    model.experts?.shared = 2
    model.experts?.first = 1
    return model
  }()

  private static func gpt(layers: Int, hidden: Int, heads: Int) -> TransformerSpecification {
    var model = TransformerSpecification(
      layers: layers, hidden: hidden, heads: heads, vocabulary: 51_200, sequence: 2048)
    model.dropout = 0.1
    model.attentionDropout = 0.1
    return model
  }

  private static func llama(layers: Int, hidden: Int, heads: Int, feedForward: Int) -> TransformerSpecification {
    var model = TransformerSpecification(
      layers: layers, hidden: hidden, heads: heads, keyValueHeads: 8, feedForward: feedForward, vocabulary: 32_000,
      sequence: 4096)
    model.norm = .rms
    model.positions = .rotary
    model.isGated = true
    model.hasBias = false
    model.isTied = false
    return model
  }

  private static func mixtral(layers: Int) -> TransformerSpecification {
    var model = llama(layers: layers, hidden: 4096, heads: 32, feedForward: 14_336)
    model.experts = .init(count: 8, topK: 2, feedForward: 14_336)
    return model
  }
}

let GiB = 0x1p30
