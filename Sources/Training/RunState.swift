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
  let shards: Range<Int>
  let networks: [Trainer.Network]
  /// The one that is trained now, by position in `networks`.
  private(set) var current: Int
  /// Of the current network, as what follows.
  private(set) var gradient: BatchGradient
  private(set) var ranges: UpdateRanges
  let optimizer: Optimizer
  let directory: RunDirectory
  /// Parameters of the best epoch, by position in `Graph.stored`; once they are restored, of the last.
  var aside: [[Float]]?
  var health: TrainingHealth
  /// On the coordinator only.
  var records: RecordWriter?
  var header: Checkpoint.Header
  let resumedFromStep: Int
  let clock = ContinuousClock()
  let start = ContinuousClock.now
  var trainingSeconds = 0.0
  var epochSeconds = 0.0
  var epochSteps = 0
  /// Of all steps of this process.
  var communication = BatchGradient.Times()
  /// With those of former processes, on the coordinator.
  var lastEpoch: EpochRecord?
  var lastEvaluation: EvaluationResult?
  var placement = Placement(ranks: [])

  var job: Job { trainer.job }
  var replica: Replica { gradient.replica }
  var group: any Group { trainer.group }
  var phase: Phase { networks[current].phase }
  var totalSteps: Int { networks[networks.count - 1].phase.steps.upperBound }
  /// Whether nothing is left to train.
  var isOver: Bool { header.step == totalSteps || header.earlyStopping?.isOver == true }

  init(
    trainer: Trainer, data: JobData, order: DataOrder, networks: [Trainer.Network], shards: Range<Int>
  ) throws {
    self.trainer = trainer
    self.data = data
    self.order = order
    self.networks = networks
    self.shards = shards
    let job = trainer.job
    optimizer = job.training.optimizer.optimizer
    let opening = try RunOpening(trainer).open()
    directory = opening.directory
    let fingerprint = String(data.fingerprint, radix: 16)
    header =
      opening.checkpoint?.header
      ?? Checkpoint.Header(
        step: 0, epochLoss: 0, data: fingerprint, job: job.yaml(), encoding: data.encoding)
    header.job = job.yaml()
    let step = header.step
    resumedFromStep = step
    health = TrainingHealth(
      state: header.health ?? HealthState(), learningRate: job.training.optimizer.learningRate)
    current = networks.firstIndex { $0.phase.steps.contains(step) } ?? networks.count - 1
    gradient = try trainer.gradient(networks[current], shards: shards)
    ranges = Self.ranges(networks[current].phase, gradient, job)
    try trainer.together {
      if let checkpoint = opening.checkpoint {
        guard checkpoint.header.data == fingerprint else {
          throw TrainingError(
            .invalidInput,
            "the data are not those that \(opening.directory.path) was trained on until step \(checkpoint.header.step); "
              + "resume with the same files, or train anew in another --run-dir")
        }
        try restore(checkpoint)
      } else {
        try initialise(from: [:])
      }
    }
    var records: RecordWriter?
    try trainer.onCoordinator {
      for warning in opening.warnings { trainer.tell(.warning(warning)) }
      records = try RecordWriter(path: opening.directory.records, keepingSteps: opening.isResumed ? step : nil)
    }
    self.records = records
    lastEpoch = records?.lastEpoch
  }

  private static func ranges(_ phase: Phase, _ gradient: BatchGradient, _ job: Job) -> UpdateRanges {
    UpdateRanges(
      gradient.replica.store, decaysBiases: job.training.optimizer.decayBias, trains: phase.trains)
  }

  // MARK: The loop

  func train() throws -> RunOutcome {
    try announce()
    guard !isOver else { return .finished(try finishAgain()) }
    while true {
      if let stop = try trainPhase() { return .stopped(signal: stop, step: header.step) }
      if isOver { return .finished(try finish()) }
      try enterPhase(current + 1)
    }
  }

  /// Trains the current network to the end of its steps.
  /// - Returns: the signal, if one has ended the run before.
  private func trainPhase() throws -> Int32? {
    if let title = phase.title, trainer.isCoordinator {
      trainer.tell(.note("\(title): steps \(phase.steps.lowerBound + 1) to \(phase.steps.upperBound)"))
    }
    let end = phase.steps.upperBound
    let loader = try BatchLoader(source: data.training, order: order, shards: shards, from: header.step, to: end)
    defer { loader.close() }
    while header.step < end, !isOver {
      let loss = try step(loader)
      header.step += 1
      header.epochLoss += loss.value
      let endsEpoch = header.step % order.stepsPerEpoch == 0
      let isDue = isCheckpointDue(endsEpoch: endsEpoch)
      if endsEpoch || isDue || loss.stop != nil {
        try trainer.together {
          try NumericalFailure.check(replica.store, step: header.step, trainer)
        }
      }
      if endsEpoch { try traced(.evaluate) { try endEpoch() } }
      if isOver { try restoreBest() }
      let isStopped = loss.stop != nil && !isOver
      if isStopped || isDue || isOver { try traced(.checkpoint) { try saveCheckpoint() } }
      if isStopped { return loss.stop }
    }
    return nil
  }

  /// Goes on to the next network with the weights that the two have in common. Collective.
  private func enterPhase(_ next: Int) throws {
    let store = replica.store
    let weights = try Dictionary(
      uniqueKeysWithValues: store.graph.stored.enumerated().map { (store.graph[$1].name, try store.read($0)) })
    current = next
    gradient = try trainer.gradient(networks[next], shards: shards)
    ranges = Self.ranges(phase, gradient, job)
    try trainer.together { try initialise(from: weights) }
  }

  /// Sets the current network's parameters, by name or else as the seed draws them.
  private func initialise(from weights: [String: [Float]]) throws {
    let graph = replica.store.graph
    try replica.initialise { parameter in
      let name = graph[parameter].name
      if let found = weights[name], Phase.layer(of: name) != Phase.headName { return found }
      return graph.initialParameterValues(parameter, seed: job.seed)
    }
  }

  /// Takes up what a checkpoint holds.
  private func restore(_ checkpoint: Checkpoint) throws {
    let store = replica.store
    guard (checkpoint.header.phase ?? networks.count - 1) == current else {
      return try initialise(from: checkpoint.parameters)
    }
    try checkpoint.restore(to: store, withOptimizer: true)
    replica.states.values = try checkpoint.carried(shards, of: job.training.shards, graph: store.graph)
    guard header.isBestRestored == true else {
      aside = try checkpoint.others(.best, for: store)
      return
    }
    aside = try checkpoint.others(.last, for: store)
    // More epochs are asked for than the run had: it goes on from the last of them.
    if !isOver { try exchangeBestAndLast() }
  }

  /// One global batch: this rank's shards, the sum over all, the update.
  /// - Returns: the loss, and the signal if any rank has received one.
  private func step(_ loader: BatchLoader) throws -> (value: Double, stop: Int32?) {
    let begin = clock.now
    let number = header.step + 1
    trainer.timelines?.step = number
    let isLooked = isHealthDue(number)
    let activity = isLooked ? try unitActivity(number) : []
    try loader.withNext { loaded, buffer in
      for entry in gradient.schedule.steps {
        let places = loaded.places(ofShard: entry.shard)
        let dropout = DropoutState(
          seed: job.seed, step: UInt32(number), firstSample: UInt32(entry.shard * order.samplesPerShard))
        try gradient.compute(entry, buffer, places, dropout: dropout)
      }
    }
    gradient.isFlagged = trainer.stopRequest() != nil
    try gradient.reduce()
    let loss = gradient.loss
    let isStopWanted = gradient.isFlagged
    guard loss.isFinite else {
      throw try NumericalFailure(trainer, replica: replica, shards: shards).diagnose(
        step: number, loss: loss, source: data.training, order: order)
    }
    if isLooked, trainer.isCoordinator { try traced(.look) { try look(number, activity) } }
    let rate = learningRate(ofStep: number)
    try traced(.update) { try update(number, rate: rate) }
    try gradient.gatherParameters()
    replica.states.endStep(endsEpoch: number % order.stepsPerEpoch == 0)
    try record(number, loss, rate: rate, begin: begin)
    return (loss, isStopWanted ? trainer.stopRequest() ?? SIGTERM : nil)
  }

  private func learningRate(ofStep number: Int) -> Double {
    let base = job.training.optimizer.learningRate
    if phase.isPretraining { return base }
    return job.training.schedule.rate(
      step: number - 1 - phase.steps.lowerBound, base: base, stepsPerEpoch: order.stepsPerEpoch,
      epochs: job.training.epochs, state: header.plateau)
  }

  /// Clips the gradients, each first, then all together; updates; shrinks by L1; moves the statistics.
  private func update(_ number: Int, rate: Double) throws {
    let training = job.training
    let store = replica.store
    if let limit = training.clipValue { store.clipGradientValues(to: Float(limit), over: ranges) }
    if let limit = training.clipNorm { store.clipGradientNorm(to: limit, over: ranges) }
    try optimizer.update(
      store, step: number - phase.steps.lowerBound, learningRate: Float(rate), over: ranges
    ) { sums in try group.allReduce(&sums, .sum) }
    if training.l1 > 0 { store.softThreshold(by: Float(rate * training.l1), over: ranges) }
    store.updateStatistics(shards: training.shards)
  }

  /// Runs `body` and notes its time in the trace, if there is one.
  func traced<Result>(_ name: Timeline.Name, _ body: () throws -> Result) rethrows -> Result {
    guard let timeline = trainer.timelines?.compute else { return try body() }
    let start = Timeline.now
    defer { timeline.append(name, from: start) }
    return try body()
  }

  private func record(_ number: Int, _ loss: Double, rate: Double, begin: ContinuousClock.Instant) throws {
    let times = gradient.times
    communication.communication += times.communication
    communication.exposed += times.exposed
    let seconds = Seconds(clock.now - begin)
    trainingSeconds += seconds.count
    epochSeconds += seconds.count
    epochSteps += 1
    guard trainer.isCoordinator else { return }
    let record = StepRecord(
      step: number, epoch: (number - 1) / order.stepsPerEpoch + 1, loss: loss, learningRate: rate,
      seconds: seconds, reductionSeconds: times.communication, exposedSeconds: times.exposed)
    try records?.append("step", record)
    trainer.tell(.step(record))
  }
}
