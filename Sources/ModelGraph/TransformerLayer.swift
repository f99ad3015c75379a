/// The parts of a transformer, one a layer of its graph; the raw value is the end of the layer's name.
///
/// Names are `block3/attention/qkv` in a model of one stack, `encoder/block3/attention/qkv` and
/// `decoder/block3/cross/query` in one of two; parts that belong to no block leave that out: `embedding/token`,
/// `head/output`. Blocks count from 0. This is the one place for the scheme: `TransformerLayer` makes and reads it.
package enum TransformerPart: String, Hashable, Sendable, Codable, CaseIterable {
  case tokenEmbedding = "embedding/token"
  case positionEmbedding = "embedding/position"
  case typeEmbedding = "embedding/type"
  case embeddingNorm = "embedding/norm"
  case embeddingDropout = "embedding/dropout"
  /// The table of a relative position bias, one for the blocks of a stack.
  case relativeBias = "embedding/relative"

  case attentionNorm = "attention/norm"
  /// Query, key and value in one dense layer, [(a + g) d + g e, h], and the cut of its output.
  case qkv = "attention/qkv"
  case split = "attention/split"
  // Latent attention: queries, and keys with values, from vectors of a lower width.
  case queryDown = "attention/query-down"
  case queryNorm = "attention/query-norm"
  case queryUp = "attention/query-up"
  case keyValueDown = "attention/kv-down"
  case keyValueNorm = "attention/kv-norm"
  case keyValueUp = "attention/kv-up"
  case rotary = "attention/rotary"
  /// The rows of a latent attention's heads put together of their parts.
  case assembly = "attention/assembly"
  case attention = "attention/core"
  case attentionOutput = "attention/output"
  case attentionDropout = "attention/dropout"
  case attentionAdd = "attention/add"

  // A decoder's attention to the encoder's output.
  case crossNorm = "cross/norm"
  case crossQuery = "cross/query"
  case crossKeyValue = "cross/kv"
  case crossSplit = "cross/split"
  case crossAttention = "cross/core"
  case crossOutput = "cross/output"
  case crossDropout = "cross/dropout"
  case crossAdd = "cross/add"

  case mlpNorm = "mlp/norm"
  case mlpGate = "mlp/gate"
  case mlpUp = "mlp/up"
  case mlpActivation = "mlp/activation"
  case mlpMultiply = "mlp/multiply"
  case mlpDown = "mlp/down"
  case mlpDropout = "mlp/dropout"
  case mlpAdd = "mlp/add"

  case router = "moe/router"
  case route = "moe/route"
  case dispatch = "moe/dispatch"
  case expertGate = "moe/gate"
  case expertUp = "moe/up"
  case expertActivation = "moe/activation"
  case expertMultiply = "moe/multiply"
  case expertDown = "moe/down"
  case combine = "moe/combine"
  case sharedGate = "shared/gate"
  case sharedUp = "shared/up"
  case sharedActivation = "shared/activation"
  case sharedMultiply = "shared/multiply"
  case sharedDown = "shared/down"
  case sharedAdd = "shared/add"

  case finalNorm = "final/norm"
  case finalDropout = "final/dropout"

  /// The steps of a masked language model that are to be found.
  case gather = "head/gather"
  /// The one position of a sequence that a classifier looks at.
  case select = "head/select"
  /// The dense layer before a head's last one: a masked language model's transform, a classifier's pooler.
  case transform = "head/transform"
  case transformActivation = "head/activation"
  case transformNorm = "head/norm"
  case headDropout = "head/dropout"
  case headScale = "head/scale"
  case output = "head/output"
}

/// How a layer is cut over the ranks that share each layer of a model (tensor parallelism: Shoeybi et al. 2019, §3).
package enum TransformerLayerRole: String, Hashable, Sendable, Codable, CaseIterable {
  /// A dense layer whose outputs are cut: each rank has 1/t of the rows of its weights [O, I] and of its bias, reads all
  /// of its input and gives 1/t of its output. Its input's gradient is summed over the ranks.
  case columnParallel
  /// A dense layer whose inputs are cut: each rank has 1/t of the columns of its weights, reads 1/t of its input, and the
  /// ranks' outputs are summed.
  case rowParallel
  /// Works on what a column-parallel layer gave, 1/t of the features, or of the heads, a rank. Has no weights but the
  /// table of a relative position bias, of which a rank has the columns of its heads.
  case between
  /// A table of the vocabulary, of which each rank has 1/t of the rows: the embedding, whose results are summed, and the
  /// output projection, whose logits stay cut up to the loss.
  case vocabularyParallel
  /// Each rank has some of the experts whole, so that rows go to their ranks and back (an all-to-all each way).
  case expertParallel
  /// The same on each rank; with sequence parallelism each rank has 1/t of the positions, but all of the parameters.
  case replicated
}

extension TransformerPart {
  package var role: TransformerLayerRole {
    switch self {
    case .qkv, .queryUp, .keyValueUp, .crossQuery, .crossKeyValue, .mlpGate, .mlpUp, .sharedGate, .sharedUp:
      .columnParallel
    case .attentionOutput, .crossOutput, .mlpDown, .sharedDown: .rowParallel
    case .split, .rotary, .assembly, .attention, .crossSplit, .crossAttention, .mlpActivation, .mlpMultiply,
      .sharedActivation, .sharedMultiply, .relativeBias:
      .between
    case .tokenEmbedding, .output: .vocabularyParallel
    case .expertGate, .expertUp, .expertActivation, .expertMultiply, .expertDown: .expertParallel
    case .positionEmbedding, .typeEmbedding, .embeddingNorm, .embeddingDropout, .attentionNorm, .queryDown, .queryNorm,
      .keyValueDown, .keyValueNorm, .attentionDropout, .attentionAdd, .crossNorm, .crossDropout, .crossAdd, .mlpNorm,
      .mlpDropout, .mlpAdd, .router, .route, .dispatch, .combine, .sharedAdd, .finalNorm, .finalDropout, .gather,
      .select,
      .transform, .transformActivation, .transformNorm, .headDropout, .headScale:
      .replicated
    }
  }

  /// Whether it stands in each block.
  package var isInBlock: Bool {
    !["embedding/", "final/", "head/"].contains { rawValue.hasPrefix($0) }
  }
}

/// A layer of a transformer by what it is: the name that its nodes carry in a graph.
///
///     let layer = TransformerLayer(name: node.layer)        // decoder/block3/mlp/up
///     layer?.block                                          // 3
///     layer?.role                                           // .columnParallel
package struct TransformerLayer: Hashable, Sendable, Codable {
  package enum Stack: String, Hashable, Sendable, Codable, CaseIterable {
    /// The blocks of a model that has one stack.
    case only = ""
    case encoder = "encoder/"
    case decoder = "decoder/"
  }

  package let stack: Stack
  /// Counts from 0 in each stack; nil for what belongs to none.
  package let block: Int?
  package let part: TransformerPart

  package init(stack: Stack = .only, block: Int? = nil, _ part: TransformerPart) {
    precondition((block != nil) == part.isInBlock, "\(part.rawValue) is in \(part.isInBlock ? "a" : "no") block")
    self.stack = stack
    self.block = block
    self.part = part
  }

  package var role: TransformerLayerRole { part.role }

  package var name: String { stack.rawValue + (block.map { "block\($0)/" } ?? "") + part.rawValue }

  /// What `name` names; nil if it is no layer of a transformer.
  package init?(name: String) {
    var rest = name[...]
    var stack = Stack.only
    if let found = [Stack.encoder, .decoder].first(where: { rest.hasPrefix($0.rawValue) }) {
      stack = found
      rest = rest.dropFirst(found.rawValue.count)
    }
    var block: Int?
    if rest.hasPrefix("block"), let slash = rest.firstIndex(of: "/") {
      guard let number = Int(rest[..<slash].dropFirst("block".count)), number >= 0 else { return nil }
      block = number
      rest = rest[slash...].dropFirst()
    }
    guard let part = TransformerPart(rawValue: String(rest)), part.isInBlock == (block != nil) else { return nil }
    self.init(stack: stack, block: block, part)
  }
}
