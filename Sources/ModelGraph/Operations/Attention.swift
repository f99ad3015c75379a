package import Units

// Shapes: B samples, Q queries, K keys and as many values, a heads, g key-value heads (g divides a), d numbers of a
// head's query and key, e of its value.

/// y = softmax(scale · q kᵀ + bias) v, head by head (Vaswani et al. 2017, §3.2); each key-value head serves a / g heads
/// (Ainslie et al. 2023), all of them with g = 1 (Shazeer 2019).
///
/// Inputs: query [B, Q, a·d], key [B, K, g·d], value [B, K, g·e]; with `bias` `.given` what is added to the scores
/// [a, Q, K]; with `hasMask` int32 [B, K], 0 for a key that nobody sees. Outputs: y [B, Q, a·e] and the logarithm of
/// each row's Σ exp [B, a, Q], from which backward computes the probabilities again: they are never kept (Dao et al.
/// 2022). A bias alone has a gradient besides the first three.
package struct Attention: OperationRule {
  /// What is added to the scores.
  package enum Bias: String, Hashable, Sendable, Codable {
    case none
    /// An input, as of `RelativePositionBias`.
    case given
    /// −2^(−8 (h + 1) / a) · (query's position − key's) in head h (ALiBi: Press et al. 2022).
    case linear
  }

  package let heads: Int
  package let keyValueHeads: Int
  /// Whether a query sees no key behind its own position; there are as many keys as queries then.
  package let isCausal: Bool
  /// Of the scores; usually 1 / √d.
  package let scale: Double
  package let bias: Bias
  package let hasMask: Bool
  /// Of the probabilities, in training; its key stands beside those of other dropouts.
  package let dropout: Dropout?

  package init(
    heads: Int, keyValueHeads: Int? = nil, isCausal: Bool = false, scale: Double, bias: Bias = .none,
    hasMask: Bool = false, dropout: Dropout? = nil
  ) {
    self.heads = heads
    self.keyValueHeads = keyValueHeads ?? heads
    self.isCausal = isCausal
    self.scale = scale
    self.bias = bias
    self.hasMask = hasMask
    self.dropout = dropout
  }

  package var name: String { isCausal ? "causal attention" : "attention" }
  package var inputCount: ClosedRange<Int> {
    let count = 3 + (bias == .given ? 1 : 0) + (hasMask ? 1 : 0)
    return count...count
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    func refuse(_ message: String, key: String? = nil) -> GraphError {
      GraphError(.shapeMismatch, layer: layer, key: key, message)
    }
    guard heads >= 1, keyValueHeads >= 1, heads.isMultiple(of: keyValueHeads) else {
      throw refuse("\(keyValueHeads) key-value heads do not divide \(heads) heads; use a divisor", key: "kv_heads")
    }
    let (q, k, v) = (inputs[0].shape, inputs[1].shape, inputs[2].shape)
    guard inputs.prefix(3).allSatisfy({ $0.shape.rank == 3 && $0.elementType == .float32 }),
      q[0] == k[0], k[0] == v[0], k[1] == v[1]
    else {
      throw refuse(
        "attention takes queries, keys and values [samples, positions, features], as many keys as values, not "
          + "\(inputs[0]), \(inputs[1]) and \(inputs[2])")
    }
    guard q[2].isMultiple(of: heads), k[2] == q[2] / heads * keyValueHeads, v[2].isMultiple(of: keyValueHeads) else {
      throw refuse(
        "queries \(q), keys \(k) and values \(v) do not fit \(heads) heads and \(keyValueHeads) key-value heads: a head's "
          + "query and key are of one width", key: "heads")
    }
    guard !isCausal || q[1] == k[1] else {
      throw refuse("causal attention takes as many keys as queries, not \(k[1]) and \(q[1])")
    }
    var others = inputs.dropFirst(3)
    if bias == .given, let given = others.popFirst(), given != TensorType([heads, q[1], k[1]]) {
      throw refuse("a bias of \(given) does not fit the scores \(Shape([heads, q[1], k[1]]))")
    }
    if hasMask, let mask = others.popFirst(), mask != TensorType([k[0], k[1]], .int32) {
      throw refuse("a mask of \(mask) does not fit the keys; it must be \(TensorType([k[0], k[1]], .int32))")
    }
    _ = try dropout?.outputTypes([inputs[0]], layer: layer)
    return [TensorType([q[0], q[1], heads * (v[2] / keyValueHeads)]), TensorType([q[0], heads, q[1]])]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    guard node.outputGradients[1] == nil else {
      throw GraphError(.notDifferentiable, layer: node.layer, "the log-sum-exp of an attention has no gradient")
    }
    let wantsBias = bias == .given && node.isWanted[3]
    let rule = AttentionBackward(forward: self, wantsBiasGradient: wantsBias)
    let gradients: [ValueID?] = try graph.append(
      .attentionBackward(rule), node.inputs + node.outputs + [try node.soleGradient()], layer: node.layer,
      pass: .backward)
    return gradients + Array(repeating: nil, count: node.inputs.count - gradients.count)
  }

  /// Both matrix products over all pairs of a query and a key, 2·B·a·Q·K·(d + e), whether a mask hides them or not: what
  /// is published of models counts so. See `visibleShare`.
  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let (q, k) = (inputs[0].shape, inputs[1].shape)
    return FLOPs(2 * q[0] * q[1] * k[1] * (q[2] + outputs[0].shape[2]))
  }

  /// The share of the pairs of queries and keys that are seen, (Q + 1) / 2Q under a causal mask: what a kernel computes
  /// that leaves the hidden ones out has this share of `flops`.
  package func visibleShare(queries: Int) -> Double {
    isCausal ? Double(queries + 1) / Double(2 * queries) : 1
  }
}

/// The gradients of an attention's query, key and value, and of its bias if that is wanted.
///
/// Inputs: those of the attention, its y and log-sum-exp, and dy. With p = exp(scale · q kᵀ + bias − log-sum-exp):
/// dv = pᵀ dy, dp = dy vᵀ, ds = p (dp − Σ y dy), dq = scale · ds k, dk = scale · dsᵀ q, dbias = Σ ds over the samples.
package struct AttentionBackward: OperationRule {
  package let forward: Attention
  package let wantsBiasGradient: Bool

  package init(forward: Attention, wantsBiasGradient: Bool = false) {
    self.forward = forward
    self.wantsBiasGradient = wantsBiasGradient
  }

  package var name: String { "\(forward.name) backward" }
  package var inputCount: ClosedRange<Int> {
    let count = forward.inputCount.lowerBound + 3
    return count...count
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    Array(inputs.prefix(wantsBiasGradient ? 4 : 3))
  }

  /// Four matrix products, twice those of forward. That p is computed again is a matter of the kernel and not counted.
  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    let y = inputs[forward.inputCount.lowerBound]
    return 2 * forward.flops(inputs: inputs, outputs: [y])
  }
}
