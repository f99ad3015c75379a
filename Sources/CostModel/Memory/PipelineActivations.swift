/// In which order a pipeline's stages take micro-batches.
package enum PipelineSchedule: String, Hashable, Sendable, Codable, CaseIterable {
  /// All forward, then all backward (Huang et al. 2019).
  case gpipe
  /// One forward, one backward (Narayanan et al. 2019, 2021); interleaved where a stage holds several pieces.
  case oneForwardOneBackward = "1f1b"
}

extension PipelineSchedule {
  /// Micro-batches whose activations a stage holds at its worst moment, in stages' worth of layers.
  ///
  /// GPipe: m. 1F1B on stage i of p: min(m, p − i). Interleaved with v pieces a stage: min(m·v, 2(p − i − 1) + (v − 1)·p + 1)/v,
  /// which on the first stage is p·(1 + (p − 1)/(p·v)). Source: Korthikanti et al. 2022, §4.2.3, and Narayanan et al. 2021,
  /// §2.2. Valid for stages of equal layers.
  package func alive(stage: Int, layout: ParallelLayout, microBatches m: Int) -> Double {
    let (p, v) = (layout.pipeline, layout.virtualStages)
    switch self {
    case .gpipe: return Double(m)
    case .oneForwardOneBackward:
      if v == 1 { return Double(min(m, p - stage)) }
      return Double(min(m * v, 2 * (p - stage - 1) + (v - 1) * p + 1)) / Double(v)
    }
  }
}
