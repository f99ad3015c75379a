package import ModelGraph

/// What a processor runs as one piece of a step: a product, an attention core, or a pass over memory. Sizes are those of
/// one sample; `Workload` says how they grow with the micro-batch.
package struct Kernel: Hashable, Sendable {
  /// Which of the three products of a layer with weights this is (dX and dW each cost what forward costs).
  package enum Pass: String, Hashable, Sendable, Codable { case forward, backwardInput, backwardWeights, backward }

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
  /// How tensor-parallel ranks share it; `.replicated` of what is no transformer's.
  package var role: TransformerLayerRole
  package var section: Section
  /// Of the block it is in.
  package var kind = BlockKind.plain
  /// Elements of activations read and written.
  package var activations: Double
  /// Elements of weights read or written, whatever the micro-batch.
  package var weights: Double
  /// How many of the same there are.
  package var count: Double

  package init(
    work: Work, pass: Pass, role: TransformerLayerRole, section: Section, activations: Double, weights: Double,
    count: Double
  ) {
    self.work = work
    self.pass = pass
    self.role = role
    self.section = section
    self.activations = activations
    self.weights = weights
    self.count = count
  }

  /// One share of `ranks` under tensor parallelism; with sequence parallelism the passes that every rank would repeat are
  /// shared too (Korthikanti et al. 2022, §4.2.2).
  package func shared(by ranks: Int, sequenceParallel: Bool) -> Kernel {
    guard ranks > 1 else { return self }
    let t = Double(ranks)
    var share = self
    switch role {
    case .replicated:
      // Of one block: what stands before and behind them sees all positions.
      guard sequenceParallel, section == .block else { break }
      share.activations /= t
      if case .product(var product) = work {
        product.rows /= t
        share.work = .product(product)
      }
    case .expertParallel:
      // The ranks that share a layer share its experts too, as shares of the rows that come to them.
      share.activations /= t
      share.weights /= t
      if case .product(var product) = work {
        product.rows /= t
        share.work = .product(product)
      }
    case .columnParallel, .vocabularyParallel:
      share.weights /= t
      if case .product(var product) = work {
        share.activations -= product.rows * product.columns * (1 - 1 / t)
        product.columns /= t
        share.work = .product(product)
      } else if role == .vocabularyParallel, section == .head {
        share.activations /= t
      }
    case .rowParallel:
      share.weights /= t
      if case .product(var product) = work {
        share.activations -= product.rows * product.depth * (1 - 1 / t)
        product.depth /= t
        share.work = .product(product)
      }
    case .between:
      share.activations /= t
      share.weights /= t
      if case .attention(var core) = work {
        core.heads /= t
        share.work = .attention(core)
      }
    }
    return share
  }

  /// One share of `ranks` that each hold some of the experts.
  package func sharedExperts(by ranks: Int) -> Kernel {
    guard ranks > 1, role == .expertParallel else { return self }
    var share = self
    // Each rank computes the rows of all ranks' tokens that fall to its experts: as many as its own, if they fall evenly.
    share.weights /= Double(ranks)
    if case .product(var product) = work {
      product.groups = max(1, product.groups / Double(ranks))
      product.rows *= work.groups / product.groups
      share.work = .product(product)
    }
    return share
  }
}

extension Kernel.Work {
  fileprivate var groups: Double { if case .product(let product) = self { product.groups } else { 1 } }
}
