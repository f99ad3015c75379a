import Collectives
import Datasets
import Evaluation
import Execution
import Foundation
import Jobs
import ModelGraph
import Units

/// What a run does between steps: checkpoints, its beginning and its end.
extension RunState {
  func isCheckpointDue(endsEpoch: Bool) -> Bool {
    if header.step == totalSteps { return true }
    if endsEpoch { return (header.step / order.stepsPerEpoch) % job.checkpoint.everyEpochs == 0 }
    return job.checkpoint.everySteps.map { header.step % $0 == 0 } ?? false
  }

  /// The coordinator writes, records first: a checkpoint never knows a step that the records do not. Collective.
  func saveCheckpoint() throws {
    let carried = try replica.states.gathered(group)
    let states = try replica.store.gatheredStates(group)
    try trainer.onCoordinator {
      try records?.flush()
      header.phase = networks.count == 1 ? nil : current
      let others = aside.map { (header.isBestRestored == true ? Checkpoint.Others.last : .best, $0) }
      try directory.save(
        Checkpoint(header: header, store: replica.store, others: others, carried: carried, states: states),
        keep: job.checkpoint.keep)
      trainer.tell(.checkpoint(step: header.step, path: directory.checkpoint(step: header.step)))
    }
  }

  func announce() throws {
    let placement = try gatherPlacement()
    guard trainer.isCoordinator else { return }
    let start = RunStart(
      job: job.name, runDirectory: directory.path, placement: placement,
      parameterCount: networks[networks.count - 1].graph.parameterCount, trainingSamples: data.training.count,
      validationSamples: data.validation?.count ?? 0, testSamples: data.test?.count ?? 0, batch: job.training.batch,
      shards: job.training.shards,
      stepsPerEpoch: order.stepsPerEpoch, epochs: totalSteps / order.stepsPerEpoch, reduction: job.training.reduction,
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
    return try evaluationReport()
  }

  /// What a run does that is resumed after its last step: it tests the network once more, and writes the report if the
  /// process that trained did not come to that. Collective.
  func finishAgain() throws -> EvaluationReport? {
    try evaluateTest()
    var hasReport: Int32 = 0
    try trainer.onCoordinator {
      trainer.tell(.alreadyFinished(step: header.step))
      hasReport = FileManager.default.fileExists(atPath: directory.report) ? 1 : 0
    }
    guard try group.allReduce(hasReport, .maximum) == 0 else { return try evaluationReport() }
    return try finish()
  }

  private func evaluationReport() throws -> EvaluationReport? {
    guard trainer.isCoordinator, let result = lastEvaluation else { return nil }
    return EvaluationReport(
      job, data.encoding.target, checkpoint: directory.checkpoint(step: header.step), step: header.step,
      samples: data.test?.count ?? 0, result, tokenCountLosses: try data.tokenCountLosses())
  }

  private var communicationReport: CommunicationReport? {
    guard group.rankCount > 1 else { return nil }
    return CommunicationReport(
      buckets: gradient.buckets.ranges.count,
      largestBucket: Bytes(4 * (gradient.buckets.ranges.map(\.count).max() ?? 0)),
      algorithms: gradient.algorithms, isOverlapped: gradient.isOverlapped,
      seconds: communication.communication, exposedSeconds: communication.exposed)
  }

  private var report: RunReport {
    let steps = header.step - resumedFromStep
    return RunReport(
      job: job.name, placement: placement, reduction: job.training.reduction,
      parameterCount: replica.store.graph.parameterCount, steps: header.step, epochs: header.step / order.stepsPerEpoch,
      resumedFromStep: resumedFromStep, trainingSeconds: Seconds(trainingSeconds),
      totalSeconds: Seconds(clock.now - start),
      samplesPerSecond: Double(steps * job.training.batch) / max(trainingSeconds, 1e-9),
      finalTrainingLoss: lastEpoch?.trainingLoss, testLoss: lastEvaluation?.loss,
      testAccuracy: lastEvaluation?.accuracy, testMicroF1: lastEvaluation?.microF1, earlyStopping: earlyStoppingReport,
      sparsity: sparsity, communication: communicationReport,
      memory: MemoryRecord(
        planned: replica.memory.total, optimizerStates: replica.memory.optimizerStates,
        processPeak: ProcessMemory.peak),
      checkpoint: directory.checkpoint(step: header.step))
  }
}
