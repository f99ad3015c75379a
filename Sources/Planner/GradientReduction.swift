package import Collectives
import CostModel
package import Units

/// How the gradients of a plan go from replica to replica: the all-reduce of one bucket, and which schedule takes it.
package struct GradientReduction: Hashable, Sendable, Codable {
  /// Of a bucket, and how many there are in a step.
  package let bucket: Bytes
  package let buckets: Int
  /// With what other schedules would take, simulated on the fabric of the plan.
  package let choice: AlgorithmChoice

  /// - Returns: nil of one replica, and where a switch sums by itself.
  init?(
    _ fabric: Fabric, _ layout: ParallelLayout, acceleratorsPerNode: Int, nodes: Int, bytes: Double,
    forced: ScheduleAlgorithm?
  ) {
    let replicas = layout.data * layout.context
    guard replicas > 1, bytes >= 4 else { return nil }
    let perNode = max(1, acceleratorsPerNode / min(layout.tensor, acceleratorsPerNode))
    let local = min(replicas, perNode)
    let group = RankGroup(
      size: replicas, ranksPerNode: local, concurrentPerNode: max(1, acceleratorsPerNode / local))
    guard group.nodes == 1 || fabric.network != nil, fabric.hasSchedules(group) else { return nil }
    let count = BucketTimeline.buckets(bytes).rounded(.up)
    guard let choice = try? fabric.choice(.allReduce, group, bytes: bytes / count, forced: forced) else { return nil }
    bucket = Bytes(count: Int64(bytes / count))
    buckets = Int(count)
    self.choice = choice
  }

  /// "16 buckets of 77 MiB over 64 replicas on 8 nodes: double tree, 5.2 ms each (ring 5.9 ms, …)".
  package var text: String {
    let places = choice.hostCount > 1 ? " on \(choice.hostCount) nodes" : ""
    let others = choice.candidates.filter { $0.algorithm != choice.chosen.algorithm }.prefix(2)
      .map { "\($0.algorithm.name) \(Seconds($0.seconds))" }.joined(separator: ", ")
    return
      "\(buckets == 1 ? "one bucket" : "\(buckets) buckets") of \(bucket) over \(choice.rankCount) replicas\(places): "
      + "\(choice.chosen.algorithm.name), \(Seconds(choice.chosen.seconds)) each"
      + (choice.isForced ? ", as the job says" : "") + (others.isEmpty ? "" : " (\(others))")
  }
}
