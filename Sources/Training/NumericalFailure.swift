import Collectives
import Datasets
import Execution
import Jobs
import ModelGraph

/// Looks for the operation that made a step's loss a number that is none.
struct NumericalFailure {
  private let trainer: Trainer
  private let replica: Replica
  private let shards: Range<Int>

  init(_ trainer: Trainer, replica: Replica, shards: Range<Int>) {
    self.trainer = trainer
    self.replica = replica
    self.shards = shards
  }

  /// Runs this rank's shards again, operation by operation, and gathers what the ranks find. Collective.
  /// - Returns: the error to throw; on ranks other than the coordinator, that the coordinator tells.
  func diagnose(step: Int, loss: Double, source: any SampleSource, order: DataOrder) throws -> any Error {
    let own = try firstOffender(step: step, source: source, order: order) ?? ""
    let found = try trainer.group.gatherMessages(Array(own.utf8), root: 0) ?? []
    guard trainer.isCoordinator else { return PeerFailed(rank: 0, exitCode: 7) }
    let offenders = found.map { String(decoding: $0, as: UTF8.self) }
    let rank = offenders.firstIndex { !$0.isEmpty }
    let place = rank.map { "\(offenders[$0]) on rank \($0)" } ?? "the sum of the shards' losses"
    return Self.error(
      trainer.job, "step \(step): the loss is \(Self.text(loss)); the first number that is not finite: \(place)")
  }

  /// Checks what a step's update left, before it is saved or tested. Ranks have the same parameters; of optimizer states
  /// each looks at those that it keeps.
  static func check(_ store: ParameterStore, step: Int, _ trainer: Trainer) throws {
    guard let found = store.firstNonFinite else { return }
    throw error(
      trainer.job,
      "step \(step): the update by \(trainer.job.training.optimizer.name.rawValue) left numbers that are not finite in the "
        + "\(found.isState ? "optimizer's state of parameter" : "parameter") '\(store.graph[store.graph.stored[found.parameter]].name)'"
    )
  }

  /// Checks what an evaluation came to.
  static func check(_ result: EvaluationResult, of name: String, step: Int, _ trainer: Trainer) throws {
    guard !result.loss.isFinite else { return }
    throw error(trainer.job, "step \(step): the loss of the \(name) is \(text(result.loss))")
  }

  private static func text(_ loss: Double) -> String { loss.isNaN ? "nan" : "\(loss)" }

  private static func error(_ job: Job, _ text: String) -> TrainingError {
    TrainingError(
      .numerical,
      "\(text); lower learning_rate (now \(job.training.optimizer.learningRate)), or check the data for extreme values")
  }

  private func firstOffender(step: Int, source: any SampleSource, order: DataOrder) throws -> String? {
    let epoch = (step - 1) / order.stepsPerEpoch
    let samples = order.samples(epoch: epoch)
    let count = order.samplesPerShard
    let buffer = SampleBuffer(fields: source.fields, capacity: count)
    for shard in shards {
      let places = order.places(step: (step - 1) % order.stepsPerEpoch, shards: shard..<shard + 1)
      let chosen = Array(samples[places])
      try source.load(chosen.span, epoch: epoch, into: buffer)
      let state = DropoutState(
        seed: trainer.job.seed, step: UInt32(step), firstSample: UInt32(shard * count))
      replica.give(shard, buffer, 0..<count)
      if let found = try replica.program.firstNonFinite(dropout: state) {
        return switch found.operation {
        case "input", "parameter": "\(found.operation) '\(found.layer)'"
        default: "\(found.operation) of layer '\(found.layer)', shard \(shard)"
        }
      }
    }
    return nil
  }
}
