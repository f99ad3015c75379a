package import CostModel

/// Every legal layout of a job on accelerators of one kind, as a tree: degrees, then batch, then activations, then ZeRO.
///
/// Each legal layout that the user's choices allow is in it once.
package struct LayoutSpace: Sendable {
  package let rules: LayoutRules
  package let choices: LayoutChoices

  package init(rules: LayoutRules, choices: LayoutChoices = LayoutChoices()) {
    self.rules = rules
    self.choices = choices
  }

  /// Degrees t, c, p, d and e, in the order of the simplest first; the rest as `ParallelLayout` has it.
  package var degrees: [ParallelLayout] {
    let n = rules.accelerators
    guard n >= 1, rules.globalBatch >= 1 else { return [] }
    var result: [ParallelLayout] = []
    let expertDegrees = rules.model.experts > 1 ? divisors(rules.model.experts) : [1]
    for t in divisors(n) {
      for c in divisors(n / t) {
        for p in divisors(n / (t * c)) {
          for e in expertDegrees {
            let layout = ParallelLayout(tensor: t, context: c, pipeline: p, data: n / (t * c * p), expert: e)
            if choices.allowsDegrees(layout), rules.isLegal(layout) { result.append(layout) }
          }
        }
      }
    }
    return result
  }

  /// Micro-batches and virtual stages of one point of `degrees`.
  package func batches(_ degrees: ParallelLayout) -> [ParallelLayout] {
    guard rules.globalBatch.isMultiple(of: degrees.data) else { return [] }
    let share = rules.globalBatch / degrees.data
    let pieces =
      degrees.pipeline > 1 && rules.model.canInterleave ? divisors(max(1, rules.model.layers / degrees.pipeline)) : [1]
    var result: [ParallelLayout] = []
    for b in divisors(share) where choices.agrees(choices.microBatch, b) {
      for v in pieces where choices.agrees(choices.virtualStages, v) {
        if v > 1 {
          guard (share / b).isMultiple(of: degrees.pipeline),
            rules.model.layers.isMultiple(of: degrees.pipeline * v)
          else { continue }
        }
        var layout = degrees
        layout.microBatch = b
        layout.virtualStages = v
        result.append(layout)
      }
    }
    return result
  }

  /// What may be computed again, and whether positions are shared, whatever the batch.
  package func activations(_ degrees: ParallelLayout) -> [(recomputation: Recomputation, sequenceParallel: Bool)] {
    var result: [(Recomputation, Bool)] = []
    for recomputation in Recomputation.allCases where choices.agrees(choices.recomputation, recomputation) {
      if recomputation == .selective && !rules.model.hasAttention { continue }
      if recomputation == .full && !rules.model.canRecompute { continue }
      for shares in [false, true] where choices.agrees(choices.sequenceParallel, shares) {
        if shares {
          guard degrees.tensor > 1, rules.model.canCutSequences(into: degrees.context * degrees.tensor) else {
            continue
          }
        }
        result.append((recomputation, shares))
      }
    }
    return result
  }

  /// ZeRO stages, whatever else.
  package func zeroStages(_ degrees: ParallelLayout) -> [Int] {
    (0...(degrees.pipeline > 1 ? 1 : 3)).filter { choices.agrees(choices.zeroStage, $0) }
  }

  package func forEach(_ body: (ParallelLayout) -> Void) {
    for degrees in degrees {
      let activations = activations(degrees)
      let stages = zeroStages(degrees)
      for batch in batches(degrees) {
        var layout = batch
        for (recomputation, sequenceParallel) in activations {
          layout.recomputation = recomputation
          layout.sequenceParallel = sequenceParallel
          for stage in stages {
            layout.zeroStage = stage
            body(layout)
          }
        }
      }
    }
  }

  package var count: Int {
    degrees.reduce(0) { $0 + batches($1).count * activations($1).count * zeroStages($1).count }
  }

  private func divisors(_ n: Int) -> [Int] {
    guard n >= 1 else { return [] }
    var low: [Int] = []
    var high: [Int] = []
    var i = 1
    while i * i <= n {
      if n.isMultiple(of: i) {
        low.append(i)
        if i != n / i { high.append(n / i) }
      }
      i += 1
    }
    return low + high.reversed()
  }
}
