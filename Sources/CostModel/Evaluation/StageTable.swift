/// Times of a model's kernels on one device by what a layout changes of them: how many ranks share a layer, positions and
/// experts, and how many samples a rank has at a time. Of all blocks together, and of what stands before and behind them.
package struct StageTable: Sendable {
  package struct Entry: Sendable {
    let block: StageTimes
    let edge: StageTimes
  }

  private let entries: [Entry]
  private let columns: Int
  private let tensorRow: [Int]
  private let expertRow: [Int]
  private let experts: Int
  private let batchColumn: [Int]
  private let contextColumn: [Int]
  private let contexts: Int
  /// By row and context: the least time of a sample's block, and of its edge.
  private let least: [(block: Double, edge: Double)]

  /// - Parameters:
  ///   - tensors: degrees of tensor parallelism; likewise `experts` and `contexts`.
  ///   - batches: micro-batches.
  ///   - times: of kernels on the device.
  init(
    _ workload: Workload, tensors: [Int], experts: [Int], contexts: [Int], batches: [Int], times: KernelTimes
  ) {
    tensorRow = positions(tensors)
    expertRow = positions(experts)
    batchColumn = positions(batches)
    contextColumn = positions(contexts)
    self.experts = experts.count
    self.contexts = contexts.count
    columns = batches.count * contexts.count
    var entries: [Entry] = []
    var least: [(block: Double, edge: Double)] = []
    let (block, edge) = (workload.kernels([.block]), workload.kernels([.stem, .head]))
    for t in tensors {
      for shares in [false, true] {
        for e in experts {
          func own(_ kernels: [Kernel]) -> [Kernel] {
            kernels.map { $0.shared(by: t, sequenceParallel: shares).sharedExperts(by: e) }
          }
          let (ownBlock, ownEdge) = (own(block), own(edge))
          var known: [Double: Entry] = [:]
          var best = Array(repeating: (block: Double.infinity, edge: Double.infinity), count: contexts.count)
          for b in batches {
            for (position, c) in contexts.enumerated() {
              let batch = Double(b) / Double(c)
              let entry =
                known[batch]
                ?? Entry(
                  block: StageTimes(ownBlock, batch: batch, times: times),
                  edge: StageTimes(ownEdge, batch: batch, times: times))
              known[batch] = entry
              entries.append(entry)
              best[position].block = min(best[position].block, entry.block.total / Double(b))
              best[position].edge = min(best[position].edge, entry.edge.total / Double(b))
            }
          }
          least += best
        }
      }
    }
    self.entries = entries
    self.least = least
  }

  private func row(_ layout: ParallelLayout, _ shares: Bool) -> Int {
    (tensorRow[layout.tensor] * 2 + (shares ? 1 : 0)) * experts + expertRow[layout.expert]
  }

  func entry(_ layout: ParallelLayout) -> Entry { entry(layout, sequenceParallel: layout.sequenceParallel) }

  func entry(_ layout: ParallelLayout, sequenceParallel: Bool) -> Entry {
    entries[
      row(layout, sequenceParallel) * columns + batchColumn[layout.microBatch] * contexts
        + contextColumn[layout.context]]
  }

  /// Of one sample, whatever the micro-batch and whether positions are shared.
  func leastPerSample(_ layout: ParallelLayout) -> (block: Double, edge: Double) {
    let a = least[row(layout, false) * contexts + contextColumn[layout.context]]
    let b = least[row(layout, true) * contexts + contextColumn[layout.context]]
    return (min(a.block, b.block), min(a.edge, b.edge))
  }
}

extension StageTimes {
  var total: Double { forward + backward }

  /// Of a part of the same kernels.
  func scaled(by share: Double) -> StageTimes {
    var part = self
    part.products *= share
    part.attention *= share
    part.memory *= share
    part.forward *= share
    part.backward *= share
    return part
  }
}
