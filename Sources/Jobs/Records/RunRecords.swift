package import Units

/// What happened in one step. Loss and gradients are those of the whole global batch.
package struct StepRecord: Hashable, Codable, Sendable {
  /// Steps done, from 1, over all epochs.
  package let step: Int
  /// From 1.
  package let epoch: Int
  /// Mean over the global batch, before this step's update.
  package let loss: Double
  package let learningRate: Double
  /// From the first shard's input to the updated parameters.
  package let seconds: Seconds
  /// Of the all-reduces of its buckets together and of the exchange of shares of updated parameters, waiting for others
  /// included.
  package let reductionSeconds: Seconds
  /// What of it the step waited for: the time from the end of backward to that of the last all-reduce, and that exchange.
  package let exposedSeconds: Seconds

  package init(
    step: Int, epoch: Int, loss: Double, learningRate: Double, seconds: Seconds, reductionSeconds: Seconds,
    exposedSeconds: Seconds
  ) {
    self.step = step
    self.epoch = epoch
    self.loss = loss
    self.learningRate = learningRate
    self.seconds = seconds
    self.reductionSeconds = reductionSeconds
    self.exposedSeconds = exposedSeconds
  }
}

/// What an epoch came to.
package struct EpochRecord: Hashable, Codable, Sendable {
  package let epoch: Int
  package let step: Int
  /// Mean of the losses of the epoch's steps.
  package let trainingLoss: Double
  /// Of the test set; nil if the job has none.
  package let testLoss: Double?
  package let testAccuracy: Double?
  /// Of several labels; nil for classes and numbers.
  package let testMicroF1: Double?
  /// Of the samples kept from training; nil if the job keeps none.
  package let validationLoss: Double?
  package let validationAccuracy: Double?
  package let validationMicroF1: Double?
  /// The share of parameters that are exactly 0; nil without L1.
  package let sparsity: Double?
  /// Training only, without evaluation and checkpoints. Of this process's part, if the epoch was resumed.
  package let seconds: Seconds
  package let samplesPerSecond: Double

  package init(
    epoch: Int, step: Int, trainingLoss: Double, testLoss: Double?, testAccuracy: Double?,
    testMicroF1: Double? = nil, validationLoss: Double?, validationAccuracy: Double?, validationMicroF1: Double? = nil,
    sparsity: Double?, seconds: Seconds, samplesPerSecond: Double
  ) {
    self.epoch = epoch
    self.step = step
    self.trainingLoss = trainingLoss
    self.testLoss = testLoss
    self.testAccuracy = testAccuracy
    self.testMicroF1 = testMicroF1
    self.validationLoss = validationLoss
    self.validationAccuracy = validationAccuracy
    self.validationMicroF1 = validationMicroF1
    self.sparsity = sparsity
    self.seconds = seconds
    self.samplesPerSecond = samplesPerSecond
  }
}

/// What early stopping came to.
package struct EarlyStoppingReport: Hashable, Codable, Sendable {
  package let metric: ValidationMetric
  package let best: EarlyStoppingState.Best
  /// Whether the run ended before its last epoch.
  package let isStopped: Bool
  /// Whether the run's parameters are those of the best epoch.
  package let isBestRestored: Bool

  package init(metric: ValidationMetric, best: EarlyStoppingState.Best, isStopped: Bool, isBestRestored: Bool) {
    self.metric = metric
    self.best = best
    self.isStopped = isStopped
    self.isBestRestored = isBestRestored
  }
}

/// Memory of one rank, the coordinator's.
package struct MemoryRecord: Hashable, Codable, Sendable {
  /// Every tensor of a step, by the plan; `apus bench train` holds it against what the kernel counts.
  package let planned: Bytes
  /// The optimizer states of it.
  package let optimizerStates: Bytes
  /// The most that the whole process was resident, with data, libraries and code; nil if unknown.
  package let processPeak: Bytes?

  package init(planned: Bytes, optimizerStates: Bytes, processPeak: Bytes?) {
    self.planned = planned
    self.optimizerStates = optimizerStates
    self.processPeak = processPeak
  }
}

/// What summing the gradients over the ranks came to, by the coordinator's clock. Of the last process.
package struct CommunicationReport: Hashable, Codable, Sendable {
  /// All-reduces a step, and the bytes of the largest.
  package let buckets: Int
  package let largestBucket: Bytes
  /// How they were done, by size: "shared memory", or the schedules of messages.
  package let algorithms: [String]
  /// Whether they went out beside backward.
  package let isOverlapped: Bool
  /// As in the records of the steps, over all of them.
  package let seconds: Seconds
  package let exposedSeconds: Seconds
  /// 1 − exposed / all; nil without any.
  package let hiddenShare: Double?

  package init(
    buckets: Int, largestBucket: Bytes, algorithms: [String], isOverlapped: Bool, seconds: Seconds,
    exposedSeconds: Seconds
  ) {
    self.algorithms = algorithms
    self.buckets = buckets
    self.largestBucket = largestBucket
    self.isOverlapped = isOverlapped
    self.seconds = seconds
    self.exposedSeconds = exposedSeconds
    hiddenShare = seconds.count > 0 ? max(0, 1 - exposedSeconds.count / seconds.count) : nil
  }
}

/// What a run came to: `report.json` of its directory.
package struct RunReport: Hashable, Codable, Sendable {
  package var formatVersion = 1
  package let job: String
  package let placement: Placement
  package let reduction: Reduction
  package let parameterCount: Int
  package let steps: Int
  package let epochs: Int
  /// The step that the last process began after, 0 if it began anew.
  package let resumedFromStep: Int
  /// Of the last process: steps only; steps, evaluation and checkpoints.
  package let trainingSeconds: Seconds
  package let totalSeconds: Seconds
  package let samplesPerSecond: Double
  /// Of the last epoch; nil if its record is lost.
  package let finalTrainingLoss: Double?
  package let testLoss: Double?
  package let testAccuracy: Double?
  /// Of several labels; nil for classes and numbers.
  package let testMicroF1: Double?
  /// What early stopping has found; nil without it.
  package let earlyStopping: EarlyStoppingReport?
  /// The share of parameters that are exactly 0; nil without L1.
  package let sparsity: Double?
  /// Nil on one rank.
  package let communication: CommunicationReport?
  package let memory: MemoryRecord
  package let checkpoint: String

  package init(
    job: String, placement: Placement, reduction: Reduction, parameterCount: Int, steps: Int, epochs: Int,
    resumedFromStep: Int, trainingSeconds: Seconds, totalSeconds: Seconds, samplesPerSecond: Double,
    finalTrainingLoss: Double?, testLoss: Double?, testAccuracy: Double?, testMicroF1: Double?,
    earlyStopping: EarlyStoppingReport?, sparsity: Double?, communication: CommunicationReport? = nil,
    memory: MemoryRecord, checkpoint: String
  ) {
    self.job = job
    self.placement = placement
    self.reduction = reduction
    self.parameterCount = parameterCount
    self.steps = steps
    self.epochs = epochs
    self.resumedFromStep = resumedFromStep
    self.trainingSeconds = trainingSeconds
    self.totalSeconds = totalSeconds
    self.samplesPerSecond = samplesPerSecond
    self.finalTrainingLoss = finalTrainingLoss
    self.testLoss = testLoss
    self.testAccuracy = testAccuracy
    self.testMicroF1 = testMicroF1
    self.earlyStopping = earlyStopping
    self.sparsity = sparsity
    self.communication = communication
    self.memory = memory
    self.checkpoint = checkpoint
  }
}
