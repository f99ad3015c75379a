/// Bytes that one layer of a transformer keeps for backward, of one micro-batch on one rank.
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
/// way to them and back. Valid for 16- and 32-bit elements; masks stay a byte.
package struct TransformerActivations: Hashable, Sendable {
  /// Bytes a sample by what cuts them.
  private let replicated: Double
  private let shared: Double
  private let scores: Double
  private let logSums: Double
  private let expert: Double
  private let boundary: Double

  /// - Parameter elementBytes: of an activation, 2 or 4.
  package init(_ model: TransformerDimensions, elementBytes q: Double = 2) {
    let x = Double(model.sequence) * Double(model.hidden)
    let mask = model.hasDropout ? 1.0 : 0.0
    let h = Double(model.hidden)
    let inner = model.isGated ? 3 * q : 2 * q
    replicated = x * (2 * q + q + mask + q + mask)
    var cut = x * (2 * q + 2 * q * model.keyValueShare)
    if let experts = model.experts {
      expert = x * (Double(experts.perToken) * inner * Double(experts.feedForward) / h + 2 * q)
      cut += x * inner * Double(experts.shared) / h
    } else {
      expert = 0
      cut += x * inner * Double(model.feedForward) / h
    }
    shared = cut
    let square = Double(model.heads) * Double(model.sequence) * Double(model.sequence)
    scores = model.fusesAttention ? 0 : square * (2 * q + mask)
    logSums = model.fusesAttention ? 4 * Double(model.heads) * Double(model.sequence) : 0
    boundary = q * x
  }

  /// Of one layer and micro-batch.
  package func layer(_ layout: ParallelLayout) -> Double {
    guard layout.recomputation != .full else { return checkpoint(layout) }
    return kept(layout, withCore: layout.recomputation == .none)
  }

  /// Of the layer that is being computed again: no other is live at that moment. 0 without full recomputation.
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

  /// A layer's input, from which it is computed again.
  private func checkpoint(_ layout: ParallelLayout) -> Double {
    let share = layout.sequenceParallel ? Double(layout.tensor) : 1
    return boundary * Double(layout.microBatch) / (Double(layout.context) * share)
  }
}
