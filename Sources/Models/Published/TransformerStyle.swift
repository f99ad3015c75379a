import ModelGraph

/// What the transformers of a family have in common beside their sizes, as they are trained.
enum TransformerStyle: Sendable, Hashable {
  /// Brown et al. 2020 as Megatron trains it: layer norms before, GELU, learned positions, biases, a tied output.
  case gpt
  /// MosaicML's: GPT without biases and dropout.
  case mpt
  /// BigScience 2022: ALiBi, a norm of the embedding.
  case bloom
  /// Touvron et al. 2023: RMS norms, gated SiLU, rotary positions, no biases, an output of its own.
  case llama
  /// Parmar et al. 2024: layer norms, squared ReLU, rotary positions, no biases, an output of its own.
  case nemotron
  /// Rotary positions, biases, an output of its own: GPT-J, GPT-NeoX, Pythia, phi.
  case neox
  /// Almazrouei et al. 2023: rotary positions, no biases, a tied output.
  case falcon
  /// Devlin et al. 2019.
  case bert
  /// Raffel et al. 2020, version 1.1: relative positions, RMS norms, gated GELU, an output of its own.
  case t5
  /// Lewis et al. 2020; Vaswani et al. 2017: norms behind, an encoder and a decoder.
  case seq2seq

  /// What a description's family and name tell; nil if they tell nothing.
  init?(family: String, words: String) {
    let byName: [(String, TransformerStyle)] = [
      ("mpt", .mpt), ("bloom", .bloom), ("nemotron", .nemotron), ("falcon", .falcon), ("phi", .neox), ("neox", .neox),
      ("pythia", .neox), ("gptj", .neox), ("llama", .llama), ("mistral", .llama), ("qwen", .llama), ("gemma", .llama),
      ("granite", .llama), ("bert", .bert), ("electra", .bert), ("t5", .t5), ("bart", .seq2seq),
      ("gpt", .gpt), ("megatron", .gpt),
    ]
    let byFamily: [String: TransformerStyle] = [
      "gpt-dense": .gpt, "gpt": .gpt, "bloom": .bloom, "llama": .llama, "bert": .bert, "t5": .t5, "enc-dec": .seq2seq,
    ]
    let words = words.split(separator: " ")
    guard
      let style = byName.first(where: { name in words.contains(where: { $0.contains(name.0) }) })?.1 ?? byFamily[family]
    else { return nil }
    self = style
  }

  func apply(to model: inout TransformerSpecification) {
    switch self {
    case .gpt: (model.dropout, model.attentionDropout) = (0.1, 0.1)
    case .mpt: model.hasBias = false
    case .bloom:
      model.positions = .alibi
      model.hasEmbeddingNorm = true
    case .llama:
      (model.norm, model.activation, model.isGated) = (.rms, .swish, true)
      (model.positions, model.hasBias, model.isTied) = (.rotary, false, false)
    case .nemotron:
      (model.activation, model.positions, model.hasBias, model.isTied) = (.relu, .rotary, false, false)
    case .neox: (model.positions, model.isTied) = (.rotary, false)
    case .falcon: (model.positions, model.hasBias) = (.rotary, false)
    case .bert:
      (model.kind, model.normPlace, model.activation) = (.encoder, .after, .gelu(.erf))
      (model.tokenTypes, model.hasEmbeddingNorm, model.head) = (2, true, .maskedLanguageModel)
      (model.dropout, model.attentionDropout) = (0.1, 0.1)
    case .t5:
      (model.kind, model.norm, model.activation, model.isGated) = (.encoderDecoder, .rms, .gelu(.tanh), true)
      (model.positions, model.hasBias, model.isTied) = (.relative, false, false)
      (model.dropout, model.attentionDropout) = (0.1, 0.1)
    case .seq2seq:
      (model.kind, model.normPlace) = (.encoderDecoder, .after)
      (model.dropout, model.attentionDropout) = (0.1, 0.1)
    }
  }

  /// Width of the feed-forward layer of a hidden width, where the family has a rule for it.
  func feedForward(hidden: Int) -> Int? {
    switch self {
    case .gpt, .mpt, .bloom, .nemotron, .neox, .falcon, .bert, .seq2seq: 4 * hidden
    case .llama, .t5: nil
    }
  }

  /// Of the tokenizer that the family is trained with.
  var vocabulary: Int? {
    switch self {
    case .gpt: 50_257
    case .mpt: 50_368
    case .bloom: 250_880
    case .bert: 30_522
    case .t5: 32_128
    case .falcon: 65_024
    case .llama, .nemotron, .neox, .seq2seq: nil
    }
  }
}
