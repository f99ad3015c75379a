import ModelGraph
package import Models

/// Parameters in closed form; the same that a graph of the model has. Source of the sums: Megatron-LM's theoretical memory
/// usage, and Narayanan et al. 2021, eq. 2, for plain blocks.
extension TransformerSpecification {
  package var divisors: ModelDivisors {
    ModelDivisors(
      layers: blockSequence.count, heads: heads, keyValueHeads: latent == nil ? keyValueHeads : heads,
      sequence: sequence, targetSequence: hasTwoStacks ? targetSequence : nil, experts: experts?.count ?? 1,
      hasAttention: true, canRecompute: true, canInterleave: !hasTwoStacks)
  }

  var hasTwoStacks: Bool { kind == .encoderDecoder }

  private var normParameters: Double { Double(hidden) * (norm == .rms ? 1 : 2) }

  /// Of one block: attention (and a decoder's second one), feed-forward part or experts, and a norm before each.
  ///
  /// Biases of products whose outputs are summed over ranks (attention's output, the second of the feed-forward part) are
  /// held by each rank, like norms.
  package func parameters(of kind: BlockKind) -> ParameterShares {
    let h = Double(hidden)
    var shares = ParameterShares(replicated: (kind.isDecoder ? 3 : 2) * normParameters) + attentionParameters
    if kind.isDecoder { shares = shares + plainAttentionParameters }
    guard kind.hasExperts, let experts else { return shares + feedForwardParameters(width: Double(feedForward)) }
    let (routed, width) = (Double(experts.count), Double(experts.feedForward))
    shares.experts = routed * (isGated ? 3 : 2) * h * width
    if hasBias { shares.experts += routed * ((isGated ? 2 : 1) * width + h) }
    shares.replicated += h * routed
    if experts.shared > 0 {
      shares = shares + feedForwardParameters(width: Double(experts.shared * experts.feedForward))
    }
    return shares
  }

  private var attentionParameters: ParameterShares {
    guard let latent else { return plainAttentionParameters }
    let (h, a) = (Double(hidden), Double(heads))
    let (narrow, rotary) = (Double(latent.keyValue), Double(latent.rotary))
    let queries = a * Double(latent.plain + latent.rotary)
    let keysAndValues = a * Double(latent.plain + latent.value)
    let scales: Double = norm == .rms ? 1 : 2
    var shares = ParameterShares(
      dense: narrow * keysAndValues + a * Double(latent.value) * h,
      replicated: h * (narrow + rotary) + scales * narrow)
    if hasBias {
      shares.dense += queries + keysAndValues
      shares.replicated += narrow + rotary + h
    }
    guard let query = latent.query.map(Double.init) else {
      shares.dense += h * queries
      return shares
    }
    shares.dense += query * queries
    shares.replicated += h * query + scales * query + (hasBias ? query : 0)
    return shares
  }

  /// h·(2a + 2g)·d: 2h²(1 + g/a) where all heads together are as wide as the model.
  private var plainAttentionParameters: ParameterShares {
    let h = Double(hidden)
    let (queries, keys) = (Double(heads * headWidth), Double(keyValueHeads * headWidth))
    var shares = ParameterShares(dense: 2 * h * (queries + keys))
    if hasBias {
      shares.dense += queries + 2 * keys
      shares.replicated += h
    }
    return shares
  }

  /// 2hf, 3hf gated.
  private func feedForwardParameters(width f: Double) -> ParameterShares {
    let h = Double(hidden)
    var shares = ParameterShares(dense: (isGated ? 3 : 2) * h * f)
    if hasBias {
      shares.dense += f * (isGated ? 2 : 1)
      shares.replicated = h
    }
    return shares
  }

  /// The tokens' table, whose rows are cut over ranks; stacks and a tied projection share it.
  package var tableParameters: ParameterShares { ParameterShares(dense: Double(vocabulary * hidden)) }

  /// What else stands before the blocks of a stack: tables of positions, of token types, of relative distances, a norm.
  package var frontParameters: ParameterShares {
    var shares = ParameterShares(replicated: Double(tokenTypes * hidden))
    if positions == .learned { shares.replicated += Double(maximumPositions * hidden) }
    if positions == .relative { shares.dense += Double(Self.relativeBuckets * heads) }
    if hasEmbeddingNorm { shares.replicated += normParameters }
    return shares
  }

  /// The norm behind the last block of a stack.
  package var finalNormParameters: ParameterShares {
    ParameterShares(replicated: normPlace == .before ? normParameters : 0)
  }

  /// What stands between the last stack and the projection, and the projection if it has a matrix of its own.
  package var headParameters: ParameterShares {
    let h = Double(hidden)
    let table = Double(vocabulary * hidden)
    switch head {
    case .languageModel: return ParameterShares(dense: isTied ? 0 : table)
    case .maskedLanguageModel:
      return ParameterShares(
        dense: (isTied ? 0 : table) + Double(vocabulary), replicated: h * h + (hasBias ? h : 0) + normParameters)
    case .classifier:
      let outputs = Double(classes)
      guard kind != .decoder else { return ParameterShares(dense: h * outputs) }
      return ParameterShares(dense: (h + 1) * outputs, replicated: h * h + (hasBias ? h : 0))
    }
  }

  /// Whether the projection reads the tokens' table.
  var projectsByTable: Bool { isTied && head != .classifier }

  /// Ψ.
  package var parameterCount: Double {
    let blocks = blockSequence
    var shares = tableParameters + headParameters
    for kind in blocks.kinds { shares = shares + blocks.total[kind.rawValue] * parameters(of: kind) }
    let stacks: Double = hasTwoStacks ? 2 : 1
    return (shares + stacks * (frontParameters + finalNormParameters)).total
  }
}
