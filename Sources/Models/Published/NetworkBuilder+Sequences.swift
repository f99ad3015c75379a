import ModelGraph

// Shapes: B samples, S steps, h features.

extension NetworkBuilder {
  /// Tokens [B, S] → [B, S, h].
  mutating func embedding(_ name: String, _ tokens: ValueID, vocabulary: Int, width: Int) throws -> ValueID {
    try append(.embedding(Embedding()), [tokens, weight(name + ".weight", [vocabulary, width])], layer: name)
  }

  mutating func layerNorm(_ name: String, _ x: ValueID) throws -> ValueID {
    let features = shape(x)[shape(x).count - 1]
    let rule = LayerNormalisation(epsilon: 1e-5, dimensions: 1)
    return try append(
      .layerNormalisation(rule), [x, weight(name + ".weight", [features]), weight(name + ".bias", [features])],
      layer: name)
  }

  /// Queries [B, Q, a·d], keys [B, K, a·d] and values [B, K, a·e] → [B, Q, a·e].
  mutating func attention(
    _ name: String, _ query: ValueID, _ key: ValueID, _ value: ValueID, heads: Int
  ) throws -> ValueID {
    let width = Double(shape(query)[2] / heads)
    return try append(
      .attention(Attention(heads: heads, scale: 1 / width.squareRoot())), [query, key, value], layer: name)
  }

  mutating func reshape(_ name: String, _ x: ValueID, _ sides: [Int]) throws -> ValueID {
    try append(.reshape(Reshape(to: Shape(sides))), [x], layer: name)
  }

  mutating func transpose(_ name: String, _ x: ValueID, _ order: [Int]) throws -> ValueID {
    try append(.transpose(Transpose(order: order)), [x], layer: name)
  }

  mutating func slice(_ name: String, _ x: ValueID, dimension: Int, start: Int, count: Int) throws -> ValueID {
    try append(.slice(Slice(dimension: dimension, start: start, count: count)), [x], layer: name)
  }

  mutating func multiply(_ name: String, _ a: ValueID, _ b: ValueID) throws -> ValueID {
    try append(.multiply(Multiply()), [a, b], layer: name)
  }

  /// One layer over [B, S, h] → [B, S, units], twice as wide if it reads backwards too.
  mutating func lstm(_ name: String, _ x: ValueID, units: Int, isBidirectional: Bool = false) throws -> ValueID {
    let settings = RecurrentSettings(.lstm, units: units, isBidirectional: isBidirectional, returns: .sequence)
    return try graph.recurrent(name, x, settings, isTraining: true).value
  }
}
