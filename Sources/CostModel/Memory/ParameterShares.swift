/// Parameters of a part of a model by what divides them.
package struct ParameterShares: Hashable, Sendable, Codable {
  /// Of products and tables: each tensor-parallel rank has 1/t.
  package var dense: Double
  /// Of norms and routers: each rank has all.
  package var replicated: Double
  /// Of routed experts: each rank has 1/(e·t_e), and 1/d_e of their states under ZeRO.
  package var experts: Double

  package init(dense: Double = 0, replicated: Double = 0, experts: Double = 0) {
    self.dense = dense
    self.replicated = replicated
    self.experts = experts
  }

  package static func + (a: Self, b: Self) -> Self {
    Self(dense: a.dense + b.dense, replicated: a.replicated + b.replicated, experts: a.experts + b.experts)
  }
  package static func * (count: Double, shares: Self) -> Self {
    Self(dense: count * shares.dense, replicated: count * shares.replicated, experts: count * shares.experts)
  }

  package var total: Double { dense + replicated + experts }

  /// Parameters that one rank holds before ZeRO shards them: those of every layer, and those of experts.
  package func held(_ layout: ParallelLayout) -> (common: Double, experts: Double) {
    (dense / Double(layout.tensor) + replicated, experts / Double(layout.expert * layout.expertTensor))
  }

  /// Bytes of states on a rank.
  ///
  /// Common parameters are repeated by context and data ranks, so ZeRO shares them over c·d; experts over d_e.
  package func states(_ scheme: StateScheme, _ layout: ParallelLayout) -> StateBytes {
    let held = held(layout)
    let common = scheme.perParameter(zeroStage: layout.zeroStage, ranks: layout.data * layout.context)
    var bytes = StateBytes(
      weights: held.common * common.weights, gradients: held.common * common.gradients,
      optimizer: held.common * common.optimizer)
    if held.experts > 0 {
      let expert = scheme.perParameter(zeroStage: layout.zeroStage, ranks: layout.expertData)
      bytes.weights += held.experts * expert.weights
      bytes.gradients += held.experts * expert.gradients
      bytes.optimizer += held.experts * expert.optimizer
    }
    return bytes
  }
}

/// Bytes of a rank's model states.
package struct StateBytes: Hashable, Sendable, Codable {
  package var weights: Double
  package var gradients: Double
  package var optimizer: Double
  package var total: Double { weights + gradients + optimizer }
}
