import ModelGraph

extension TransformerBuilder {
  /// The names of a feed-forward layer's parts.
  struct FeedForwardParts {
    let gate: TransformerPart
    let up: TransformerPart
    let activation: TransformerPart
    let multiply: TransformerPart
    let down: TransformerPart

    static let dense = FeedForwardParts(
      gate: .mlpGate, up: .mlpUp, activation: .mlpActivation, multiply: .mlpMultiply, down: .mlpDown)
    static let shared = FeedForwardParts(
      gate: .sharedGate, up: .sharedUp, activation: .sharedActivation, multiply: .sharedMultiply, down: .sharedDown)
    static let experts = FeedForwardParts(
      gate: .expertGate, up: .expertUp, activation: .expertActivation, multiply: .expertMultiply, down: .expertDown)
  }

  /// x [B, S, h] → [B, S, h] by way of `width` features, nil for the model's own.
  mutating func feedForward(
    _ x: ValueID, _ parts: FeedForwardParts, width: Int? = nil, _ place: TransformerPlace
  ) throws -> ValueID {
    let width = width ?? model.feedForward
    let y = try gated(x, parts, place) { builder, part in try builder.dense(part, x, outputs: width, place) }
    return try dense(parts.down, y, outputs: model.hidden, place)
  }

  /// The activation of a layer's output, multiplied by another layer's if the model is gated.
  private mutating func gated(
    _ x: ValueID, _ parts: FeedForwardParts, _ place: TransformerPlace,
    _ layer: (inout TransformerBuilder, TransformerPart) throws -> ValueID
  ) throws -> ValueID {
    let first = try layer(&self, model.isGated ? parts.gate : parts.up)
    let y = try graph.activation(place.name(parts.activation), first, model.activation)
    guard model.isGated else { return y }
    return try graph.multiply(place.name(parts.multiply), y, layer(&self, parts.up))
  }

  /// The same with the weights of the experts that a router chooses for each token, and of those that compute all.
  mutating func experts(
    _ x: ValueID, _ experts: TransformerSpecification.Experts, _ place: TransformerPlace
  ) throws -> ValueID {
    let shape = graph[x].type.shape
    let logits = try dense(.router, x, outputs: experts.count, hasBias: false, place)
    let router = ExpertRouter(topK: experts.topK, capacity: experts.capacity)
    let routed = try graph.append(.expertRouter(router), [logits], layer: place.name(.route))
    let (weights, tokens, counts) = (routed[0], routed[1], routed[2])
    let rows = try graph.append(.expertDispatch(ExpertDispatch()), [x, tokens], layer: place.name(.dispatch))[0]
    let wide = try gated(rows, .experts, place) { builder, part in
      try builder.expertDense(part, rows, counts, outputs: experts.feedForward, experts: experts.count, place)
    }
    let narrow = try expertDense(.expertDown, wide, counts, outputs: model.hidden, experts: experts.count, place)
    let y = try graph.append(
      .expertCombine(ExpertCombine(output: shape)), [narrow, weights, tokens], layer: place.name(.combine))[0]
    guard experts.shared > 0 else { return y }
    let shared = try feedForward(x, .shared, width: experts.shared * experts.feedForward, place)
    return try graph.append(.add(Add()), [y, shared], layer: place.name(.sharedAdd))[0]
  }

  private mutating func expertDense(
    _ part: TransformerPart, _ x: ValueID, _ counts: ValueID, outputs: Int, experts: Int, _ place: TransformerPlace
  ) throws -> ValueID {
    let name = place.name(part)
    let shape = graph[x].type.shape
    let weights = TensorType([experts, outputs, shape[1]])
    try requireFeasible([TensorType([shape[0], outputs]), weights], workPerOutput: shape[1], layer: name)
    let weight = graph.parameter(
      name + ".weight", weights.shape, Self.initialisation.weights(fanIn: shape[1], fanOut: outputs))
    let bias = model.hasBias ? [graph.parameter(name + ".bias", [experts, outputs], .zeros)] : []
    let rule = ExpertDense(hasBias: model.hasBias)
    return try graph.append(.expertDense(rule), [x, weight, counts] + bias, layer: name)[0]
  }
}
