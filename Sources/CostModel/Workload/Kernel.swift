/// What a processor runs as one piece of a step: a product, an attention core, or a pass over memory. Sizes are those of
/// one sample; `Workload` says how they grow with the micro-batch.
package struct Kernel: Hashable, Sendable {
  /// Which of the three products of a layer with weights this is (dX and dW each cost what forward costs).
  package enum Pass: String, Hashable, Sendable, Codable { case forward, backwardInput, backwardWeights, backward }

  /// How tensor-parallel ranks share it (Shoeybi et al. 2019, §3).
  package enum Split: String, Hashable, Sendable, Codable {
    /// Every rank does all of it.
    case none
    /// Outputs are shared, inputs are whole: the first product of a pair.
    case columns
    /// Inputs are shared, outputs are partial sums: the second product of a pair.
    case rows
    /// Shared head by head or channel by channel.
    case shared
  }

  /// Where it stands: in the layers that repeat, or before or behind them.
  package enum Section: String, Hashable, Sendable, Codable, CaseIterable { case stem, block, head }

  package enum Work: Hashable, Sendable {
    case product(Product)
    case attention(AttentionCore)
    case traffic(Traffic)
  }

  /// [rows × depth] · [depth × columns], `groups` times; rows grow with the micro-batch. Named as in forward: of dX the
  /// depth and the columns change places, of dW the rows are the depth.
  package struct Product: Hashable, Sendable {
    package var rows: Double
    package var columns: Double
    package var depth: Double
    package var groups: Double
    package var isConvolution: Bool
    /// A convolution of 3×3 with stride 1: libraries save products by Winograd's method where the precision allows.
    package var suitsWinograd: Bool
    /// Runs that follow each other and cannot be one, such as the steps of a recurrent layer.
    package var sequential: Double

    package init(
      rows: Double, columns: Double, depth: Double, groups: Double = 1, isConvolution: Bool = false,
      suitsWinograd: Bool = false, sequential: Double = 1
    ) {
      self.rows = rows
      self.columns = columns
      self.depth = depth
      self.groups = groups
      self.isConvolution = isConvolution
      self.suitsWinograd = suitsWinograd
      self.sequential = sequential
    }

    package var isDepthwise: Bool { isConvolution && columns == 1 && groups > 1 }
  }

  package struct AttentionCore: Hashable, Sendable {
    package var heads: Double
    package var queries: Double
    package var keys: Double
    /// Of a head's query and of its value.
    package var queryWidth: Double
    package var valueWidth: Double
    /// The share of the scores that a causal mask leaves.
    package var visibleShare: Double
  }

  /// Passes over memory without a product that matters.
  package enum Traffic: String, Hashable, Sendable, Codable, CaseIterable {
    case normalisation, activation, addition, pooling, softmax, copy, recurrence
  }

  package var work: Work
  package var pass: Pass
  package var split: Split
  package var section: Section
  /// Elements of activations read and written.
  package var activations: Double
  /// Elements of weights read or written, whatever the micro-batch.
  package var weights: Double
  /// How many of the same there are.
  package var count: Double

  /// One share of `ranks` under tensor parallelism; with sequence parallelism the passes that every rank would repeat are
  /// shared too (Korthikanti et al. 2022, §4.2.2).
  package func shared(by ranks: Int, sequenceParallel: Bool) -> Kernel {
    guard ranks > 1 else { return self }
    let t = Double(ranks)
    var share = self
    switch split {
    case .none:
      if case .traffic = work, sequenceParallel, section == .block { share.activations /= t }
    case .columns, .rows, .shared:
      share.weights /= t
      switch work {
      case .product(var product):
        if product.groups >= t, split == .shared {
          product.groups /= t
          share.activations /= t
        } else if split == .rows {
          share.activations -= product.rows * product.groups * product.depth * (1 - 1 / t)
          product.depth /= t
        } else {
          share.activations -= product.rows * product.groups * product.columns * (1 - 1 / t)
          product.columns /= t
        }
        share.work = .product(product)
      case .attention(var core):
        core.heads /= t
        share.activations /= t
        share.work = .attention(core)
      case .traffic:
        share.activations /= t
      }
    }
    return share
  }
}
