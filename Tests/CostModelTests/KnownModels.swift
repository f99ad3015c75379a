import CostModel

/// Published transformers that checks are about (Korthikanti et al. 2022, Table 3), with the paper's vocabulary.
enum Known {
  static let gpt22B = TransformerDimensions(
    layers: 48, hidden: 6144, heads: 64, sequence: 2048, vocabulary: 51_200)
  static let gpt175B = TransformerDimensions(
    layers: 96, hidden: 12_288, heads: 96, sequence: 2048, vocabulary: 51_200)
  static let mtNLG = TransformerDimensions(
    layers: 105, hidden: 20_480, heads: 128, sequence: 2048, vocabulary: 51_200)
  static let llama70B = TransformerDimensions(
    layers: 80, hidden: 8192, heads: 64, keyValueHeads: 8, feedForward: 28_672, sequence: 4096, vocabulary: 32_000,
    isGated: true, hasShiftlessNorms: true, hasBiases: false, hasPositionTable: false, tiesEmbeddings: false,
    hasDropout: false, fusesAttention: true)
  static let mixtral = TransformerDimensions(
    layers: 32, hidden: 4096, heads: 32, keyValueHeads: 8, feedForward: 14_336, sequence: 4096, vocabulary: 32_000,
    experts: .init(count: 8, perToken: 2, feedForward: 14_336), isGated: true, hasShiftlessNorms: true,
    hasBiases: false, hasPositionTable: false, tiesEmbeddings: false, hasDropout: false, fusesAttention: true)
}

let GiB = 0x1p30
