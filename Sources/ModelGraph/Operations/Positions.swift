package import Units

// How a transformer is told the order of its tokens. Shapes: B samples, S steps, h features, P rows of a table, a heads.

/// y[b, s] = x[b, s] + table[s]: a learned vector for each step (Vaswani et al. 2017, §3.5), or table[0] at every step, as
/// where all tokens are of the first type.
///
/// Inputs: x [B, S, h], table [P, h] with P ≥ S.
package struct PositionEmbedding: OperationRule {
  package enum Row: String, Hashable, Sendable, Codable { case ofStep, first }
  package let row: Row

  package init(_ row: Row = .ofStep) { self.row = row }

  package var name: String { row == .ofStep ? "position embedding" : "type embedding" }
  package var inputCount: ClosedRange<Int> { 2...2 }
  package var weightInputs: Range<Int> { 1..<2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let (x, table) = (inputs[0].shape, inputs[1].shape)
    guard x.rank == 3, table.rank == 2, x[2] == table[1], inputs.allSatisfy({ $0.elementType == .float32 }) else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "a \(name) takes [samples, steps, features] and a table [rows, features], not \(inputs[0]) and \(inputs[1])")
    }
    guard row == .first || x[1] <= table[0] else {
      throw GraphError(
        .shapeMismatch, layer: layer, key: "max_positions",
        "\(x[1]) steps are more than the \(table[0]) positions that have a vector; use shorter sequences, or more positions"
      )
    }
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = try node.soleGradient()
    let rule = PositionEmbeddingBackward(forward: self, rows: graph[node.inputs[1]].type.shape[0])
    let table = try graph.append(.positionEmbeddingBackward(rule), [dy], layer: node.layer, pass: .backward)
    return [dy] + table
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(outputs[0].shape.elementCount) }
}

/// dTable [P, h] from dy [B, S, h]: the sum over the samples, at every step or over all; 0 for rows that no step has.
package struct PositionEmbeddingBackward: OperationRule {
  package let forward: PositionEmbedding
  package let rows: Int

  package init(forward: PositionEmbedding, rows: Int) {
    self.forward = forward
    self.rows = rows
  }

  package var name: String { "\(forward.name) backward" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    [TensorType([rows, inputs[0].shape[2]])]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(inputs[0].shape.elementCount) }
}

/// Each pair of features of a head turned by an angle that grows with the step (Su et al. 2021, eq. 34): pair i of
/// `dimensions` / 2 by s · base^(−2i / dimensions), s counting from 0. The features behind `dimensions` stay.
///
/// x [B, S, heads · d] → y of the same shape. Its gradient is turned back by the same angles.
package struct RotaryEmbedding: OperationRule {
  package let heads: Int
  /// Of each head, how many are turned; even, at most d.
  package let dimensions: Int
  package let base: Double
  /// Whether it turns back.
  package let isInverse: Bool

  package init(heads: Int, dimensions: Int, base: Double = 10_000, isInverse: Bool = false) {
    self.heads = heads
    self.dimensions = dimensions
    self.base = base
    self.isInverse = isInverse
  }

  package var name: String { isInverse ? "rotary embedding backward" : "rotary embedding" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard x.rank == 3, heads >= 1, x[2].isMultiple(of: heads), dimensions >= 2, dimensions.isMultiple(of: 2),
      dimensions <= x[2] / heads
    else {
      throw GraphError(
        .shapeMismatch, layer: layer, key: "positions",
        "a rotary embedding of \(dimensions) numbers of each of \(heads) heads does not fit the input \(x); a head's width "
          + "must be even")
    }
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = RotaryEmbedding(heads: heads, dimensions: dimensions, base: base, isInverse: !isInverse)
    return [try graph.append(.rotaryEmbedding(back), [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  /// Two products and a sum for each number that is turned.
  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let x = inputs[0].shape
    return FLOPs(3 * x[0] * x[1] * heads * dimensions)
  }
}

/// bias[h, q, k] = table[bucket(k − q), h]: a learned number for each distance of a key from a query, distances beyond
/// half of the buckets sharing them on a logarithmic scale up to `maximumDistance` (Raffel et al. 2020, §2.1).
///
/// Input: table [buckets, a]. Output: [a, Q, K], for the `bias` of an `Attention`.
package struct RelativePositionBias: OperationRule {
  package let queries: Int
  package let keys: Int
  /// Whether keys behind the query have buckets of their own; they share the first one otherwise.
  package let isBidirectional: Bool
  package let maximumDistance: Int

  package init(queries: Int, keys: Int, isBidirectional: Bool, maximumDistance: Int = 128) {
    self.queries = queries
    self.keys = keys
    self.isBidirectional = isBidirectional
    self.maximumDistance = maximumDistance
  }

  package var name: String { "relative position bias" }
  package var inputCount: ClosedRange<Int> { 1...1 }
  package var weightInputs: Range<Int> { 0..<1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let table = inputs[0].shape
    guard table.rank == 2, inputs[0].elementType == .float32, queries >= 1, keys >= 1 else {
      throw GraphError(
        .shapeMismatch, layer: layer, "a relative position bias takes a table [buckets, heads], not \(inputs[0])")
    }
    return [TensorType([table[1], queries, keys])]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let rule = RelativePositionBiasBackward(forward: self, buckets: graph[node.inputs[0]].type.shape[0])
    let back = Operation.relativePositionBiasBackward(rule)
    return [try graph.append(back, [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// dTable [buckets, a] from dBias [a, Q, K]: the sum over the pairs of each bucket.
package struct RelativePositionBiasBackward: OperationRule {
  package let forward: RelativePositionBias
  package let buckets: Int

  package init(forward: RelativePositionBias, buckets: Int) {
    self.forward = forward
    self.buckets = buckets
  }

  package var name: String { "relative position bias backward" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    [TensorType([buckets, inputs[0].shape[0]])]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(inputs[0].shape.elementCount) }
}
