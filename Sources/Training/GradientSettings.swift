import Collectives
package import Jobs
package import Units

/// How a rank's gradients are summed over the ranks.
package struct GradientSettings: Hashable, Sendable {
  package var reduction = Reduction.reproducible
  /// Shards of the global batch.
  package var shardCount: Int
  /// Nil: by `Buckets.byteCount`.
  package var bucket: Bytes?
  /// Whether buckets go out on a thread of their own while backward runs, where there are several; enough that one rank
  /// wants it.
  package var overlaps = false
  /// Cores of that thread; none for those of the rank.
  package var communicationCores: [Int] = []
  package init(shardCount: Int) { self.shardCount = shardCount }

  /// How a rank with these shards sums their gradients.
  func schedule(_ shards: Range<Int>) -> AccumulationSchedule {
    switch reduction {
    case .reproducible: AccumulationSchedule(tree: CanonicalTree(shardCount: shardCount), range: shards)
    case .fastest: AccumulationSchedule(runningSumOver: shards)
    }
  }
}
