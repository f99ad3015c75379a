package import Collectives

extension Collective {
  /// Rounds of a ring: each waits for the one before.
  func ringSteps(ranks: Int) -> Double {
    switch self {
    case .allReduce: 2 * Double(ranks - 1)
    case .reduceScatter, .allGather, .broadcast, .allToAll: Double(ranks - 1)
    case .pointToPoint: ranks > 1 ? 1 : 0
    }
  }

  /// The share of an all-reduce's passes over the ranks: it is a reduce-scatter and an all-gather.
  var passes: Double { self == .allReduce ? 2 : 1 }
}

/// Ranks that talk, and who else does.
package struct RankGroup: Hashable, Sendable {
  /// n.
  package let size: Int
  /// r, of this group on each node that it has ranks on.
  package let ranksPerNode: Int
  /// Groups of the same kind that share a node's network interfaces at the same time, this one included: 8 for the
  /// data-parallel groups beside tensor parallelism over the 8 accelerators of a node.
  package let concurrentPerNode: Int

  /// - Precondition: all at least 1.
  package init(size: Int, ranksPerNode: Int, concurrentPerNode: Int = 1) {
    precondition(size >= 1 && ranksPerNode >= 1 && concurrentPerNode >= 1, "a group has ranks")
    self.size = size
    self.ranksPerNode = min(ranksPerNode, size)
    self.concurrentPerNode = concurrentPerNode
  }

  /// X, rounded up.
  package var nodes: Int { (size + ranksPerNode - 1) / ranksPerNode }
}

/// A time and where it comes from.
package struct CollectiveTime: Hashable, Sendable {
  package let seconds: Double
  package let algorithm: ScheduleAlgorithm
  /// α: what an empty message costs.
  package let latency: Double
  /// β S: bytes over the narrowest link.
  package let transfer: Double
  /// ρ √S: filling and draining the pipeline.
  package let pipelining: Double
}

/// What nccl-tests prints of an operation: bytes over time, and that times the bytes on the wire per byte of the buffer
/// (doc/PERFORMANCE.md of nccl-tests). Compare with a cluster's own output to see whether it is healthy.
package struct ExpectedBandwidth: Hashable, Sendable {
  /// B/s.
  package let algorithm: Double
  package let bus: Double

  package init(_ collective: Collective, bytes: Double, seconds: Double, ranks: Int) {
    algorithm = seconds > 0 ? bytes / seconds : 0
    bus = algorithm * collective.wireFactor(ranks: ranks)
  }
}
