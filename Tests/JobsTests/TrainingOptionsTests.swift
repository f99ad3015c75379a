import Collectives
import Foundation
import ModelGraph
import Models
import Testing
import Units

import Jobs

/// The optional keys of a job's training.
@Suite struct TrainingOptionsTests {
  private func training(_ lines: String, data: String = "") throws -> Job {
    let yaml = goodJob.replacing("  shards: 8", with: "  shards: 8\n" + lines)
      .replacing("  classes: 10", with: "  classes: 10\n" + data)
    return try JobFile(yaml: yaml, file: "/jobs/job.yaml").job
  }

  @Test(arguments: [
    ("sgd, momentum: 0.9, nesterov: true", OptimizerSpecification.Rule.sgd(momentum: 0.9, nesterov: true)),
    ("adagrad, epsilon: 0.5", .adagrad(epsilon: 0.5)),
    (
      "rmsprop, smoothing: 0.9, epsilon: 0.25, momentum: 0.5, centred: true",
      .rmsprop(smoothing: 0.9, epsilon: 0.25, momentum: 0.5, centred: true)
    ),
    ("adamw, beta1: 0.5, beta2: 0.75, epsilon: 0.125", .adamw(.init(beta1: 0.5, beta2: 0.75, epsilon: 0.125))),
    ("lars, momentum: 0.5, trust: 0.25", .lars(momentum: 0.5, trust: 0.25)),
    ("lamb", .lamb(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-6))),
  ])
  func everyOptimizerIsReadAndWritten(settings: String, rule: OptimizerSpecification.Rule) throws {
    let yaml = goodJob.replacing(
      "{name: adam, learning_rate: 0.001}",
      with: "{name: \(settings), learning_rate: 0.001, weight_decay: 0.0625, decay_bias: false}")
    let job = try JobFile(yaml: yaml, file: "job.yaml").job
    #expect(
      job.training.optimizer
        == OptimizerSpecification(rule, learningRate: 0.001, weightDecay: 0.0625, decayBias: false))
    #expect(try JobFile(yaml: job.yaml(), file: "job.yaml").job == job)
  }

  @Test(arguments: [
    ("constant", Schedule.Shape.constant), ("step, every_epochs: 4", .step(everyEpochs: 4, factor: 0.1)),
    ("step, milestones: [3, 6], factor: 0.5", .milestones([3, 6], factor: 0.5)),
    ("exponential, factor: 0.9", .exponential(factor: 0.9)), ("cosine, minimum: 0.001", .cosine(minimum: 0.001)),
    (
      "one-cycle, rise: 0.25, start_divisor: 10, end_divisor: 100",
      .oneCycle(.init(rise: 0.25, startDivisor: 10, endDivisor: 100))
    ),
    (
      "plateau, metric: accuracy, factor: 0.5, patience: 2, threshold: 0.01, minimum: 0.001",
      .plateau(.init(metric: .accuracy, factor: 0.5, patience: 2, threshold: 0.01, minimum: 0.001))
    ),
  ])
  func everyScheduleIsReadAndWritten(settings: String, shape: Jobs.Schedule.Shape) throws {
    let job = try training(
      "  schedule: {name: \(settings), warmup_epochs: 1.5, warmup_start: 0.25}", data: "  validation_fraction: 0.25")
    #expect(job.training.schedule == Jobs.Schedule(shape, warmupEpochs: 1.5, warmupStart: 0.25))
    #expect(job.data.validationFraction == 0.25)
    #expect(try JobFile(yaml: job.yaml(), file: "job.yaml").job == job)
  }

  @Test func everyOptionIsReadAndWritten() throws {
    let job = try training(
      """
        label_smoothing: 0.125
        l1: 1e-5
        clip_norm: 2
        clip_value: 0.5
        early_stopping: {metric: accuracy, patience: 3, min_delta: 0.01, restore_best: false}
        pretraining: {epochs_per_layer: 2}
        health: {every_steps: 7}
        carry_state: true
        bucket: 1.5 MB
        gradient_precision: bfloat16
        zero: 1
        reduction: fastest
        all_reduce: halving_doubling
      """, data: "  validation_fraction: 0.1")
    let read = job.training
    #expect(read.lossOptions.labelSmoothing == 0.125)
    #expect(read.l1 == 1e-5)
    #expect(read.clipNorm == 2)
    #expect(read.clipValue == 0.5)
    #expect(read.carriesState)
    #expect(read.earlyStopping == EarlyStopping(metric: .accuracy, patience: 3, minDelta: 0.01, restoreBest: false))
    #expect(read.pretraining == Pretraining(epochsPerLayer: 2))
    #expect(read.health == HealthSpecification(everySteps: 7))
    #expect(read.bucket == Bytes(1_500_000))
    #expect(read.gradientPrecision == .bfloat16 && read.zeroStage == 1)
    #expect(read.reduction == .fastest && read.allReduce == .halvingDoubling)
    #expect(try JobFile(yaml: job.yaml(), file: "job.yaml").job == job)
    #expect(try JSONDecoder().decode(Job.self, from: JSONEncoder().encode(job)) == job)
  }

  @Test(arguments: [
    ("huber\n  huber_delta: 0.5", Loss.huber, LossOptions(huberDelta: 0.5)), ("huber", .huber, LossOptions()),
    ("mean-absolute-error", .meanAbsoluteError, LossOptions()),
    (
      "binary-cross-entropy\n  class_weights: [1, 0.5, 2, 1, 1, 1, 1, 1, 1, 1]", .binaryCrossEntropy,
      LossOptions(classWeights: [1, 0.5, 2, 1, 1, 1, 1, 1, 1, 1])
    ),
  ])
  func everyLossIsReadAndWritten(text: String, loss: Loss, options: LossOptions) throws {
    let job = try training("  loss: \(text)")
    #expect(job.training.loss == loss && job.training.lossOptions == options)
    #expect(try JobFile(yaml: job.yaml(), file: "job.yaml").job == job)
  }

  @Test(arguments: [
    (
      "  loss: hubber",
      "'loss' in training must be one of cross-entropy, mean-squared-error, binary-cross-entropy, "
        + "mean-absolute-error, huber, not 'hubber'; did you mean 'huber'?"
    ),
    (
      "  reduction: fastest\n  all_reduce: rings",
      "'all_reduce' in training must be one of ring, recursive_doubling, halving_doubling, binomial_tree, double_tree, "
        + "hierarchical, hierarchical_halving, mesh, not 'rings'; for example 'all_reduce: ring'"
    ),
    (
      "  all_reduce: ring",
      "'all_reduce: ring' adds in an order of its own, and 'reduction: reproducible' in one that no schedule changes; write "
        + "'reduction: fastest', or leave 'all_reduce' out"
    ),
    ("  huber_delta: 2", "'huber_delta' is for the loss huber, not cross-entropy; remove it or change 'loss'"),
    (
      "  class_weights: [1, 0]",
      "'class_weights' in training must be a list of a number above 0 for each class, not a list; leave it out for []"
    ),
    ("  lable_smoothing: 0.1", "unknown key 'lable_smoothing' in training; did you mean 'label_smoothing'?"),
    ("  clipnorm: 1", "unknown key 'clipnorm' in training; did you mean 'clip_norm'?"),
    ("  pretrainning: {}", "unknown key 'pretrainning' in training; did you mean 'pretraining'?"),
    ("  early_stoping: {}", "unknown key 'early_stoping' in training; did you mean 'early_stopping'?"),
    ("  zero: 2", "'zero' in training must be a whole number from 0 to 1, not '2'; leave it out for 0"),
    (
      "  gradient_precison: bfloat16", "unknown key 'gradient_precison' in training; did you mean 'gradient_precision'?"
    ),
    (
      "  gradient_precision: bfloat",
      "'gradient_precision' in training must be one of float32, bfloat16, not 'bfloat'; did you mean 'bfloat16'?"
    ),
    ("  buckets: 4 MB", "unknown key 'buckets' in training; did you mean 'bucket'?"),
    (
      "  bucket: 25",
      "'bucket' in training must be a number and a unit, from 1.00 KiB to 1.00 TiB, not '25'; for example 'bucket: 4 MB'"
    ),
    ("  helth: {every_steps: 3}", "unknown key 'helth' in training; did you mean 'health'?"),
    (
      "  label_smoothing: 1",
      "'label_smoothing' in training must be a number from 0 to below 1, not '1'; leave it out for 0.0"
    ),
    ("  l1: -1", "'l1' in training must be a number from 0, not '-1'; leave it out for 0.0"),
    ("  clip_norm: 0", "'clip_norm' in training must be a number above 0, not '0'; for example 'clip_norm: 1'"),
    (
      "  schedule: {name: cosin}",
      "'name' in training.schedule must be one of constant, step, exponential, cosine, one-cycle, plateau, not 'cosin'; "
        + "did you mean 'cosine'?"
    ),
    (
      "  schedule: {name: cosine, minimun: 0}",
      "unknown key 'minimun' in training.schedule (cosine); did you mean 'minimum'?"
    ),
    (
      "  schedule: {name: step}",
      "missing key 'every_epochs' in training.schedule (step); add 'every_epochs: 10'"
    ),
    (
      "  schedule: {name: step, milestones: [3, 3]}",
      "'milestones' in training.schedule (step) must be a list of epochs, each later than the one before, not a list; "
        + "for example 'milestones: [30, 60, 80]'"
    ),
    (
      "  schedule: {name: step, milestones: [3], every_epochs: 2}",
      "training.schedule (step) has both 'milestones' and 'every_epochs'; remove one of the two"
    ),
    (
      "  schedule: {name: exponential}",
      "missing key 'factor' in training.schedule (exponential); add 'factor: 0.95'"
    ),
    (
      "  schedule: {name: constant, warmup_epochs: 12}",
      "'schedule' warms up for 12.0 epochs, the run has 12; make 'warmup_epochs' less than that"
    ),
    (
      "  schedule: {name: plateau}",
      "'schedule' in training watches validation samples, and the job has none; add 'validation_fraction: 0.1' to data, "
        + "or a test set"
    ),
    (
      "  early_stopping: {patience: 3}",
      "'early_stopping' in training watches validation samples, and the job has none; add 'validation_fraction: 0.1' to "
        + "data, or a test set"
    ),
    (
      "  early_stopping: {patiense: 3}",
      "unknown key 'patiense' in training.early_stopping; did you mean 'patience'?"
    ),
    (
      "  pretraining: {}",
      "missing key 'epochs_per_layer' in training.pretraining; add 'epochs_per_layer: 2'"
    ),
    (
      "  loss: mean-squared-error\n  label_smoothing: 0.1",
      "'label_smoothing' is for the loss cross-entropy, not mean-squared-error; remove it or change 'loss'"
    ),
  ])
  func mistakeIsToldWithTheRemedy(lines: String, message: String) {
    let text = errors(in: goodJob.replacing("  shards: 8", with: "  shards: 8\n" + lines))
    let heads = text.split(separator: "\n").filter { $0.wholeMatch(of: /job\.yaml:1[34]:\d+: .*/) != nil }
    #expect(heads.contains { $0.hasSuffix(": " + message) }, "\(text)")
  }

  @Test(arguments: [
    (
      "{name: sgd, learning_rate: 0.1, nesterov: true}",
      "'nesterov' looks ahead along the momentum, which is 0; add 'momentum: 0.9' or leave it out"
    ),
    ("{name: lamb, learning_rate: 0.1, trust: 1}", "unknown key 'trust' in training.optimizer (lamb); its keys are "),
    ("{name: lars}", "missing key 'learning_rate' in training.optimizer (lars); add 'learning_rate: 1'"),
    ("{name: rmsprop, learning_rate: 1, centered: true}", "did you mean 'centred'?"),
    ("{name: rmsprob, learning_rate: 1}", "did you mean 'rmsprop'?"),
  ])
  func mistakeInAnOptimizerIsToldWithTheRemedy(optimizer: String, message: String) {
    let text = errors(in: goodJob.replacing("{name: adam, learning_rate: 0.001}", with: optimizer))
    #expect(text.hasPrefix("job.yaml:13:") && text.contains(message), "\(text)")
  }

  @Test(arguments: ["0", "1", "1.5", "all"])
  func validationFractionIsAPartOfTheWhole(text: String) {
    let yaml = goodJob.replacing("  classes: 10", with: "  classes: 10\n  validation_fraction: \(text)")
    #expect(
      errors(in: yaml).hasPrefix(
        "job.yaml:7:24: 'validation_fraction' in data must be a number above 0 and below 1, not '\(text)'; "
          + "for example 'validation_fraction: 0.1'"))
  }
}
