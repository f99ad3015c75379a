package import Units

/// When to write checkpoints, and what failures cost.
///
/// With δ the time of one checkpoint, M the mean time between failures of the whole job (that of a node, divided by the
/// nodes), R the time to start again: the best interval is τ = √(2·δ·M) (Young 1974), and a training of T takes about
/// T·(1 + δ/τ + (τ/2 + R)/M) (Daly 2006, first order). Valid while δ and R are small against M: `isWithinValidity` says
/// whether they are below half of it.
package struct Checkpointing: Hashable, Sendable, Codable {
  /// δ and R.
  package let write: Seconds
  package let restart: Seconds
  /// M.
  package let timeBetweenFailures: Seconds

  /// - Parameters:
  ///   - nodeTimeBetweenFailures: of one node: failures, or interruptions of a spot instance.
  ///   - nodes: any of which ends the run.
  package init(write: Seconds, restart: Seconds, nodeTimeBetweenFailures: Seconds, nodes: Int) {
    precondition(nodes >= 1 && nodeTimeBetweenFailures > .zero, "nodes fail after some time")
    self.write = write
    self.restart = restart
    timeBetweenFailures = nodeTimeBetweenFailures / Double(nodes)
  }

  /// τ; never less than one checkpoint takes.
  package var bestInterval: Seconds {
    max(write, Seconds((2 * write.count * timeBetweenFailures.count).squareRoot()))
  }

  package var isWithinValidity: Bool { (write + restart) * 2 < timeBetweenFailures }

  /// T · (1 + δ/τ + (τ/2 + R)/M), of a training that takes `undisturbed` without checkpoints and failures.
  package func expectedTime(_ undisturbed: Seconds, interval: Seconds? = nil) -> Seconds {
    let tau = (interval ?? bestInterval).count
    let writing = tau > 0 ? write.count / tau : 0
    let failing = (tau / 2 + restart.count) / timeBetweenFailures.count
    return undisturbed * (1 + writing + failing)
  }

  package func expectedFailures(_ undisturbed: Seconds) -> Double {
    expectedTime(undisturbed) / timeBetweenFailures
  }

  /// Bytes of a checkpoint: weights and optimizer states of all parameters, once.
  package static func bytes(parameters: Double, scheme: StateScheme) -> Bytes {
    Bytes(count: Int64((parameters * scheme.checkpointed).rounded()))
  }

  /// δ: each of `nodes` writes its share.
  package static func writeTime(_ bytes: Bytes, bandwidthOfNode: Bandwidth, nodes: Int) -> Seconds {
    Seconds(Double(bytes.count) / (bandwidthOfNode.count * Double(max(1, nodes))))
  }
}
