package import Collectives
package import Jobs
package import ModelGraph
package import Units

/// How a rank's gradients are summed over the ranks.
package struct GradientSettings: Hashable, Sendable {
  package var reduction = Reduction.reproducible
  /// Of `fastest`; nil for the one that suits the ranks.
  package var algorithm: ScheduleAlgorithm?
  /// How long a rank waits for another.
  package var timeout = Duration.collectiveTimeout
  /// Shards of the global batch.
  package var shardCount: Int
  /// Nil: by `BucketChoice`.
  package var bucket: Bytes?
  /// Of gradients on their way to other ranks.
  package var precision = Precision.float32
  /// Whether each rank keeps the optimizer states of a share of the parameters only.
  package var sharesStates = false
  /// Whether buckets go out on a thread of their own while backward runs, where there are several; enough that one rank
  /// wants it.
  package var overlaps = false
  /// Cores of that thread; none for those of the rank.
  package var communicationCores: [Int] = []
  package init(shardCount: Int) { self.shardCount = shardCount }

  /// What of the optimizer states a rank of `group` keeps.
  func share(_ group: any Group) -> (index: Int, count: Int) {
    sharesStates ? (group.rank, group.rankCount) : (0, 1)
  }

  /// How a rank with these shards sums their gradients.
  func schedule(_ shards: Range<Int>) -> AccumulationSchedule {
    switch reduction {
    case .reproducible: AccumulationSchedule(tree: CanonicalTree(shardCount: shardCount), range: shards)
    case .fastest: AccumulationSchedule(runningSumOver: shards)
    }
  }
}
