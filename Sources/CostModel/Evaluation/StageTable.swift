/// Times of a model's kernels on one device by what a layout changes of them: how many ranks share a layer, positions and
/// experts, and how many samples a rank has at a time. Of all blocks of a kind together, and of what stands before and behind
/// them.
package struct StageTable: Sendable {
  /// For each entry as many as there are kinds of blocks, and the edge.
  private let times: [StageTimes]
  private let lanes: [Int]
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
    let kinds = workload.blocks.kinds
    lanes = kinds.map(\.rawValue)
    var all: [StageTimes] = []
    var least: [(block: Double, edge: Double)] = []
    let parts = kinds.map { workload.kernels(of: $0) } + [workload.kernels([.stem, .head])]
    for t in tensors {
      for shares in [false, true] {
        for e in experts {
          let own = parts.map { part in
            part.map { $0.shared(by: t, sequenceParallel: shares).sharedExperts(by: e) }
          }
          var known: [Double: [StageTimes]] = [:]
          var best = Array(repeating: (block: Double.infinity, edge: Double.infinity), count: contexts.count)
          for b in batches {
            for (position, c) in contexts.enumerated() {
              let batch = Double(b) / Double(c)
              let entry = known[batch] ?? own.map { StageTimes($0, batch: batch, times: times) }
              known[batch] = entry
              all += entry
              let block = entry.dropLast().reduce(0) { $0 + $1.total }
              best[position].block = min(best[position].block, block / Double(b))
              best[position].edge = min(best[position].edge, entry[kinds.count].total / Double(b))
            }
          }
          least += best
        }
      }
    }
    self.times = all
    self.least = least
  }

  /// Where the times of a layout are.
  struct Entry {
    fileprivate let start: Int
  }

  private func row(_ layout: ParallelLayout, _ shares: Bool) -> Int {
    (tensorRow[layout.tensor] * 2 + (shares ? 1 : 0)) * experts + expertRow[layout.expert]
  }

  func entry(_ layout: ParallelLayout) -> Entry { entry(layout, sequenceParallel: layout.sequenceParallel) }

  func entry(_ layout: ParallelLayout, sequenceParallel: Bool) -> Entry {
    let column = batchColumn[layout.microBatch] * contexts + contextColumn[layout.context]
    return Entry(start: (row(layout, sequenceParallel) * columns + column) * (lanes.count + 1))
  }

  func edge(_ entry: Entry) -> StageTimes { times[entry.start + lanes.count] }

  /// Of a stage that has `shares` of the blocks of each kind.
  func blocks(_ entry: Entry, shares: BlockSequence.ByKind) -> StageTimes {
    var sum = times[entry.start].scaled(by: shares[lanes[0]])
    for place in 1..<max(1, lanes.count) { sum.add(times[entry.start + place].scaled(by: shares[lanes[place]])) }
    return sum
  }

  /// Of all blocks.
  func allBlocks(_ entry: Entry) -> (forward: Double, backward: Double) {
    var sum = (forward: 0.0, backward: 0.0)
    for place in 0..<lanes.count {
      sum.forward += times[entry.start + place].forward
      sum.backward += times[entry.start + place].backward
    }
    return sum
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

  mutating func add(_ other: StageTimes) {
    products += other.products
    attention += other.attention
    memory += other.memory
    forward += other.forward
    backward += other.backward
  }

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
