import CostModel
import Units

/// When what is computed within a step of a plan: a row for each pipeline stage, or for each kind of node.
package struct StepTimeline {
  package struct Block: Hashable {
    package enum Kind: String, CaseIterable {
      case forward, backward, microBatches = "micro-batches"
      case reduction = "gradient reduction", optimizer
      case overhead = "overhead of the step", together = "gradient reduction, optimizer and overhead of the step"
    }
    package let kind: Kind
    package let start: Double
    package let end: Double
  }

  package struct Row {
    package let name: String
    package internal(set) var blocks: [Block]
  }

  package private(set) var rows: [Row] = []
  let seconds: Double
  /// How rows are to be read; empty where there is nothing to say.
  private(set) var note = ""

  /// Blocks of one row at most that each are a micro-batch; beyond it a row shows them as one.
  private static let mostBlocks = 128

  package init(_ entry: PlanEntry, globalBatch: Int) {
    seconds = entry.step.count
    if let mix = entry.mix {
      rows = Self.rows(mix)
      note = "Faster replicas wait for the slowest."
      return
    }
    let layout = entry.layout
    let m = max(1, layout.microBatches(globalBatch: globalBatch))
    let parts = Parts(entry.estimate, step: seconds)
    // T = (m + (p − 1)/v) · stage, and what is computed once.
    let idle = Double(layout.pipeline - 1) / Double(layout.virtualStages)
    let stage = max(0, seconds - parts.behind) / (Double(m) + idle)
    let isPlain = m <= Self.mostBlocks && layout.virtualStages == 1 && layout.pipeline <= 32
    let computed =
      isPlain
      ? Self.oneForwardOneBackward(
        stages: layout.pipeline, microBatches: m, forward: stage / 3, backward: stage * 2 / 3)
      : Self.whole(layout, microBatches: Double(m), stage: stage, bubble: idle * stage)
    let end = computed.flatMap(\.self).map(\.end).max() ?? 0
    rows = computed.enumerated().map { index, blocks in
      let name = layout.pipeline == 1 ? "every accelerator" : "stage \(index + 1)"
      return Row(name: name, blocks: blocks + parts.blocks(from: end))
    }
    note = "Backward is taken for two thirds of a micro-batch."
    if layout.virtualStages > 1 { note += " Interleaving divides the idle ends by \(layout.virtualStages)." }
  }

  /// What is computed once a step, after all micro-batches.
  private struct Parts {
    private var reduction = 0.0
    private var optimizer = 0.0
    private var overhead = 0.0

    /// The factor of software is one on every term.
    init(_ estimate: StepEstimate, step: Double) {
      for term in estimate.terms {
        switch term.name {
        case StepBreakdown.Term.gradientReduction.words: reduction += term.seconds.count
        case StepBreakdown.Term.optimizer.words: optimizer += term.seconds.count
        case StepBreakdown.Term.stepOverhead.words: overhead += term.seconds.count
        default: break
        }
      }
      let software = estimate.terms.last { $0.name.hasPrefix("software") }?.seconds.count ?? 0
      let factor = step > software && step > 0 ? step / (step - software) : 1
      reduction *= factor
      optimizer *= factor
      overhead *= factor
    }

    var behind: Double { reduction + optimizer + overhead }

    func blocks(from start: Double) -> [Block] {
      var blocks: [Block] = []
      var time = start
      for (kind, length) in [(Block.Kind.reduction, reduction), (.optimizer, optimizer), (.overhead, overhead)] {
        blocks.append(Block(kind: kind, start: time, end: time + length))
        time += length
      }
      return blocks
    }
  }

  /// The 1F1B schedule (Narayanan et al. 2019): stage i first runs min(p − i − 1, m) forwards, then one of each in turn.
  package static func oneForwardOneBackward(
    stages p: Int, microBatches m: Int, forward: Double, backward: Double
  ) -> [[Block]] {
    let orders = (0..<p).map { stage -> [(isForward: Bool, index: Int)] in
      let warm = min(p - stage - 1, m)
      var order = (0..<warm).map { (true, $0) }
      for k in 0..<(m - warm) { order += [(true, warm + k), (false, k)] }
      return order + ((m - warm)..<m).map { (false, $0) }
    }
    var blocks = Array(repeating: [Block](), count: p)
    var next = Array(repeating: 0, count: p)
    var free = Array(repeating: 0.0, count: p)
    var forwardEnd = Array(repeating: Array(repeating: Double.infinity, count: m), count: p)
    var backwardEnd = forwardEnd
    var moves = true
    while moves {
      moves = false
      for stage in 0..<p {
        while next[stage] < orders[stage].count {
          let (isForward, k) = orders[stage][next[stage]]
          let ready =
            isForward
            ? (stage == 0 ? 0 : forwardEnd[stage - 1][k])
            : (stage == p - 1 ? forwardEnd[stage][k] : backwardEnd[stage + 1][k])
          guard ready.isFinite else { break }
          let start = max(free[stage], ready)
          let end = start + (isForward ? forward : backward)
          blocks[stage].append(Block(kind: isForward ? .forward : .backward, start: start, end: end))
          if isForward { forwardEnd[stage][k] = end } else { backwardEnd[stage][k] = end }
          free[stage] = end
          next[stage] += 1
          moves = true
        }
      }
    }
    return blocks
  }

  /// Rows whose micro-batches are one block, with the idle ends of a pipeline.
  private static func whole(
    _ layout: ParallelLayout, microBatches m: Double, stage: Double, bubble: Double
  ) -> [[Block]] {
    let p = layout.pipeline
    return (0..<p).map { index in
      // Idle at the beginning while forward comes down, at the end while backward goes up.
      let start = p == 1 ? 0 : bubble / 3 * Double(index) / Double(p - 1)
      let idle = p == 1 ? 0 : bubble * Double(index) / Double(p - 1)
      let end = m * stage + bubble - (idle - start)
      return [Block(kind: .microBatches, start: start, end: end)]
    }
  }

  private static func rows(_ mix: MixedPlan) -> [Row] {
    mix.parts.map { part in
      let own = max(0, part.time.count - mix.fixed.count)
      let most = part.microBatches.first ?? 0
      var blocks: [Block] = []
      if most > 0, most <= mostBlocks {
        for index in 0..<most {
          let start = own * Double(index) / Double(most)
          let end = own * Double(index + 1) / Double(most)
          blocks.append(Block(kind: .forward, start: start, end: start + (end - start) / 3))
          blocks.append(Block(kind: .backward, start: start + (end - start) / 3, end: end))
        }
      } else {
        blocks.append(Block(kind: .microBatches, start: 0, end: own))
      }
      let begin = (mix.step - mix.fixed).count
      blocks.append(Block(kind: .together, start: begin, end: mix.step.count))
      return Row(name: part.group.description, blocks: blocks)
    }
  }
}
