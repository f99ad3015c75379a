import Collectives
import Datasets
import Evaluation
import Execution
import Foundation
import Glibc
import Jobs
import Kernels
import ModelGraph
import Models
import Units

/// A run under way: where it is, what it writes, and the loop.
final class RunState {
  let trainer: Trainer
  let data: JobData
  let order: DataOrder
  let gradient: BatchGradient
  let shards: Range<Int>
  let optimizer: Optimizer
  let learningRate: Double
  let directory: RunDirectory
  /// On the coordinator only.
  var records: RecordWriter?
  var header: Checkpoint.Header
  let resumedFromStep: Int
  let clock = ContinuousClock()
  let start = ContinuousClock.now
  var trainingSeconds = 0.0
  var epochSeconds = 0.0
  var epochSteps = 0
  /// With those of former processes, on the coordinator.
  var lastEpoch: EpochRecord?
  var lastEvaluation: EvaluationResult?
  var placement = Placement(ranks: [])

  var job: Job { trainer.job }
  var replica: Replica { gradient.replica }
  var group: any Group { trainer.group }
  var totalSteps: Int { job.training.epochs * order.stepsPerEpoch }

  init(
    trainer: Trainer, data: JobData, order: DataOrder, gradient: BatchGradient, shards: Range<Int>
  ) throws {
    self.trainer = trainer
    self.data = data
    self.order = order
    self.gradient = gradient
    self.shards = shards
    optimizer = trainer.job.training.optimizer.optimizer
    learningRate = trainer.job.training.optimizer.learningRate
    let replica = gradient.replica
    let opening = try RunOpening(trainer).open()
    let directory = opening.directory
    self.directory = directory
    let fingerprint = String(data.fingerprint, radix: 16)
    header =
      opening.checkpoint?.header
      ?? Checkpoint.Header(
        step: 0, epochLoss: 0, data: fingerprint, job: trainer.job.yaml(),
        normalisation: trainer.job.data.normalize == .training ? data.normalisation : nil)
    header.job = trainer.job.yaml()
    resumedFromStep = header.step
    let job = trainer.job
    try trainer.together {
      if let checkpoint = opening.checkpoint {
        guard checkpoint.header.data == fingerprint else {
          throw TrainingError(
            .invalidInput,
            "the data are not those that \(directory.path) was trained on until step \(checkpoint.header.step); resume "
              + "with the same files, or train anew in another --run-dir")
        }
        try checkpoint.restore(to: replica.store, withOptimizer: true)
      } else {
        try replica.initialise { replica.store.graph.initialParameterValues($0, seed: job.seed) }
      }
    }
    let step = header.step
    var records: RecordWriter?
    try trainer.onCoordinator {
      for warning in opening.warnings { trainer.tell(.warning(warning)) }
      records = try RecordWriter(path: directory.records, keepingSteps: opening.isResumed ? step : nil)
    }
    self.records = records
    lastEpoch = records?.lastEpoch
  }

  // MARK: The loop

  func train() throws -> RunOutcome {
    try announce()
    guard header.step < totalSteps else { return .finished(try finishAgain()) }
    let source = NormalisedImages(data.training, data.normalisation)
    let loader = try BatchLoader(
      source: source, order: order, shards: shards, from: header.step, to: totalSteps)
    defer { loader.close() }
    while header.step < totalSteps {
      let loss = try step(loader)
      header.step += 1
      header.epochLoss += loss.value
      let endsEpoch = header.step % order.stepsPerEpoch == 0
      let isStopped = loss.stop != nil && header.step < totalSteps
      let savesCheckpoint = isStopped || isCheckpointDue(endsEpoch: endsEpoch)
      if endsEpoch || savesCheckpoint {
        try trainer.together {
          try NumericalFailure.check(replica.store, step: header.step, trainer)
        }
      }
      if endsEpoch { try endEpoch() }
      if savesCheckpoint { try saveCheckpoint() }
      if let stop = loss.stop, isStopped { return .stopped(signal: stop, step: header.step) }
    }
    return .finished(try finish())
  }

  /// One global batch: this rank's shards, the sum over all, the update.
  /// - Returns: the loss, and the signal if any rank has received one.
  private func step(_ loader: BatchLoader) throws -> (value: Double, stop: Int32?) {
    let begin = clock.now
    let number = header.step + 1
    try loader.withNext { loaded, images, labels in
      for entry in gradient.schedule.steps {
        try gradient.compute(
          entry, images.extracting(loaded.imageRange(ofShard: entry.shard)),
          labels.extracting(loaded.labelRange(ofShard: entry.shard)),
          dropout: DropoutState(
            seed: job.seed, step: UInt32(number), firstSample: UInt32(entry.shard * order.samplesPerShard)))
      }
    }
    gradient.isFlagged = trainer.stopRequest() != nil
    let reduceBegin = clock.now
    try gradient.reduce()
    let reduced = clock.now
    let loss = gradient.loss
    let isStopWanted = gradient.isFlagged
    guard loss.isFinite else {
      throw try NumericalFailure(trainer, replica: replica, shards: shards).diagnose(
        step: number, loss: loss, source: NormalisedImages(data.training, data.normalisation), order: order)
    }
    optimizer.update(replica.store, step: number, learningRate: Float(learningRate))
    replica.store.updateStatistics(shards: job.training.shards)
    try record(number, loss, begin: begin, reduction: reduced - reduceBegin)
    return (loss, isStopWanted ? trainer.stopRequest() ?? SIGTERM : nil)
  }

  private func record(_ number: Int, _ loss: Double, begin: ContinuousClock.Instant, reduction: Duration) throws {
    let seconds = Seconds(clock.now - begin)
    trainingSeconds += seconds.count
    epochSeconds += seconds.count
    epochSteps += 1
    guard trainer.isCoordinator else { return }
    let record = StepRecord(
      step: number, epoch: (number - 1) / order.stepsPerEpoch + 1, loss: loss, learningRate: learningRate,
      seconds: seconds, reductionSeconds: Seconds(reduction))
    try records?.append("step", record)
    trainer.tell(.step(record))
  }
}
