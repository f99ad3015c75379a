import Collectives
import Datasets
import Evaluation
import Execution
import Foundation
import Jobs
import ModelGraph
import Units

/// What a run does between steps: tests, checkpoints, its beginning and its end.
extension RunState {
  func endEpoch() throws {
    let result = try evaluate()
    let record = EpochRecord(
      epoch: header.step / order.stepsPerEpoch, step: header.step,
      trainingLoss: header.epochLoss / Double(order.stepsPerEpoch), testLoss: result?.loss,
      testAccuracy: result?.confusion.accuracy, seconds: Seconds(epochSeconds),
      samplesPerSecond: Double(epochSteps * job.training.batch) / max(epochSeconds, 1e-9))
    lastEpoch = record
    header.epochLoss = 0
    epochSeconds = 0
    epochSteps = 0
    guard trainer.isCoordinator else { return }
    try records?.append("epoch", record)
    trainer.tell(.epoch(record))
  }

  /// Tests the network as it is; nil if the job has no test set. Collective.
  private func evaluate() throws -> EvaluationResult? {
    guard let test = data.test else { return nil }
    let result = try replica.evaluate(
      NormalisedImages(test, data.normalisation), classCount: job.data.classes.count, on: group)
    try trainer.together {
      try NumericalFailure.check(result, step: header.step, trainer)
    }
    lastEvaluation = result
    return result
  }

  func isCheckpointDue(endsEpoch: Bool) -> Bool {
    if header.step == totalSteps { return true }
    if endsEpoch { return (header.step / order.stepsPerEpoch) % job.checkpoint.everyEpochs == 0 }
    return job.checkpoint.everySteps.map { header.step % $0 == 0 } ?? false
  }

  /// The coordinator writes, records first: a checkpoint never knows a step that the records do not. Collective.
  func saveCheckpoint() throws {
    try trainer.onCoordinator {
      try records?.flush()
      try directory.save(Checkpoint(header: header, store: replica.store), keep: job.checkpoint.keep)
      trainer.tell(.checkpoint(step: header.step, path: directory.checkpoint(step: header.step)))
    }
  }

  func announce() throws {
    let placement = try gatherPlacement()
    guard trainer.isCoordinator else { return }
    let start = RunStart(
      job: job.name, runDirectory: directory.path, placement: placement,
      parameterCount: replica.store.graph.parameterCount, trainingSamples: data.training.count,
      testSamples: data.test?.count ?? 0, batch: job.training.batch, shards: job.training.shards,
      stepsPerEpoch: order.stepsPerEpoch, epochs: job.training.epochs, reduction: job.training.reduction,
      resumedFromStep: resumedFromStep, memory: replica.memory.total)
    try records?.append("start", start)
    trainer.tell(.started(start))
  }

  private func gatherPlacement() throws -> Placement {
    let own = Placement.Rank(
      rank: group.rank, host: group.hostName, threads: trainer.options.threads, shards: shards)
    let bytes = [UInt8](try JSONEncoder().encode(own))
    let all = try group.gatherMessages(bytes, root: 0) ?? []
    let ranks = try all.map { try JSONDecoder().decode(Placement.Rank.self, from: Data($0)) }
    placement = Placement(ranks: ranks)
    return placement
  }

  /// Writes the report. Collective.
  func finish() throws -> EvaluationReport? {
    try trainer.onCoordinator {
      let report = report
      try records?.append("report", report)
      try records?.flush()
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try AtomicFile.write([UInt8](encoder.encode(report)).span, to: directory.report)
      trainer.tell(.finished(report))
    }
    return evaluationReport
  }

  /// What a run does that is resumed after its last step: it tests the network once more, and writes the report if the
  /// process that trained did not come to that. Collective.
  func finishAgain() throws -> EvaluationReport? {
    _ = try evaluate()
    var hasReport: Int32 = 0
    try trainer.onCoordinator {
      trainer.tell(.alreadyFinished(step: header.step))
      hasReport = FileManager.default.fileExists(atPath: directory.report) ? 1 : 0
    }
    guard try group.allReduce(hasReport, .maximum) == 0 else { return evaluationReport }
    return try finish()
  }

  private var evaluationReport: EvaluationReport? {
    guard trainer.isCoordinator, let result = lastEvaluation else { return nil }
    return EvaluationReport(
      job, checkpoint: directory.checkpoint(step: header.step), step: header.step, samples: data.test?.count ?? 0,
      result)
  }

  private var report: RunReport {
    let steps = header.step - resumedFromStep
    return RunReport(
      job: job.name, placement: placement, reduction: job.training.reduction,
      parameterCount: replica.store.graph.parameterCount, steps: header.step, epochs: job.training.epochs,
      resumedFromStep: resumedFromStep, trainingSeconds: Seconds(trainingSeconds),
      totalSeconds: Seconds(clock.now - start),
      samplesPerSecond: Double(steps * job.training.batch) / max(trainingSeconds, 1e-9),
      finalTrainingLoss: lastEpoch?.trainingLoss, testLoss: lastEpoch?.testLoss,
      testAccuracy: lastEpoch?.testAccuracy,
      memory: MemoryRecord(planned: replica.memory.total, processPeak: ProcessMemory.peak),
      checkpoint: directory.checkpoint(step: header.step))
  }
}
