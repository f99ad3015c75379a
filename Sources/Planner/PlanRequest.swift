package import CostModel
package import Units

/// What somebody wants planned, beside the model.
package struct PlanRequest: Hashable, Sendable, Codable {
  package enum Objective: String, Hashable, Sendable, Codable, CaseIterable { case cost, time }

  /// B, and tokens of a sample (1 if it has none).
  package var globalBatch: Int
  package var sequence: Int
  package var length: TrainingLength
  /// What `length` comes from, where it is passes over samples.
  package var epochs: Int?
  package var samples: Int?
  package var objective: Objective
  /// For the whole training.
  package var deadline: Seconds?
  package var budget: Money?
  package var choices: LayoutChoices
  /// Failures and interruptions; nil to plan as if there were none.
  package var disturbance: Disturbance?

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

  package func purchase(_ group: NodeGroup, step: Seconds) -> PurchaseCost { purchase([group], step: step) }

  /// What the training costs on nodes that all work at it.
  package func purchase(_ groups: [NodeGroup], step: Seconds) -> PurchaseCost {
    // Each instance is billed by itself, all for the same time.
    let billing = Billing(hourly: groups.map(\.hourlyTotal).sum(), instances: 1)
    let training = step * Double(steps)
    guard let checkpointing = disturbance?.checkpointing(groups) else { return .undisturbed(training, billing) }
    return .interrupted(training, billing, checkpointing)
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
  func logInterval(_ group: NodeGroup, _ layout: ParallelLayout, _ estimate: StepEstimate) -> Double?
  /// Of a node to the others, as rated; nil where the step does not depend on it.
  func networkBandwidth(_ group: NodeGroup) -> Bandwidth?
  /// Of the model; nil if not known.
  var parameters: Double? { get }
  /// How gradients go from replica to replica; nil where there is nothing to choose.
  func reduction(_ group: NodeGroup, _ layout: ParallelLayout) -> GradientReduction?
}

extension PlanningModel {
  package func remarks(_ group: NodeGroup, _ layout: ParallelLayout) -> [String] { [] }
  package func logInterval(_ group: NodeGroup, _ layout: ParallelLayout, _ estimate: StepEstimate) -> Double? { nil }
  package func networkBandwidth(_ group: NodeGroup) -> Bandwidth? { nil }
  package var parameters: Double? { nil }
  package func reduction(_ group: NodeGroup, _ layout: ParallelLayout) -> GradientReduction? { nil }
}
