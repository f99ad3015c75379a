package import Models

/// Bytes that one block of a transformer keeps for backward, of one micro-batch on one rank.
///
/// With x = s·b·h/c positions × features, in 16 bits and with f = 4h, g = a (Korthikanti et al. 2022, Table 2):
///
/// | | bytes |
/// |---|---|
/// | tensor parallel | x·(10 + 24/t + 5as/(ht)) |
/// | and sequence parallel | x/t·(34 + 5as/h) |
/// | selective recomputation | without 5as/h |
/// | full recomputation | 2x, ÷t if sequence parallel, and one live layer |
///
/// The 34: two norms' inputs 4; attention's input 2, queries 2, keys and values 4·g/a, input of the output product 2,
/// dropout mask 1; feed-forward input 2, its inner values 4f/h (three of width f if gated: 6f/h), mask 1. Scores 5as/h:
/// softmax 2, mask 1, after dropout 2. Fused attention keeps 4·a·s·b log-sum-exps instead of scores (Dao et al. 2022).
/// Without dropout the masks fall away. Of experts each token keeps k feed-forward parts, and its rows twice more for the
/// way to them and back. A decoder's second attention is counted in the same way, with keys and values of the encoder's
/// positions; latent attention keeps its narrow vectors before and behind their norms, which every rank has, and of each
/// head queries, keys, values and outputs as wide as they are. Valid for 16- and 32-bit elements; masks stay a byte.
package struct TransformerActivations: Hashable, Sendable {
  /// Bytes a sample by what cuts them.
  private var replicated = 0.0
  private var shared = 0.0
  private var scores = 0.0
  private var logSums = 0.0
  private var expert = 0.0
  private let boundary: Double

  /// - Parameters:
  ///   - fusesAttention: whether attention never writes its scores.
  ///   - elementBytes: of an activation, 2 or 4.
  package init(
    _ model: TransformerSpecification, _ kind: BlockKind = .plain, fusesAttention: Bool = false,
    elementBytes q: Double = 2
  ) {
    let (s, h) = (Double(kind.isDecoder ? model.targetSequence : model.sequence), Double(model.hidden))
    boundary = q * s * h
    addAttention(model, positions: s, memory: s, fuses: fusesAttention, q)
    if kind.isDecoder { addAttention(model, positions: s, memory: Double(model.sequence), fuses: fusesAttention, q) }
    // The feed-forward part: its norm's input, its own, the mask of its dropout, and what is inside.
    replicated += s * h * (2 * q + model.maskBytes)
    let inner = model.isGated ? 3 * q : 2 * q
    if kind.hasExperts, let experts = model.experts {
      expert = s * (Double(experts.topK) * inner * Double(experts.feedForward) + 2 * q * h)
      shared += s * inner * Double(experts.shared * experts.feedForward)
    } else {
      shared += s * inner * Double(model.feedForward)
    }
  }

  private mutating func addAttention(
    _ model: TransformerSpecification, positions s: Double, memory: Double, fuses: Bool, _ q: Double
  ) {
    let (h, a) = (Double(model.hidden), Double(model.heads))
    let mask = model.maskBytes
    replicated += s * h * (2 * q + mask)
    if let latent = model.latent {
      let narrow = Double((latent.query ?? 0) + latent.keyValue)
      replicated += s * q * (2 * narrow + Double(latent.rotary))
      let queries = a * Double(latent.plain + latent.rotary)
      shared += s * q * (2 * queries + 2 * a * Double(latent.value))
    } else {
      let width = Double(model.headWidth)
      shared += q * width * (2 * s * a + 2 * memory * Double(model.keyValueHeads))
    }
    if fuses {
      logSums += 4 * a * s
    } else {
      scores += a * s * memory * (2 * q + mask)
    }
  }

  /// Of one block and micro-batch.
  package func layer(_ layout: ParallelLayout) -> Double {
    guard layout.recomputation != .full else { return checkpoint(layout) }
    return kept(layout, withCore: layout.recomputation == .none)
  }

  /// Of the block that is being computed again: no other is live at that moment. 0 without full recomputation.
  package func live(_ layout: ParallelLayout) -> Double {
    layout.recomputation == .full ? kept(layout, withCore: true) : 0
  }

  private func kept(_ layout: ParallelLayout, withCore: Bool) -> Double {
    let t = Double(layout.tensor)
    var bytes = (layout.sequenceParallel ? replicated / t : replicated) + shared / t
    if withCore { bytes += (scores + logSums) / t }
    if expert > 0 { bytes += expert / Double(layout.expertTensor) }
    return bytes * Double(layout.microBatch) / Double(layout.context)
  }

  /// A block's input, from which it is computed again.
  private func checkpoint(_ layout: ParallelLayout) -> Double {
    let share = layout.sequenceParallel ? Double(layout.tensor) : 1
    return boundary * Double(layout.microBatch) / (Double(layout.context) * share)
  }
}

extension TransformerSpecification {
  /// Of an element that a dropout may have taken.
  var maskBytes: Double { dropout > 0 || attentionDropout > 0 ? 1 : 0 }
}
