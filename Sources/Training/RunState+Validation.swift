import Datasets
import Evaluation
import Execution
import Jobs
import ModelGraph
import Units

/// What the end of an epoch decides: the learning rate of a plateau, the best weights, whether the run is over.
extension RunState {
  func endEpoch() throws {
    let validation = try data.validation.map { try evaluate($0, "validation samples") }
    let test = try evaluateTest()
    let record = EpochRecord(
      epoch: header.step / order.stepsPerEpoch, step: header.step,
      trainingLoss: header.epochLoss / Double(order.stepsPerEpoch), testLoss: test?.loss,
      testAccuracy: test?.accuracy, testMicroF1: test?.microF1, validationLoss: validation?.loss,
      validationAccuracy: validation?.accuracy, validationMicroF1: validation?.microF1,
      sparsity: sparsity, seconds: Seconds(epochSeconds),
      samplesPerSecond: Double(epochSteps * job.training.batch) / max(epochSeconds, 1e-9))
    lastEpoch = record
    header.epochLoss = 0
    epochSeconds = 0
    epochSteps = 0
    if !phase.isPretraining, let watched = validation ?? test { try judge(watched, epoch: record.epoch) }
    guard trainer.isCoordinator else { return }
    try records?.append("epoch", record)
    trainer.tell(.epoch(record))
  }

  /// Gives the schedule and early stopping what they watch; the same on every rank.
  private func judge(_ result: EvaluationResult, epoch: Int) throws {
    func value(_ metric: ValidationMetric) -> Double {
      switch metric {
      case .loss: result.loss
      case .accuracy: result.accuracy ?? 0
      case .microF1: result.microF1 ?? 0
      case .macroF1: result.macroF1 ?? 0
      }
    }
    if let plateau = job.training.schedule.plateau {
      var state = header.plateau ?? PlateauState()
      state.observe(value(plateau.metric), plateau, base: job.training.optimizer.learningRate)
      header.plateau = state
    }
    guard let rule = job.training.earlyStopping else { return }
    var state = header.earlyStopping ?? EarlyStoppingState()
    if state.observe(value(rule.metric), epoch: epoch, rule), rule.restoreBest { aside = try parameters }
    header.earlyStopping = state
  }

  private var parameters: [[Float]] {
    get throws { try replica.store.graph.stored.indices.map { try replica.store.read($0) } }
  }

  /// Ends a run with the weights of its best epoch, and tests them. Collective.
  func restoreBest() throws {
    guard job.training.earlyStopping?.restoreBest == true, aside != nil,
      header.earlyStopping?.best?.epoch != header.step / order.stepsPerEpoch
    else { return }
    try exchangeBestAndLast()
    _ = try evaluateTest()
  }

  /// Puts the parameters that are aside in the place of the others.
  func exchangeBestAndLast() throws {
    guard let others = aside else { return }
    aside = try parameters
    for (index, values) in others.enumerated() { try replica.store.write(values, to: index) }
    header.isBestRestored = header.isBestRestored == true ? nil : true
  }

  /// Tests the network as it is; nil if the job has no test set. Collective.
  @discardableResult
  func evaluateTest() throws -> EvaluationResult? {
    guard let test = data.test else { return nil }
    let result = try evaluate(test, "test set")
    lastEvaluation = result
    return result
  }

  private func evaluate(_ samples: any SampleSource, _ name: String) throws -> EvaluationResult {
    let result = try replica.evaluate(
      samples, data.encoding.target, streamCount: job.training.shards, on: group)
    try trainer.together { try NumericalFailure.check(result, of: name, step: header.step, trainer) }
    return result
  }

  /// The share of parameters that are exactly 0; nil without L1.
  var sparsity: Double? {
    guard job.training.l1 > 0 else { return nil }
    let zeros = replica.store.zeros
    return Double(zeros.count) / Double(zeros.of)
  }

  var earlyStoppingReport: EarlyStoppingReport? {
    guard let rule = job.training.earlyStopping, let state = header.earlyStopping, let best = state.best else {
      return nil
    }
    return EarlyStoppingReport(
      metric: rule.metric, best: best, isStopped: state.isOver && header.step < totalSteps,
      isBestRestored: header.isBestRestored == true)
  }
}
