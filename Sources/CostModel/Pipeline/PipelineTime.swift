package import Units

/// Time of a pipeline whose stages take the same time.
///
/// T = m·t + (p − 1)·t/v + transfers: the bubble is (p − 1)/(v·m) of the ideal time, whether micro-batches go forward
/// first (GPipe) or take turns (1F1B). Transfers: 2·e for each boundary that a micro-batch crosses while the pipeline
/// fills and drains, v·p − 1 of them; those between are hidden behind compute. Where the micro-batches are no multiple of p,
/// the last round of an interleaved schedule waits for (v − 1)·(p − m mod p) pieces (Isaev et al. 2023). Sources: Huang et
/// al. 2019; Narayanan et al. 2021, §2.2. Valid for balanced stages.
package struct PipelineTime: Hashable, Sendable, Codable {
  /// Micro-batches computed one behind the other on the slowest stage.
  package let work: Seconds
  package let bubble: Seconds
  package let transfers: Seconds

  package var total: Seconds { work + bubble + transfers }

  /// - Parameters:
  ///   - stage: forward and backward of one micro-batch on one stage, with what its ranks say to each other.
  ///   - transfer: of one micro-batch over one boundary, one way.
  package init(
    stage: Seconds, transfer: Seconds = .zero, stages p: Int, virtualStages v: Int = 1, microBatches m: Int
  ) {
    precondition(p >= 1 && v >= 1 && m >= 1, "a pipeline has stages, pieces and micro-batches")
    work = stage * Double(m)
    var pieces = Double(p - 1)
    if v > 1, !m.isMultiple(of: p) { pieces += Double((v - 1) * (p - m % p)) }
    bubble = stage * (pieces / Double(v))
    transfers = transfer * (2 * Double(v * p - 1))
  }

  private init(work: Seconds, bubble: Seconds, transfers: Seconds) {
    self.work = work
    self.bubble = bubble
    self.transfers = transfers
  }

  /// Stages that differ, in layers or in speed.
  ///
  /// T = Σ tᵢ + (m − 1)·max tᵢ + 2·Σ eᵢ. Source: the heterogeneous planners AMP (Li et al. 2022), Metis (Um et al. 2024) and
  /// Sailor; an upper bound of 1F1B's event order, exact where one stage is slowest by far or all are equal.
  package static func unbalanced(
    stages: [Seconds], transfers: [Seconds] = [], microBatches m: Int
  ) -> PipelineTime {
    precondition(!stages.isEmpty && m >= 1, "a pipeline has stages and micro-batches")
    let slowest = stages.max() ?? .zero
    return PipelineTime(
      work: slowest * Double(m), bubble: stages.sum() - slowest, transfers: 2 * transfers.sum())
  }
}
