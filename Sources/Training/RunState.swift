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
  private let trainer: Trainer
  private let data: JobData
  private let order: DataOrder
  private let replica: Replica
  private let reducer: any ShardReducer
  private let shards: Range<Int>
  private let buckets: Buckets
  private let optimizer: Optimizer
  private let learningRate: Double
  private let directory: RunDirectory
  /// On the coordinator only.
  private var records: RecordWriter?
  private var header: Checkpoint.Header
  private let resumedFromStep: Int
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now
  private var trainingSeconds = 0.0
  private var epochSeconds = 0.0
  private var epochSteps = 0
  private var lastEpoch: EpochRecord?

  private var job: Job { trainer.job }
  private var group: any Group { trainer.group }
  private var totalSteps: Int { job.training.epochs * order.stepsPerEpoch }

  init(
    trainer: Trainer, data: JobData, order: DataOrder, replica: Replica, reducer: any ShardReducer, shards: Range<Int>
  ) throws {
    self.trainer = trainer
    self.data = data
    self.order = order
    self.replica = replica
    self.reducer = reducer
    self.shards = shards
    optimizer = trainer.job.training.optimizer.optimizer
    learningRate = trainer.job.training.optimizer.learningRate
    let ready = ParameterStore.readyOrder(replica.store.graph).map { replica.store.offsets[$0] }
    buckets = Buckets(boundaries: ready, end: replica.store.slotElementCount)
    let opening = try RunOpening(trainer).open()
    directory = opening.directory
    header =
      opening.checkpoint?.header
      ?? Checkpoint.Header(
        step: 0, epochLoss: 0, job: trainer.job.yaml(),
        normalisation: trainer.job.data.normalize == .training ? data.normalisation : nil)
    header.job = trainer.job.yaml()
    resumedFromStep = header.step
    let job = trainer.job
    try trainer.together {
      if let checkpoint = opening.checkpoint {
        try checkpoint.restore(to: replica.store, withOptimizer: true)
      } else {
        try replica.initialise { replica.store.graph.initialParameterValues($0, seed: job.seed) }
      }
    }
    if trainer.isCoordinator {
      for damaged in opening.damaged {
        try trainer.tell(.warning("passed over a damaged checkpoint: \(damaged)"))
      }
      records = try RecordWriter(path: directory.records, keepingSteps: opening.isResumed ? header.step : nil)
    }
  }

  // MARK: The loop

  func train() throws -> RunOutcome {
    try announce()
    let source = NormalisedImages(data.training, data.normalisation)
    let loader = try BatchLoader(
      source: source, order: order, shards: shards, from: header.step, to: max(totalSteps, header.step))
    defer { loader.close() }
    while header.step < totalSteps {
      let loss = try step(loader)
      header.step += 1
      header.epochLoss += loss.value
      let endsEpoch = header.step % order.stepsPerEpoch == 0
      if endsEpoch { try endEpoch() }
      if let stop = loss.stop, header.step < totalSteps {
        try saveCheckpoint()
        try records?.flush()
        return .stopped(signal: stop, step: header.step)
      }
      if isCheckpointDue(endsEpoch: endsEpoch) { try saveCheckpoint() }
    }
    return .finished(try finish())
  }

  /// One global batch: this rank's shards, the sum over all, the update.
  /// - Returns: the loss, and the signal if any rank has received one.
  private func step(_ loader: BatchLoader) throws -> (value: Double, stop: Int32?) {
    let begin = clock.now
    let store = replica.store
    let number = header.step + 1
    try loader.withNext { loaded, images, labels in
      for entry in reducer.schedule.steps {
        try replica.computeShard(
          images.extracting(loaded.imageRange(ofShard: entry.shard)),
          labels.extracting(loaded.labelRange(ofShard: entry.shard)), slot: entry.slot,
          dropout: DropoutState(
            seed: job.seed, step: UInt32(number), firstSample: UInt32(entry.shard * order.samplesPerShard)))
        try store.withSlots { slots in
          try reducer.merge(entry, &slots, stride: store.slotElementCount, elements: 0..<store.slotElementCount)
        }
      }
    }
    let stopPlace = store.elementCount + 1
    store.withSlot(0) { $0[stopPlace] = StopSignal.requested == nil ? 0 : 1 }
    let reduceBegin = clock.now
    for bucket in buckets.ranges {
      try store.withSlots { slots in
        try reducer.allReduce(&slots, stride: store.slotElementCount, elements: bucket)
      }
    }
    let reduced = clock.now
    let (loss, stop) = store.withSlot(0) { (Double($0[store.elementCount]), $0[stopPlace]) }
    guard loss.isFinite else {
      throw try NumericalFailure(trainer, replica: replica, shards: shards).diagnose(
        step: number, loss: loss, source: NormalisedImages(data.training, data.normalisation), order: order)
    }
    optimizer.update(store, step: number, learningRate: Float(learningRate))
    try record(number, loss, begin: begin, reduction: reduced - reduceBegin)
    return (loss, stop == 0 ? nil : StopSignal.requested ?? SIGTERM)
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
    try trainer.tell(.step(record))
  }

  // MARK: Epochs, checkpoints, the end

  private func endEpoch() throws {
    var result: EvaluationResult?
    if let test = data.test {
      result = try replica.evaluate(
        NormalisedImages(test, data.normalisation), classCount: job.data.classes.count, on: group)
    }
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
    try trainer.tell(.epoch(record))
  }

  private func isCheckpointDue(endsEpoch: Bool) -> Bool {
    if header.step == totalSteps { return true }
    if endsEpoch { return (header.step / order.stepsPerEpoch) % job.checkpoint.everyEpochs == 0 }
    return job.checkpoint.everySteps.map { header.step % $0 == 0 } ?? false
  }

  /// The coordinator writes; the others have the same state and go on.
  private func saveCheckpoint() throws {
    guard trainer.isCoordinator else { return }
    let path = directory.checkpoint(step: header.step)
    try directory.save(Checkpoint(header: header, store: replica.store), keep: job.checkpoint.keep)
    try records?.flush()
    try trainer.tell(.checkpoint(step: header.step, path: path))
  }

  private func announce() throws {
    let placement = try gatherPlacement()
    guard trainer.isCoordinator else { return }
    let start = RunStart(
      job: job.name, runDirectory: directory.path, placement: placement,
      parameterCount: replica.store.graph.parameterCount, trainingSamples: data.training.count,
      testSamples: data.test?.count ?? 0, batch: job.training.batch, shards: job.training.shards,
      stepsPerEpoch: order.stepsPerEpoch, epochs: job.training.epochs, reduction: job.training.reduction,
      resumedFromStep: resumedFromStep, memory: replica.memory.total)
    try records?.append("start", start)
    try trainer.tell(.started(start))
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

  private var placement = Placement(ranks: [])

  private func finish() throws -> RunReport {
    let steps = header.step - resumedFromStep
    let report = RunReport(
      job: job.name, placement: placement, reduction: job.training.reduction,
      parameterCount: replica.store.graph.parameterCount, steps: header.step, epochs: job.training.epochs,
      resumedFromStep: resumedFromStep, trainingSeconds: Seconds(trainingSeconds),
      totalSeconds: Seconds(clock.now - start),
      samplesPerSecond: Double(steps * job.training.batch) / max(trainingSeconds, 1e-9),
      finalTrainingLoss: lastEpoch?.trainingLoss ?? 0, testLoss: lastEpoch?.testLoss,
      testAccuracy: lastEpoch?.testAccuracy,
      memory: MemoryRecord(planned: replica.memory.total, processPeak: ProcessMemory.peak),
      checkpoint: directory.checkpoint(step: header.step))
    guard trainer.isCoordinator else { return report }
    try records?.append("report", report)
    try records?.flush()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write([UInt8](encoder.encode(report)).span, to: directory.report)
    try trainer.tell(.finished(report))
    return report
  }
}
