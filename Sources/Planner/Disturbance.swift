import Catalog
package import CostModel
package import Units

/// What stops a training on its way, and what it takes to go on: failures of accelerators and interruptions of spot nodes.
package struct Disturbance: Hashable, Sendable, Codable {
  /// However the node is bought.
  package var failuresPerAcceleratorHour: Double
  /// Of a spot node, beside its failures.
  package var spotInterruptionsPerHour: Double
  /// From a stop to the next step.
  package var restart: Seconds
  package var checkpoint: Bytes
  /// Of a node to where checkpoints go, where nothing is known of it.
  package var storage: Bandwidth

  /// 419 unexpected interruptions of 16,384 H100 in 54 days (Llama 3, Meta 2024, §3.3.4).
  package static let publishedFailureRate = 419.0 / (54 * 24 * 16_384)
  /// The mildest of three traces of EC2 P3 and other spot instances: 10, 16 and 33 % of the nodes an hour (Thorpe et al. 2023,
  /// "Bamboo", NSDI).
  package static let publishedSpotRate = 0.1

  package init(
    failuresPerAcceleratorHour: Double = publishedFailureRate, spotInterruptionsPerHour: Double = publishedSpotRate,
    restart: Seconds = Seconds(minutes: 5), checkpoint: Bytes, storage: Bandwidth = Bandwidth(gigabytesPerSecond: 0.5)
  ) {
    self.failuresPerAcceleratorHour = failuresPerAcceleratorHour
    self.spotInterruptionsPerHour = spotInterruptionsPerHour
    self.restart = restart
    self.checkpoint = checkpoint
    self.storage = storage
  }

  /// Of all nodes of a group together, an hour.
  package func stopsPerHour(_ group: NodeGroup) -> Double {
    let assumed =
      failuresPerAcceleratorHour * Double(group.acceleratorsPerNode)
      + (group.purchase == .spot ? spotInterruptionsPerHour : 0)
    return (group.interruptionsPerHour ?? assumed) * Double(group.nodes)
  }

  /// Nil if nothing ever stops them.
  package func checkpointing(_ groups: [NodeGroup]) -> Checkpointing? {
    let stops = groups.reduce(0) { $0 + stopsPerHour($1) }
    guard stops > 0 else { return nil }
    let bandwidth = groups.reduce(0) { $0 + ($1.storage ?? storage).count * Double($1.nodes) }
    return Checkpointing(
      write: Checkpointing.writeTime(checkpoint, bandwidthOfNode: Bandwidth(bandwidth), nodes: 1), restart: restart,
      nodeTimeBetweenFailures: Seconds(hours: 1 / stops), nodes: 1)
  }
}
