package import CostModel
package import Units

/// What somebody wants planned, beside the model.
package struct PlanRequest: Hashable, Sendable, Codable {
  package enum Objective: String, Hashable, Sendable, Codable, CaseIterable { case cost, time }

  /// B, and tokens of a sample (1 if it has none).
  package var globalBatch: Int
  package var sequence: Int
  package var length: TrainingLength
  package var objective: Objective
  /// For the whole training.
  package var deadline: Seconds?
  package var budget: Money?
  package var choices: LayoutChoices
  /// Of a node: failures, or interruptions of spot instances; nil to plan as if there were none.
  package var disturbance: Disturbance?

  package struct Disturbance: Hashable, Sendable, Codable {
    package var nodeTimeBetweenFailures: Seconds
    package var restart: Seconds
    package var checkpointBytes: Bytes
    /// Of a node to where checkpoints go.
    package var storageBandwidth: Bandwidth

    package init(
      nodeTimeBetweenFailures: Seconds, restart: Seconds, checkpointBytes: Bytes, storageBandwidth: Bandwidth
    ) {
      self.nodeTimeBetweenFailures = nodeTimeBetweenFailures
      self.restart = restart
      self.checkpointBytes = checkpointBytes
      self.storageBandwidth = storageBandwidth
    }

    package func checkpointing(nodes: Int) -> Checkpointing {
      Checkpointing(
        write: Checkpointing.writeTime(checkpointBytes, bandwidthOfNode: storageBandwidth, nodes: nodes),
        restart: restart, nodeTimeBetweenFailures: nodeTimeBetweenFailures, nodes: nodes)
    }
  }

  package init(
    globalBatch: Int, sequence: Int = 1, length: TrainingLength, objective: Objective = .cost,
    deadline: Seconds? = nil, budget: Money? = nil, choices: LayoutChoices = LayoutChoices(),
    disturbance: Disturbance? = nil
  ) {
    self.globalBatch = globalBatch
    self.sequence = sequence
    self.length = length
    self.objective = objective
    self.deadline = deadline
    self.budget = budget
    self.choices = choices
    self.disturbance = disturbance
  }

  package var steps: Int { length.steps(globalBatch: globalBatch, sequence: sequence) }

  package func purchase(_ group: NodeGroup, step: Seconds) -> PurchaseCost {
    let billing = Billing(hourly: group.hourly, instances: group.nodes)
    let training = step * Double(steps)
    guard let disturbance else { return .undisturbed(training, billing) }
    return .interrupted(training, billing, disturbance.checkpointing(nodes: group.nodes))
  }
}

/// Prices the steps of one job on any group of nodes.
package protocol PlanningModel: Sendable {
  associatedtype Evaluator: LayoutEvaluator
  /// What is legal there for a step of `globalBatch` samples.
  func rules(for group: NodeGroup, globalBatch: Int) -> LayoutRules
  /// - Throws: `Rejection` if the group cannot run the job at all.
  func evaluator(for group: NodeGroup, globalBatch: Int) throws(Rejection) -> Evaluator
  /// What was assumed or is outside what the model was fitted to, of a chosen layout.
  func remarks(_ group: NodeGroup, _ layout: ParallelLayout) -> [String]
  /// ln of the factor that bounds the time upwards and downwards with 90 % probability; nil if not known.
  func logInterval(_ group: NodeGroup, _ layout: ParallelLayout) -> Double?
}

extension PlanningModel {
  package func remarks(_ group: NodeGroup, _ layout: ParallelLayout) -> [String] { [] }
  package func logInterval(_ group: NodeGroup, _ layout: ParallelLayout) -> Double? { nil }
}
