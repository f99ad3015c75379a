import Collectives
import Jobs
import ModelGraph

/// The reducer of a rank's gradients, and that of what lies behind them: losses and statistics, which travel in float32
/// whatever gradients do.
struct BucketReducer {
  private let gradients: any ShardReducer
  private let exact: any ShardReducer
  /// Where the other begins; 0 if there is one reducer.
  private let exactStart: Int

  /// Collective.
  init(
    _ settings: GradientSettings, group: any Group, shards: Range<Int>, buckets: Buckets, exactStart: Int
  ) throws {
    let largest = buckets.ranges.map(\.count).max() ?? 0
    let isReproducible = settings.reduction == .reproducible
    func reducer(_ count: Int) throws -> any ShardReducer {
      guard isReproducible else {
        return try FastestReducer(group: group, range: shards, algorithm: settings.algorithm, timeout: settings.timeout)
      }
      return try ReproducibleReducer(
        group: group, shardCount: settings.shardCount, range: shards, maximumCount: count, timeout: settings.timeout)
    }
    self.exactStart = exactStart
    switch settings.precision {
    case .float32:
      exact = try reducer(largest)
      gradients = exact
    case .bfloat16:
      exact = try reducer(buckets.ranges.last?.count ?? 0)
      gradients = try BFloat16Reducer(
        group: group, shardCount: settings.shardCount, range: shards, maximumCount: largest,
        isReproducible: isReproducible, timeout: settings.timeout)
    }
  }

  var schedule: AccumulationSchedule { gradients.schedule }

  /// What the reducers allocate.
  var byteCount: Int {
    let exact = (exact as? ReproducibleReducer)?.byteCount ?? 0
    return exact + ((gradients as? BFloat16Reducer)?.byteCount ?? 0)
  }

  var algorithms: [String] { gradients.algorithms }

  /// Tells where the slots lie that ranks share.
  func adopt(_ slots: SharedMemory) {
    gradients.adopt(slots)
    if exactStart > 0 { exact.adopt(slots) }
  }

  /// Whether there is anything to do behind a shard.
  func isBusy(behind entry: AccumulationSchedule.Step) -> Bool { !entry.merges.isEmpty || exactStart > 0 }

  /// Does what the schedule wants done behind a shard, for some elements of the slots.
  func merge(
    _ entry: AccumulationSchedule.Step, _ slots: inout MutableSpan<Float>, stride: Int, elements: Range<Int>
  ) throws {
    let first = elements.clamped(to: 0..<exactStart)
    let rest = elements.clamped(to: exactStart..<max(exactStart, stride))
    if !first.isEmpty { try gradients.merge(entry, &slots, stride: stride, elements: first) }
    if !rest.isEmpty { try exact.merge(entry, &slots, stride: stride, elements: rest) }
  }

  /// - Parameter bucket: on one side of where the other reducer begins. Collective.
  func allReduce(_ slots: inout MutableSpan<Float>, stride: Int, bucket: Range<Int>) throws {
    let reducer = bucket.lowerBound >= exactStart ? exact : gradients
    try reducer.allReduce(&slots, stride: stride, elements: bucket)
  }
}
