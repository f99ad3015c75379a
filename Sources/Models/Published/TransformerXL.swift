import ModelGraph

/// Transformer-XL (Dai et al. 2019) on WikiText-103, as NVIDIA trains it: each segment also attends to the one before it,
/// by relative positions, and rare words are predicted from narrow vectors.
struct TransformerXL: PublishedArchitecture {
  let layers: Int
  let hidden: Int
  let heads: Int
  let feedForward: Int
  let segment: Int
  /// How much narrower the vectors of each rarer group of words are.
  let division: Int

  var samplesUnit: SampleUnit { .sequence }

  /// Words by their rank: the most frequent, and three groups of rarer ones.
  static let groups = [19_997, 20_000, 160_000, 67_738]
  /// The share of WikiText-103's 103 million running words in each of the rarer groups, by Zipf's law with an exponent of
  /// 1.3 up from the 3 times that its rarest word occurs.
  static let shares = [0.011, 0.018, 0.0025]

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let key = description.key
    guard key.contains("transformerxl") else { return nil }
    let isLarge = key.contains("large")
    let segment = ModelDescription.number(description.sequence) ?? (isLarge ? 384 : 192)
    return TransformerXL(
      layers: ModelDescription.number(description.layers) ?? (isLarge ? 18 : 16),
      hidden: ModelDescription.number(description.hidden) ?? (isLarge ? 1024 : 512),
      heads: ModelDescription.number(description.heads) ?? (isLarge ? 16 : 8),
      feedForward: ModelDescription.number(description.feedForward) ?? (isLarge ? 4096 : 2048), segment: segment,
      division: isLarge ? 4 : 1)
  }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var net = NetworkBuilder(.none)
    let (batch, steps) = (run.microBatch, run.sequence ?? segment)
    var x = try embedded(&net, batch: batch, steps: steps)
    x = try net.dropout("embedding/dropout", x, rate: 0.1)
    // Sinusoids of all distances, the same for each sample.
    let distances = net.input("distances", [1, 2 * steps, hidden])
    for layer in 0..<layers {
      let name = "block\(layer)"
      let memory = net.input("\(name)/memory", [batch, steps, hidden])
      x = try attention(&net, name, x, memory, distances)
      var y = try net.activation("\(name)/mlp/relu", try net.dense("\(name)/mlp/up", x, feedForward))
      y = try net.dropout("\(name)/mlp/inner-dropout", y, rate: 0.1)
      y = try net.dropout("\(name)/mlp/dropout", try net.dense("\(name)/mlp/down", y, hidden), rate: 0.1)
      x = try net.layerNorm("\(name)/mlp/norm", try net.add("\(name)/mlp/add", [x, y]))
    }
    try losses(&net, x)
    return [net.part("Transformer-XL")]
  }

  /// Widths of the vectors of each group of words.
  private func width(_ group: Int) -> Int {
    max(hidden / (0..<group).reduce(1) { value, _ in value * division }, 1)
  }

  /// How many of the running words are of each group.
  private func counts(_ words: Int) -> [Int] {
    let rare = Self.shares.map { max(Int($0 * Double(words)), 1) }
    return [max(words - rare.reduce(0, +), 1)] + rare
  }

  /// Each word from the table of its group, and up to the full width from a narrower one.
  private func embedded(_ net: inout NetworkBuilder, batch: Int, steps: Int) throws -> ValueID {
    let counts = counts(batch * steps)
    let parts = try Self.groups.indices.map { group in
      let tokens = net.input("input\(group)", [counts[group]], .int32)
      let x = try net.embedding("token\(group)", tokens, vocabulary: Self.groups[group], width: width(group))
      return width(group) == hidden ? x : try net.dense("embedding/up\(group)", x, hidden, hasBias: false)
    }
    let rows = try net.concatenate("embedding/rows", parts, dimension: 0)
    return try net.reshape("embedding/sequences", rows, [batch, steps, hidden])
  }

  /// Scores (q + u) k + (q + v) r in one product over vectors of twice the width: [q + u, q + v] · [k, r].
  private func attention(
    _ net: inout NetworkBuilder, _ name: String, _ x: ValueID, _ memory: ValueID, _ distances: ValueID
  ) throws -> ValueID {
    let (batch, steps) = (net.shape(x)[0], net.shape(x)[1])
    let both = try net.concatenate("\(name)/attention/context", [memory, x])
    let qkv = try net.dense("\(name)/attention/qkv", both, 3 * hidden, hasBias: false)
    let kv = try net.slice("\(name)/attention/kv", qkv, dimension: 2, start: hidden, count: 2 * hidden)
    let ownQuery = try net.slice("\(name)/attention/query", qkv, dimension: 2, start: 0, count: hidden)
    let query = try net.slice("\(name)/attention/new", ownQuery, dimension: 1, start: steps, count: steps)
    let key = try net.slice("\(name)/attention/key", kv, dimension: 2, start: 0, count: hidden)
    let value = try net.slice("\(name)/attention/value", kv, dimension: 2, start: hidden, count: hidden)
    let relative = try net.dense("\(name)/attention/relative", distances, hidden, hasBias: false)
    let flat = try net.reshape("\(name)/attention/flat", relative, [1, 2 * steps * hidden])
    let repeated = try net.append(.repeated(Repeat(count: batch)), [flat], layer: "\(name)/attention/repeat")
    let r = try net.reshape("\(name)/attention/rows", repeated, [batch, 2 * steps, hidden])
    let wideQuery = try net.concatenate("\(name)/attention/queries", [query, query], dimension: 2)
    let wideKey = try net.concatenate("\(name)/attention/keys", [key, r], dimension: 2)
    var y = try net.attention("\(name)/attention/core", wideQuery, wideKey, value, heads: heads)
    y = try net.dense("\(name)/attention/output", y, hidden, hasBias: false)
    y = try net.dropout("\(name)/attention/dropout", y, rate: 0.1)
    return try net.layerNorm("\(name)/attention/norm", try net.add("\(name)/attention/add", [x, y]))
  }

  /// The frequent words and the groups for every token, the words of a group for its tokens alone (Grave et al. 2017), by
  /// the tables of the embedding.
  private func losses(_ net: inout NetworkBuilder, _ x: ValueID) throws {
    let (batch, steps) = (net.shape(x)[0], net.shape(x)[1])
    let rows = try net.reshape("head/rows", x, [batch * steps, hidden])
    try net.crossEntropy("group_loss", try net.dense("head/groups", rows, Self.shares.count + 1))
    for (group, count) in counts(batch * steps).enumerated() {
      var own = group == 0 ? rows : try net.slice("head/tokens\(group)", rows, dimension: 0, start: 0, count: count)
      if width(group) != hidden { own = try net.dense("head/down\(group)", own, width(group), hasBias: false) }
      // The table of the embedding, by its name, and a bias.
      try net.crossEntropy("loss\(group)", try net.dense("token\(group)", own, Self.groups[group]))
    }
  }
}
