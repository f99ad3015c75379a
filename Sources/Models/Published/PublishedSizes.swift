import ModelGraph

/// The published configuration of a transformer that is known by its name.
struct PublishedSize: Sendable {
  let key: String
  let style: TransformerStyle
  let layers: Int
  let hidden: Int
  let heads: Int
  let keyValueHeads: Int
  let feedForward: Int
  let vocabulary: Int
  let sequence: Int
  var headWidth: Int?
  var experts: TransformerSpecification.Experts?
  var latent: TransformerSpecification.LatentAttention?
  var isTied: Bool?

  init(
    _ key: String, _ style: TransformerStyle, _ layers: Int, _ hidden: Int, _ heads: Int, _ keyValueHeads: Int,
    _ feedForward: Int, _ vocabulary: Int, _ sequence: Int, headWidth: Int? = nil,
    experts: TransformerSpecification.Experts? = nil, latent: TransformerSpecification.LatentAttention? = nil,
    isTied: Bool? = nil
  ) {
    self.key = key
    self.style = style
    self.layers = layers
    self.hidden = hidden
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.feedForward = feedForward
    self.vocabulary = vocabulary
    self.sequence = sequence
    self.headWidth = headWidth
    self.experts = experts
    self.latent = latent
    self.isTied = isTied
  }

  /// The longest key that words of the name make, put together: `llama27b` of `Llama-2-7B pre-training`.
  static func named(_ words: String) -> PublishedSize? {
    let words = words.split(separator: " ")
    var made: Set<String> = []
    for start in words.indices {
      for end in words.index(after: start)...min(start + 5, words.endIndex) {
        made.insert(words[start..<end].joined())
      }
    }
    return all.filter { made.contains($0.key) }.max { $0.key.count < $1.key.count }
  }

  static let all = dense + encoders + experts

  private static func experts(
    _ count: Int, top: Int, _ feedForward: Int, shared: Int = 0, every: Int = 1, first: Int = 0
  ) -> TransformerSpecification.Experts {
    var experts = TransformerSpecification.Experts(count: count, topK: top, feedForward: feedForward)
    (experts.shared, experts.every, experts.first) = (shared, every, first)
    return experts
  }

  /// The configurations that come with the published weights, or the tables of the papers.
  private static let dense: [PublishedSize] = [
    // Radford et al. 2019; Brown et al. 2020, table 2.1.
    PublishedSize("gpt2small", .gpt, 12, 768, 12, 12, 3072, 50_257, 1024),
    PublishedSize("gpt2", .gpt, 12, 768, 12, 12, 3072, 50_257, 1024),
    PublishedSize("gpt2medium", .gpt, 24, 1024, 16, 16, 4096, 50_257, 1024),
    PublishedSize("gpt2large", .gpt, 36, 1280, 20, 20, 5120, 50_257, 1024),
    PublishedSize("gpt2xl", .gpt, 48, 1600, 25, 25, 6400, 50_257, 1024),
    PublishedSize("gpt3175b", .gpt, 96, 12_288, 96, 96, 49_152, 50_257, 2048),
    PublishedSize("gpt3", .gpt, 96, 12_288, 96, 96, 49_152, 50_257, 2048),
    PublishedSize("gpt3125m", .gpt, 12, 768, 12, 12, 3072, 50_257, 2048),
    PublishedSize("gpt3350m", .gpt, 24, 1024, 16, 16, 4096, 50_257, 2048),
    PublishedSize("gpt3760m", .gpt, 24, 1536, 16, 16, 6144, 50_257, 2048),
    PublishedSize("gpt313b", .gpt, 40, 5120, 40, 40, 20_480, 50_257, 2048),
    PublishedSize("gpt367b", .gpt, 32, 4096, 32, 32, 16_384, 50_257, 2048),
    PublishedSize("gpt327b", .gpt, 32, 2560, 32, 32, 10_240, 50_257, 2048),
    PublishedSize("bloom176b", .bloom, 70, 14_336, 112, 112, 57_344, 250_880, 2048),
    // Narayanan et al. 2021, table 1; Smith et al. 2022.
    PublishedSize("mtnlg", .gpt, 105, 20_480, 128, 128, 81_920, 51_200, 2048),
    // Touvron et al. 2023a, 2023b; Rozière et al. 2023; Grattafiori et al. 2024.
    PublishedSize("llama7b", .llama, 32, 4096, 32, 32, 11_008, 32_000, 2048),
    PublishedSize("llama13b", .llama, 40, 5120, 40, 40, 13_824, 32_000, 2048),
    PublishedSize("llama30b", .llama, 60, 6656, 52, 52, 17_920, 32_000, 2048),
    PublishedSize("llama65b", .llama, 80, 8192, 64, 64, 22_016, 32_000, 2048),
    PublishedSize("llama27b", .llama, 32, 4096, 32, 32, 11_008, 32_000, 4096),
    PublishedSize("llama213b", .llama, 40, 5120, 40, 40, 13_824, 32_000, 4096),
    PublishedSize("llama270b", .llama, 80, 8192, 64, 8, 28_672, 32_000, 4096),
    PublishedSize("llama34b", .llama, 48, 8192, 64, 8, 22_016, 32_000, 4096),
    PublishedSize("llama234b", .llama, 48, 8192, 64, 8, 22_016, 32_000, 4096),
    PublishedSize("llama38b", .llama, 32, 4096, 32, 8, 14_336, 128_256, 8192),
    PublishedSize("llama318b", .llama, 32, 4096, 32, 8, 14_336, 128_256, 8192),
    PublishedSize("llama370b", .llama, 80, 8192, 64, 8, 28_672, 128_256, 8192),
    PublishedSize("llama3170b", .llama, 80, 8192, 64, 8, 28_672, 128_256, 8192),
    PublishedSize("llama3370b", .llama, 80, 8192, 64, 8, 28_672, 128_256, 8192),
    PublishedSize("llama31405b", .llama, 126, 16_384, 128, 8, 53_248, 128_256, 8192),
    PublishedSize("llama3405b", .llama, 126, 16_384, 128, 8, 53_248, 128_256, 8192),
    PublishedSize("llama321b", .llama, 16, 2048, 32, 8, 8192, 128_256, 8192, isTied: true),
    PublishedSize("llama323b", .llama, 28, 3072, 24, 8, 8192, 128_256, 8192, headWidth: 128, isTied: true),
    PublishedSize("mistral7b", .llama, 32, 4096, 32, 8, 14_336, 32_000, 8192),
    PublishedSize("qwen27b", .llama, 28, 3584, 28, 4, 18_944, 152_064, 4096),
    PublishedSize("qwen257b", .llama, 28, 3584, 28, 4, 18_944, 152_064, 4096),
    PublishedSize("qwen2572b", .llama, 80, 8192, 64, 8, 29_568, 152_064, 4096),
    PublishedSize("qwen38b", .llama, 36, 4096, 32, 8, 12_288, 151_936, 4096, headWidth: 128),
    PublishedSize("qwen332b", .llama, 64, 5120, 64, 8, 25_600, 151_936, 4096, headWidth: 128),
    // Parmar et al. 2024 and the recipes of NeMo.
    PublishedSize("nemotron8b", .nemotron, 32, 4096, 32, 32, 16_384, 256_000, 4096),
    PublishedSize("nemotron15b", .nemotron, 32, 6144, 48, 8, 24_576, 256_000, 4096),
    PublishedSize("nemotron415b", .nemotron, 32, 6144, 48, 8, 24_576, 256_000, 4096),
    PublishedSize("nemotron22b", .nemotron, 40, 6144, 48, 48, 24_576, 256_000, 4096),
    PublishedSize("nemotron340b", .nemotron, 96, 18_432, 96, 8, 73_728, 256_000, 4096),
    PublishedSize("nemotron4340b", .nemotron, 96, 18_432, 96, 8, 73_728, 256_000, 4096),
    PublishedSize("falcon7b", .falcon, 32, 4544, 71, 1, 18_176, 65_024, 2048),
    PublishedSize("falcon40b", .falcon, 60, 8192, 128, 8, 32_768, 65_024, 2048),
    PublishedSize("falcon180b", .falcon, 80, 14_848, 232, 8, 59_392, 65_024, 2048),
    PublishedSize("gptj", .neox, 28, 4096, 16, 16, 16_384, 50_400, 2048),
    PublishedSize("gptneox20b", .neox, 44, 6144, 64, 64, 24_576, 50_432, 2048),
    PublishedSize("gptneox", .neox, 44, 6144, 64, 64, 24_576, 50_432, 2048),
    PublishedSize("phi15", .neox, 24, 2048, 32, 32, 8192, 51_200, 2048),
    PublishedSize("phi2", .neox, 32, 2560, 32, 32, 10_240, 51_200, 2048),
    PublishedSize("stablelm3b", .llama, 32, 2560, 32, 32, 6912, 50_304, 4096),
    PublishedSize("opt13b", .gpt, 40, 5120, 40, 40, 20_480, 50_272, 2048),
    PublishedSize("opt30b", .gpt, 48, 7168, 56, 56, 28_672, 50_272, 2048),
    PublishedSize("opt66b", .gpt, 64, 9216, 72, 72, 36_864, 50_272, 2048),
    PublishedSize("opt175b", .gpt, 96, 12_288, 96, 96, 49_152, 50_272, 2048),
    // MosaicML's foundry.
    PublishedSize("mpt125m", .mpt, 12, 768, 12, 12, 3072, 50_368, 2048),
    PublishedSize("mpt350m", .mpt, 24, 1024, 16, 16, 4096, 50_368, 2048),
    PublishedSize("mpt760m", .mpt, 24, 1536, 12, 12, 6144, 50_368, 2048),
    PublishedSize("mpt1b", .mpt, 24, 2048, 16, 16, 8192, 50_368, 2048),
    PublishedSize("mpt3b", .mpt, 32, 2560, 20, 20, 10_240, 50_368, 2048),
    PublishedSize("mpt7b", .mpt, 32, 4096, 32, 32, 16_384, 50_368, 2048),
    PublishedSize("mpt13b", .mpt, 40, 5120, 40, 40, 20_480, 50_368, 2048),
    PublishedSize("mpt30b", .mpt, 48, 7168, 56, 56, 28_672, 50_368, 2048),
    PublishedSize("mpt70b", .mpt, 80, 8192, 64, 64, 32_768, 50_368, 2048),
  ]

  private static let encoders: [PublishedSize] = [
    PublishedSize("bertbase", .bert, 12, 768, 12, 12, 3072, 30_522, 512),
    PublishedSize("bertlarge", .bert, 24, 1024, 16, 16, 4096, 30_522, 512),
    // The recipes of NeMo.
    PublishedSize("bert4b", .bert, 48, 2560, 32, 32, 10_240, 30_522, 512),
    PublishedSize("bert20b", .bert, 48, 6144, 96, 96, 24_576, 30_522, 512),
    PublishedSize("bert100b", .bert, 96, 9216, 96, 96, 36_864, 30_522, 512),
    PublishedSize("robertabase", .bert, 12, 768, 12, 12, 3072, 50_265, 512),
    PublishedSize("robertalarge", .bert, 24, 1024, 16, 16, 4096, 50_265, 512),
    PublishedSize("distilbert", .bert, 6, 768, 12, 12, 3072, 30_522, 512),
    PublishedSize("biobert", .bert, 12, 768, 12, 12, 3072, 28_996, 512),
    PublishedSize("electrabase", .bert, 12, 768, 12, 12, 3072, 30_522, 512),
    PublishedSize("electralarge", .bert, 24, 1024, 16, 16, 4096, 30_522, 512),
    PublishedSize("electrasmall", .bert, 12, 256, 4, 4, 1024, 30_522, 128),
    PublishedSize("t5v11small", .t5, 8, 512, 6, 6, 1024, 32_128, 512, headWidth: 64),
    PublishedSize("t5v11base", .t5, 12, 768, 12, 12, 2048, 32_128, 512, headWidth: 64),
    PublishedSize("t5v11large", .t5, 24, 1024, 16, 16, 2816, 32_128, 512, headWidth: 64),
    PublishedSize("t5v11xl", .t5, 24, 2048, 32, 32, 5120, 32_128, 512, headWidth: 64),
    PublishedSize("t5v11xxl", .t5, 24, 4096, 64, 64, 10_240, 32_128, 512, headWidth: 64),
    PublishedSize("t5220m", .t5, 12, 768, 12, 12, 2048, 32_128, 512, headWidth: 64),
    PublishedSize("t53b", .t5, 24, 2048, 32, 32, 5120, 32_128, 512, headWidth: 64),
    PublishedSize("t5base", .t5, 12, 768, 12, 12, 2048, 32_128, 512, headWidth: 64),
    PublishedSize("mt5170m", .t5, 8, 512, 6, 6, 1024, 250_112, 512, headWidth: 64),
    PublishedSize("mt5390m", .t5, 12, 768, 12, 12, 2048, 250_112, 512, headWidth: 64),
    PublishedSize("mt53b", .t5, 24, 2048, 32, 32, 5120, 250_112, 512, headWidth: 64),
    PublishedSize("bartbase", .seq2seq, 6, 768, 12, 12, 3072, 50_265, 1024),
    PublishedSize("bartlarge", .seq2seq, 12, 1024, 16, 16, 4096, 50_265, 1024),
    PublishedSize("transformerbase", .seq2seq, 6, 512, 8, 8, 2048, 33_712, 32),
    PublishedSize("transformerbig", .seq2seq, 6, 1024, 16, 16, 4096, 33_712, 32),
  ]

  private static let deepSeekLatent = TransformerSpecification.LatentAttention(
    query: 1536, keyValue: 512, plain: 128, rotary: 64, value: 128)

  private static let experts: [PublishedSize] = [
    PublishedSize("mixtral8x7b", .llama, 32, 4096, 32, 8, 14_336, 32_000, 4096, experts: experts(8, top: 2, 14_336)),
    PublishedSize(
      "mixtral8x22b", .llama, 56, 6144, 48, 8, 16_384, 32_768, 4096, experts: experts(8, top: 2, 16_384)),
    PublishedSize("dbrx", .llama, 40, 6144, 48, 8, 10_752, 100_352, 4096, experts: experts(16, top: 4, 10_752)),
    PublishedSize(
      "grok1", .llama, 64, 6144, 48, 8, 32_768, 131_072, 8192, experts: experts(8, top: 2, 32_768), isTied: true),
    PublishedSize(
      "deepseekv3", .llama, 61, 7168, 128, 128, 18_432, 129_280, 4096,
      experts: experts(256, top: 8, 2048, shared: 1, first: 3), latent: deepSeekLatent),
    PublishedSize(
      "deepseekr1", .llama, 61, 7168, 128, 128, 18_432, 129_280, 4096,
      experts: experts(256, top: 8, 2048, shared: 1, first: 3), latent: deepSeekLatent),
    PublishedSize(
      "deepseekv2", .llama, 60, 5120, 128, 128, 12_288, 102_400, 4096,
      experts: experts(160, top: 6, 1536, shared: 2, first: 1), latent: deepSeekLatent),
    PublishedSize(
      "deepseekv2lite", .llama, 27, 2048, 16, 16, 10_944, 102_400, 4096,
      experts: experts(64, top: 6, 1408, shared: 2, first: 1),
      latent: TransformerSpecification.LatentAttention(
        query: nil, keyValue: 512, plain: 128, rotary: 64, value: 128)),
    PublishedSize(
      "kimik2", .llama, 61, 7168, 64, 64, 18_432, 163_840, 4096,
      experts: experts(384, top: 8, 2048, shared: 1, first: 1), latent: deepSeekLatent),
    PublishedSize(
      "qwen330ba3b", .llama, 48, 2048, 32, 4, 6144, 151_936, 4096, headWidth: 128, experts: experts(128, top: 8, 768)),
    PublishedSize(
      "qwen330b", .llama, 48, 2048, 32, 4, 6144, 151_936, 4096, headWidth: 128, experts: experts(128, top: 8, 768)),
    PublishedSize(
      "qwen3235b", .llama, 94, 4096, 64, 4, 12_288, 151_936, 4096, headWidth: 128,
      experts: experts(128, top: 8, 1536)),
    PublishedSize(
      "gptoss20b", .llama, 24, 2880, 64, 8, 2880, 201_088, 4096, headWidth: 64, experts: experts(32, top: 4, 2880)),
    PublishedSize(
      "gptoss120b", .llama, 36, 2880, 64, 8, 2880, 201_088, 4096, headWidth: 64, experts: experts(128, top: 4, 2880)),
    PublishedSize(
      "llama4maverick", .llama, 48, 5120, 40, 8, 16_384, 202_048, 8192,
      experts: experts(128, top: 1, 8192, shared: 1, every: 2)),
    PublishedSize(
      "llama4scout", .llama, 48, 5120, 40, 8, 16_384, 202_048, 8192, experts: experts(16, top: 1, 8192, shared: 1)),
  ]
}
