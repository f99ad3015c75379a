import ModelGraph

extension TransformerBuilder {
  /// x [B, S, h] → [B, S, h]: the output of the heads projected back.
  mutating func selfAttention(
    _ x: ValueID, isCausal: Bool, bias: ValueID?, _ place: TransformerPlace
  ) throws -> ValueID {
    let parts =
      if let latent = model.latent { try latentQueryKeyValue(x, latent, place) } else { try queryKeyValue(x, place) }
    let y = try attention(.attention, parts, isCausal: isCausal, bias: bias, place)
    return try dense(.attentionOutput, y, outputs: model.hidden, place)
  }

  /// Queries of x [B, Q, h], keys and values of the encoder's output `memory` [B, K, h].
  mutating func crossAttention(_ x: ValueID, _ memory: ValueID, _ place: TransformerPlace) throws -> ValueID {
    let width = model.keyValueHeads * model.headWidth
    let query = try dense(.crossQuery, x, outputs: model.heads * model.headWidth, place)
    let both = try dense(.crossKeyValue, memory, outputs: 2 * width, place)
    let split = try graph.split(place.name(.crossSplit), both, dimension: -1, sizes: [width, width])
    let y = try attention(.crossAttention, [query] + split, isCausal: false, bias: nil, place)
    return try dense(.crossOutput, y, outputs: model.hidden, place)
  }

  /// The table's numbers for each distance, [a, S, S], of a stack with relative positions; nil for another.
  mutating func relativeBias(steps: Int, isCausal: Bool, _ place: TransformerPlace) throws -> ValueID? {
    guard model.positions == .relative else { return nil }
    let name = place.name(.relativeBias)
    try requireFeasible([TensorType([model.heads, steps, steps])], workPerOutput: 1, layer: name)
    let table = graph.parameter(
      name + ".weight", [TransformerSpecification.relativeBuckets, model.heads], .normal(deviation: 0.02))
    let rule = RelativePositionBias(queries: steps, keys: steps, isBidirectional: !isCausal)
    return try graph.append(.relativePositionBias(rule), [table], layer: name)[0]
  }

  private mutating func attention(
    _ part: TransformerPart, _ parts: [ValueID], isCausal: Bool, bias: ValueID?, _ place: TransformerPlace
  ) throws -> ValueID {
    let width = model.latent.map { $0.plain + $0.rotary } ?? model.headWidth
    let isLinear = model.positions == .alibi && part == .attention
    let rule = Attention(
      heads: model.heads, keyValueHeads: model.latent == nil ? model.keyValueHeads : model.heads, isCausal: isCausal,
      scale: model.positions == .relative ? 1 : 1 / Double(width).squareRoot(),
      bias: bias != nil ? .given : isLinear ? .linear : .none, dropout: nextDropout(model.attentionDropout))
    let inputs = parts + (bias.map { [$0] } ?? [])
    return try graph.append(.attention(rule), inputs, layer: place.name(part))[0]
  }

  /// Query [B, S, a·d], key and value [B, S, g·d].
  private mutating func queryKeyValue(_ x: ValueID, _ place: TransformerPlace) throws -> [ValueID] {
    let (heads, keyValueHeads, width) = (model.heads, model.keyValueHeads, model.headWidth)
    let all = try dense(.qkv, x, outputs: (heads + 2 * keyValueHeads) * width, place)
    let sizes = [heads * width, keyValueHeads * width, keyValueHeads * width]
    var parts = try graph.split(place.name(.split), all, dimension: -1, sizes: sizes)
    guard model.positions == .rotary else { return parts }
    for (index, count) in [heads, keyValueHeads].enumerated() {
      parts[index] = try turned(parts[index], heads: count, dimensions: width, place)
    }
    return parts
  }

  private mutating func turned(
    _ x: ValueID, heads: Int, dimensions: Int, _ place: TransformerPlace
  ) throws -> ValueID {
    let rule = RotaryEmbedding(heads: heads, dimensions: dimensions, base: model.rotaryBase)
    return try graph.append(.rotaryEmbedding(rule), [x], layer: place.name(.rotary))[0]
  }

  /// Query and key [B, S, a·(rotary + plain)], value [B, S, a·value]: of narrow vectors, which are normalised; the rotary
  /// numbers of a key are one vector for all heads (DeepSeek-AI 2024, eq. 9–19).
  private mutating func latentQueryKeyValue(
    _ x: ValueID, _ latent: TransformerSpecification.LatentAttention, _ place: TransformerPlace
  ) throws -> [ValueID] {
    let heads = model.heads
    var source = x
    if let width = latent.query {
      let narrow = try dense(.queryDown, x, outputs: width, place)
      source = try normalised(place.name(.queryNorm), narrow)
    }
    let query = try turned(
      dense(.queryUp, source, outputs: heads * (latent.rotary + latent.plain), place), heads: heads,
      dimensions: latent.rotary, place)
    let down = try dense(.keyValueDown, x, outputs: latent.keyValue + latent.rotary, place)
    let cut = try graph.split(place.name(.split), down, dimension: -1, sizes: [latent.keyValue, latent.rotary])
    let narrow = try normalised(place.name(.keyValueNorm), cut[0])
    let up = try dense(.keyValueUp, narrow, outputs: heads * (latent.plain + latent.value), place)
    let positions = try turned(cut[1], heads: 1, dimensions: latent.rotary, place)
    return [query] + (try assembled(up, positions, latent, place))
  }

  /// Key and value of what the heads have of their own, `up` [B, S, a·(plain + value)], and of the rotary numbers that
  /// they share, [B, S, rotary].
  private mutating func assembled(
    _ up: ValueID, _ positions: ValueID, _ latent: TransformerSpecification.LatentAttention, _ place: TransformerPlace
  ) throws -> [ValueID] {
    let name = place.name(.assembly)
    let shape = graph[up].type.shape
    let (batch, steps, heads) = (shape[0], shape[1], model.heads)
    func reshaped(_ x: ValueID, _ shape: Shape) throws -> ValueID {
      try graph.append(.reshape(Reshape(to: shape)), [x], layer: name)[0]
    }
    let own = try graph.split(
      name, reshaped(up, [batch * steps, heads, latent.plain + latent.value]), dimension: -1,
      sizes: [latent.plain, latent.value])
    let shared = try graph.append(
      .repeated(Repeat(count: heads)), [reshaped(positions, [batch * steps, latent.rotary])], layer: name)[0]
    let key = try graph.append(.concatenate(Concatenate(dimension: -1)), [shared, own[0]], layer: name)[0]
    return [
      try reshaped(key, [batch, steps, heads * (latent.rotary + latent.plain)]),
      try reshaped(own[1], [batch, steps, heads * latent.value]),
    ]
  }
}
