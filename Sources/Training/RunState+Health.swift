import Datasets
import Execution
import Jobs

/// Looks at gradients and activations now and then; the coordinator's work, whose first shard is the run's first.
extension RunState {
  func isHealthDue(_ number: Int) -> Bool {
    trainer.isCoordinator && (number - 1) % (job.training.health.everySteps ?? order.stepsPerEpoch) == 0
  }

  /// Records what there is to see once the gradients of a step are summed.
  func look(_ number: Int, _ activations: [DeadUnits]) throws {
    let (record, warnings) = health.look(
      step: number, epoch: (number - 1) / order.stepsPerEpoch + 1,
      norms: replica.store.tensorNorms.filter { phase.trains($0.name) }, activations: activations)
    header.health = health.state
    try records?.append("health", record)
    for warning in warnings {
      try records?.append("warning", warning)
      trainer.tell(.warning("\(warning.name.rawValue) in step \(number): \(warning.message)"))
    }
  }
}

extension Replica {
  /// What the ReLUs of one shard come to. The slot's gradients are lost.
  func deadUnits(
    _ shard: Int, _ buffer: SampleBuffer, _ places: Range<Int>, slot: Int, dropout: DropoutState
  ) throws -> [DeadUnits] {
    give(shard, buffer, places)
    return try program.deadUnits(slot: slot, dropout: dropout)
  }
}
