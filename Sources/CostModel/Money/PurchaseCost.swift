package import Units

/// What a training costs and how long it takes, bought one way.
package struct PurchaseCost: Hashable, Sendable, Codable {
  /// From the first step to the end, with checkpoints and, on spot instances, interruptions.
  package let time: Seconds
  package let cost: Money
  package let expectedInterruptions: Double
  package let checkpointInterval: Seconds?

  /// Undisturbed: on-demand and reserved instances, whose failures are rare against a short training.
  package static func undisturbed(_ training: Seconds, _ billing: Billing) -> PurchaseCost {
    PurchaseCost(
      time: training, cost: billing.cost(training), expectedInterruptions: 0, checkpointInterval: nil)
  }

  /// With failures or interruptions: price × expected time. All instances are paid while the job starts again.
  package static func interrupted(
    _ training: Seconds, _ billing: Billing, _ checkpointing: Checkpointing
  ) -> PurchaseCost {
    let time = checkpointing.expectedTime(training)
    return PurchaseCost(
      time: time, cost: billing.cost(time), expectedInterruptions: checkpointing.expectedFailures(training),
      checkpointInterval: checkpointing.bestInterval)
  }

  /// Reserved instances are paid for their term whether used or not: the training carries all of it if nothing else runs.
  package static func reservedAlone(_ training: Seconds, _ billing: Billing, term: Seconds) -> PurchaseCost {
    PurchaseCost(
      time: training, cost: billing.cost(max(training, term)), expectedInterruptions: 0, checkpointInterval: nil)
  }
}
