/// A transformer of one stack by its sizes: what closed forms of its memory and work need.
package struct TransformerDimensions: Hashable, Sendable, Codable {
  package struct Experts: Hashable, Sendable, Codable {
    /// E and k: experts of a layer, and those that a token goes to.
    package var count: Int
    package var perToken: Int
    /// f_e.
    package var feedForward: Int
    /// Width of experts that every token goes to; 0 for none.
    package var shared: Int

    package init(count: Int, perToken: Int, feedForward: Int, shared: Int = 0) {
      self.count = count
      self.perToken = perToken
      self.feedForward = feedForward
      self.shared = shared
    }
  }

  /// L, h, a, g, f, s, V.
  package var layers: Int
  package var hidden: Int
  package var heads: Int
  package var keyValueHeads: Int
  package var feedForward: Int
  package var sequence: Int
  package var vocabulary: Int
  /// Of every layer, instead of its feed-forward part.
  package var experts: Experts?
  /// Three products in the feed-forward part rather than two (Shazeer 2020).
  package var isGated: Bool
  /// Norms of a scale alone (RMS) rather than of scale and shift.
  package var hasShiftlessNorms: Bool
  package var hasBiases: Bool
  package var hasPositionTable: Bool
  package var tiesEmbeddings: Bool
  package var hasDropout: Bool
  /// Whether attention never writes its scores (Dao et al. 2022).
  package var fusesAttention: Bool

  package init(
    layers: Int, hidden: Int, heads: Int, keyValueHeads: Int? = nil, feedForward: Int? = nil, sequence: Int,
    vocabulary: Int, experts: Experts? = nil, isGated: Bool = false, hasShiftlessNorms: Bool = false,
    hasBiases: Bool = true, hasPositionTable: Bool = true, tiesEmbeddings: Bool = true, hasDropout: Bool = true,
    fusesAttention: Bool = false
  ) {
    self.layers = layers
    self.hidden = hidden
    self.heads = heads
    self.keyValueHeads = keyValueHeads ?? heads
    self.feedForward = feedForward ?? 4 * hidden
    self.sequence = sequence
    self.vocabulary = vocabulary
    self.experts = experts
    self.isGated = isGated
    self.hasShiftlessNorms = hasShiftlessNorms
    self.hasBiases = hasBiases
    self.hasPositionTable = hasPositionTable
    self.tiesEmbeddings = tiesEmbeddings
    self.hasDropout = hasDropout
    self.fusesAttention = fusesAttention
  }

  package var divisors: ModelDivisors {
    ModelDivisors(
      layers: layers, heads: heads, keyValueHeads: keyValueHeads, sequence: sequence, experts: experts?.count ?? 1,
      hasAttention: true, canRecompute: true)
  }

  /// g/a: the share of the queries' width that keys have, and values.
  package var keyValueShare: Double { Double(keyValueHeads) / Double(heads) }

  // MARK: Parameters

  /// Of one layer: 2h²(1 + g/a) of attention, 2hf (3hf gated) of the feed-forward part, norms; biases if there are any.
  ///
  /// Biases of products whose outputs are summed over ranks (attention's output, the second of the feed-forward part) are
  /// held by each rank, like norms. Source: Megatron-LM's theoretical memory usage; Narayanan et al. 2021, eq. 2, for the
  /// sum over layers.
  package var layerParameters: ParameterShares {
    let h = Double(hidden)
    let kv = keyValueShare
    var shares = ParameterShares(dense: 2 * h * h * (1 + kv), replicated: 2 * h * (hasShiftlessNorms ? 1 : 2))
    if hasBiases {
      shares.dense += h * (1 + 2 * kv)
      shares.replicated += h
    }
    let products = isGated ? 3.0 : 2.0
    guard let experts else { return shares + feedForwardParameters(width: Double(feedForward)) }
    let routed = Double(experts.count)
    shares.experts = routed * products * h * Double(experts.feedForward)
    shares.replicated += h * routed
    if experts.shared > 0 { shares = shares + feedForwardParameters(width: Double(experts.shared)) }
    return shares
  }

  private func feedForwardParameters(width f: Double) -> ParameterShares {
    let h = Double(hidden)
    var shares = ParameterShares(dense: (isGated ? 3 : 2) * h * f)
    if hasBiases {
      shares.dense += f * (isGated ? 2 : 1)
      shares.replicated = h
    }
    return shares
  }

  /// The tables in front: tokens' rows are cut over ranks, positions' are not.
  package var embeddingParameters: ParameterShares {
    ParameterShares(
      dense: Double(vocabulary * hidden), replicated: hasPositionTable ? Double(sequence * hidden) : 0)
  }

  /// The norm behind the last layer and the output projection, which one stage shares with the embedding if tied.
  package func headParameters(withProjection: Bool) -> ParameterShares {
    ParameterShares(
      dense: withProjection ? Double(vocabulary * hidden) : 0,
      replicated: Double(hidden) * (hasShiftlessNorms ? 1 : 2))
  }

  /// Ψ.
  package var parameterCount: Double {
    (Double(layers) * layerParameters + embeddingParameters + headParameters(withProjection: !tiesEmbeddings)).total
  }

  /// Parameters of stage `stage`; a last stage other than the first has a projection of its own even if tied.
  package func parameters(ofStage stage: Int, _ layout: ParallelLayout) -> ParameterShares {
    var shares = Double(layout.layers(ofStage: stage, of: layers)) * layerParameters
    if stage == 0 { shares = shares + embeddingParameters }
    if stage == layout.pipeline - 1 {
      shares = shares + headParameters(withProjection: stage > 0 || !tiesEmbeddings)
    }
    return shares
  }
}
