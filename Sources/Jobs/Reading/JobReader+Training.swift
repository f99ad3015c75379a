import Collectives
import ModelGraph
import Models
import Units

extension JobReader {
  func readTraining(_ reader: inout MappingReader) -> TrainingSpecification? {
    let epochs = reader.integer("epochs", in: 1...Limits.epochs, .required(example: "10"))
    let batch = reader.integer("batch", in: 1...Limits.batch, .required(example: "128"))
    let shards = reader.integer("shards", in: 1...Limits.batch, .otherwise(Job.Defaults.shards))
    if let batch, let shards { checkDivision(batch: batch, shards: shards, &reader) }
    let loss: Loss? = reader.choice("loss", .otherwise(Job.Defaults.loss))
    let optimizer = reader.mapping(
      "optimizer", example: "optimizer: {name: adam, learning_rate: 0.001}", read: readOptimizer)
    let precision: Precision? = reader.choice("precision", .otherwise(Job.Defaults.precision))
    let reduction: Reduction? = reader.choice("reduction", .otherwise(Job.Defaults.reduction))
    let l1 = reader.number("l1", .notNegative, .otherwise(Job.Defaults.l1))
    let carriesState = reader.flag("carry_state", .otherwise(Job.Defaults.carriesState))
    let options = readOptions(&reader)
    let lossOptions = loss.flatMap { readLossOptions($0, &reader) }
    guard let epochs, let batch, let shards, let loss, let lossOptions, let optimizer, let l1, let precision,
      let reduction, let carriesState
    else { return nil }
    var training = TrainingSpecification(
      epochs: epochs, batch: batch, shards: shards, loss: loss, optimizer: optimizer, reduction: reduction)
    training.lossOptions = lossOptions
    training.l1 = l1
    training.precision = precision
    training.carriesState = carriesState
    training.schedule = options.schedule
    training.clipNorm = options.clipNorm
    training.clipValue = options.clipValue
    training.earlyStopping = options.earlyStopping
    training.pretraining = options.pretraining
    training.health = options.health
    training.allReduce = readAllReduce(reduction, &reader)
    training.bucket = options.bucket
    training.gradientPrecision = options.gradientPrecision
    training.zeroStage = options.zeroStage
    if let entry = reader.entry("schedule") { checkWarmup(training, entry, &reader) }
    return training
  }

  /// The schedules that a job may name; others belong to `reproducible`, or are none.
  private func readAllReduce(_ reduction: Reduction, _ reader: inout MappingReader) -> ScheduleAlgorithm? {
    guard let entry = reader.entry("all_reduce") else { return nil }
    let choices = ScheduleAlgorithm.allCases.filter { !$0.isReproducible && $0 != .direct }
    let names = choices.map(\.rawValue).joined(separator: ", ")
    let chosen = reader.value("all_reduce", .required(example: "ring"), expected: "one of \(names)") { node in
      node.text.flatMap { text in choices.first { $0.rawValue == text } }
    }
    guard let chosen, reduction == .reproducible else { return chosen }
    reader.report(
      entry.value.place,
      "'all_reduce: \(chosen.rawValue)' adds in an order of its own, and 'reduction: reproducible' in one that no schedule "
        + "changes; write 'reduction: fastest', or leave 'all_reduce' out")
    return nil
  }

  private func readLossOptions(_ loss: Loss, _ reader: inout MappingReader) -> LossOptions? {
    let options = LossOptions()
    let smoothing = reader.number("label_smoothing", .fraction, .otherwise(options.labelSmoothing))
    let delta = reader.number("huber_delta", .positive, .otherwise(options.huberDelta))
    let weights = reader.value(
      "class_weights", .otherwise([]), expected: "a list of a number above 0 for each class"
    ) { node -> [Double]? in
      guard case .sequence(let items) = node.content else { return nil }
      let numbers = items.compactMap(\.number).filter(NumberRange.positive.contains)
      return numbers.count == items.count ? numbers : nil
    }
    guard let smoothing, let delta, let weights else { return nil }
    func requireLoss(_ key: String, _ fits: Bool, _ names: String) {
      guard !fits, let entry = reader.entry(key) else { return }
      reader.report(
        entry.value.text == nil ? entry.keyPlace : entry.value.place,
        "'\(key)' is for \(names), not \(loss.rawValue); remove it or change 'loss'")
    }
    requireLoss("label_smoothing", loss == .crossEntropy || smoothing == 0, "the loss cross-entropy")
    requireLoss("huber_delta", loss == .huber, "the loss huber")
    requireLoss(
      "class_weights", loss.takesClassWeights || weights.isEmpty, "the losses cross-entropy and binary-cross-entropy")
    return LossOptions(labelSmoothing: smoothing, classWeights: weights, huberDelta: delta)
  }

  /// The sections that may be left out.
  private struct Options {
    var schedule = Schedule.constant
    var clipNorm: Double?
    var clipValue: Double?
    var earlyStopping: EarlyStopping?
    var pretraining: Pretraining?
    var health = HealthSpecification()
    var bucket: Bytes?
    var gradientPrecision = Job.Defaults.gradientPrecision
    var zeroStage = Job.Defaults.zeroStage
  }

  /// What cannot be read is left at its default: it was reported, so nobody will see it.
  private func readOptions(_ reader: inout MappingReader) -> Options {
    var options = Options()
    if reader.has("schedule"), let schedule = reader.mapping("schedule", example: nil, read: readSchedule) {
      options.schedule = schedule
    }
    if reader.has("clip_norm") { options.clipNorm = reader.number("clip_norm", .positive, .required(example: "1")) }
    if reader.has("clip_value") {
      options.clipValue = reader.number("clip_value", .positive, .required(example: "0.5"))
    }
    if reader.has("early_stopping") {
      options.earlyStopping = reader.mapping("early_stopping", example: nil, read: readEarlyStopping)
    }
    if reader.has("pretraining") {
      options.pretraining = reader.mapping("pretraining", example: nil) { reader in
        reader.integer("epochs_per_layer", in: 1...Limits.epochs, .required(example: "2"))
          .map(Pretraining.init(epochsPerLayer:))
      }
    }
    if reader.has("health") {
      options.health.everySteps = reader.mapping("health", example: nil) { reader in
        reader.integer("every_steps", in: 1...Limits.steps, .required(example: "100"))
      }
    }
    if reader.has("bucket") {
      options.bucket = reader.bytes("bucket", in: Limits.bucket, .required(example: "4 MB"))
    }
    if let precision: Precision = reader.choice("gradient_precision", .otherwise(options.gradientPrecision)) {
      options.gradientPrecision = precision
    }
    options.zeroStage = reader.integer("zero", in: 0...1, .otherwise(options.zeroStage)) ?? options.zeroStage
    return options
  }

  private func checkWarmup(
    _ training: TrainingSpecification, _ entry: MappingReader.Entry, _ reader: inout MappingReader
  ) {
    guard training.schedule.warmupEpochs >= Double(training.epochs) else { return }
    let warmup = training.schedule.warmupEpochs
    reader.report(
      entry.keyPlace,
      "'schedule' warms up for \(warmup) epochs, the run has \(training.epochs); make 'warmup_epochs' less than that")
  }

  private func checkDivision(batch: Int, shards: Int, _ reader: inout MappingReader) {
    guard !batch.isMultiple(of: shards), let entry = reader.entry("batch") else { return }
    let below = batch / shards * shards
    let batches = below == 0 ? "\(shards)" : "\(below) or \(below + shards)"
    let divisors = (1...batch).filter(batch.isMultiple(of:))
    let fewer = divisors.last { $0 < shards }
    let more = divisors.first { $0 > shards }
    let shardCounts = [fewer, more].compactMap { $0 }.map(String.init).joined(separator: " or ")
    let origin = reader.has("shards") ? "" : ", the default"
    reader.report(
      entry.value.place,
      "a batch of \(batch) samples cannot be cut into \(shards) equal shards\(origin); "
        + "use batch \(batches), or shards \(shardCounts)")
  }
}
