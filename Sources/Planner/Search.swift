package import CostModel
import Units

/// Finds the fastest layout that fits, by branch and bound.
///
/// Branches are taken in the order of their bounds; one is left alone if its least memory is above what there is, or its
/// least time above the best so far. Equal times go to the simpler layout, so the answer is that of trying every layout.
package struct Search<Evaluator: LayoutEvaluator> {
  package let space: LayoutSpace
  package let evaluator: Evaluator
  /// Layouts to evaluate at most; the rest is accounted for by the bound.
  package var limit = Int.max

  private var best: ParallelLayout?
  private var bestSeconds = Double.infinity
  private var counts = SearchResult.Counts()
  private var unexplored = Double.infinity

  package init(_ space: LayoutSpace, _ evaluator: Evaluator) {
    self.space = space
    self.evaluator = evaluator
  }

  /// - Parameter below: seconds that a layout must not exceed to be of interest; slower ones may be left out.
  package mutating func run(below: Double = .infinity) -> SearchResult {
    best = nil
    bestSeconds = below
    counts = SearchResult.Counts()
    unexplored = .infinity
    let branches = space.degrees.map { (layout: $0, bound: evaluator.leastSeconds($0, depth: .degrees)) }
      .sorted { ($0.bound, $0.layout.simplicity) < ($1.bound, $1.layout.simplicity) }
    let root = branches.first?.bound
    for branch in branches {
      if counts.evaluated >= limit {
        unexplored = min(unexplored, branch.bound)
        break
      }
      if prune(branch.layout, branch.bound, depth: .degrees) { continue }
      explore(branch.layout)
    }
    let time = best == nil ? nil : Seconds(bestSeconds)
    return SearchResult(
      best: best, time: time, provenBound: best == nil ? nil : Seconds(min(bestSeconds, unexplored)),
      rootBound: root.map { Seconds($0) }, counts: counts)
  }

  private mutating func prune(_ layout: ParallelLayout, _ bound: Double, depth: LayoutDepth) -> Bool {
    if bound > bestSeconds {
      counts.prunedByTime += 1
      return true
    }
    if evaluator.leastBytes(layout, depth: depth) > evaluator.usableBytes {
      counts.prunedByMemory += 1
      return true
    }
    return false
  }

  private mutating func explore(_ degrees: ParallelLayout) {
    let activations = space.activations(degrees)
    let stages = space.zeroStages(degrees)
    for batch in space.batches(degrees) {
      let bound = evaluator.leastSeconds(batch, depth: .batch)
      if counts.evaluated >= limit {
        unexplored = min(unexplored, bound)
        continue
      }
      if prune(batch, bound, depth: .batch) { continue }
      var layout = batch
      for (recomputation, sequenceParallel) in activations {
        layout.recomputation = recomputation
        layout.sequenceParallel = sequenceParallel
        layout.zeroStage = 0
        if prune(layout, evaluator.leastSeconds(layout, depth: .activations), depth: .activations) { continue }
        for stage in stages {
          layout.zeroStage = stage
          evaluate(layout)
        }
      }
    }
  }

  private mutating func evaluate(_ layout: ParallelLayout) {
    counts.evaluated += 1
    // Time first: it decides more often, and memory is asked only of what would win.
    let seconds = evaluator.seconds(layout)
    guard seconds < bestSeconds || (seconds == bestSeconds && isSimpler(layout)) else { return }
    guard evaluator.bytes(layout) <= evaluator.usableBytes else {
      counts.tooLarge += 1
      return
    }
    best = layout
    bestSeconds = seconds
  }

  private func isSimpler(_ layout: ParallelLayout) -> Bool {
    guard let best else { return true }
    return layout.simplicity < best.simplicity
  }

  /// The layout that needs the least memory, fits or not; nil if no layout is legal. Of equal ones the simplest.
  package func smallest() -> ParallelLayout? {
    var result: (layout: ParallelLayout, bytes: Double)?
    for degrees in space.degrees {
      if let result, evaluator.leastBytes(degrees, depth: .degrees) > result.bytes { continue }
      for batch in space.batches(degrees) {
        if let result, evaluator.leastBytes(batch, depth: .batch) > result.bytes { continue }
        for (recomputation, sequenceParallel) in space.activations(degrees) {
          for stage in space.zeroStages(degrees) {
            var layout = batch
            layout.recomputation = recomputation
            layout.sequenceParallel = sequenceParallel
            layout.zeroStage = stage
            let bytes = evaluator.bytes(layout)
            if let best = result, (bytes, layout.simplicity) >= (best.bytes, best.layout.simplicity) { continue }
            result = (layout, bytes)
          }
        }
      }
    }
    return result?.layout
  }
}

/// The order of layouts that are equally fast: what a practitioner would rather run comes first.
package struct Simplicity: Comparable, Hashable, Sendable {
  private let key: UInt64
  private let rest: UInt64

  init(_ layout: ParallelLayout) {
    // Fewer ranks that must work in step, less recomputation, lower stages; then larger micro-batches.
    func field(_ value: Int) -> UInt64 { UInt64(clamping: min(max(value, 0), 0xFFFF)) }
    let recomputation = Recomputation.allCases.firstIndex(of: layout.recomputation) ?? 0
    key =
      field(layout.pipeline) << 48 | field(layout.tensor) << 32 | field(layout.context) << 16 | field(layout.expert)
    rest =
      UInt64(recomputation) << 48 | field(layout.zeroStage) << 40 | (layout.sequenceParallel ? 1 << 39 : 0)
      | field(layout.virtualStages & 0x7FFF) << 16 | (0xFFFF - field(layout.microBatch))
  }

  package static func < (a: Self, b: Self) -> Bool { (a.key, a.rest) < (b.key, b.rest) }
}

extension ParallelLayout {
  package var simplicity: Simplicity { Simplicity(self) }
}
