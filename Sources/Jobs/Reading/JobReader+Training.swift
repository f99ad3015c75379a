import Models

extension JobReader {
  func readTraining(_ reader: inout MappingReader) -> TrainingSpecification? {
    let epochs = reader.integer("epochs", in: 1...Limits.epochs, .required(example: "10"))
    let batch = reader.integer("batch", in: 1...Limits.batch, .required(example: "128"))
    let shards = reader.integer("shards", in: 1...Limits.batch, .otherwise(Job.Defaults.shards))
    if let batch, let shards { checkDivision(batch: batch, shards: shards, &reader) }
    let loss: Loss? = reader.choice("loss", .otherwise(Job.Defaults.loss))
    let optimizer = reader.mapping(
      "optimizer", example: "optimizer: {name: adam, learning_rate: 0.001}", read: readOptimizer)
    let reduction: Reduction? = reader.choice("reduction", .otherwise(Job.Defaults.reduction))
    guard let epochs, let batch, let shards, let loss, let optimizer, let reduction else { return nil }
    return TrainingSpecification(
      epochs: epochs, batch: batch, shards: shards, loss: loss, optimizer: optimizer, reduction: reduction)
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

  private func readOptimizer(_ reader: inout MappingReader) -> OptimizerSpecification? {
    guard let name: OptimizerSpecification.Name = reader.choice("name", .required(example: "adam")) else {
      // Which keys belong and which are missing depends on the name.
      reader.acceptAllKeys()
      return nil
    }
    reader.label += " (\(name.rawValue))"
    let rate = reader.number("learning_rate", .positive, .required(example: name == .sgd ? "0.01" : "0.001"))
    switch name {
    case .sgd:
      let defaults = OptimizerSpecification.SGD(learningRate: 1)
      let momentum = reader.number("momentum", .fraction, .otherwise(defaults.momentum))
      let decay = reader.number("weight_decay", .notNegative, .otherwise(defaults.weightDecay))
      guard let rate, let momentum, let decay else { return nil }
      return .sgd(.init(learningRate: rate, momentum: momentum, weightDecay: decay))
    case .adam:
      return readAdam(rate, weightDecay: OptimizerSpecification.Adam(learningRate: 1).weightDecay, &reader)
        .map(OptimizerSpecification.adam)
    case .adamw:
      return readAdam(rate, weightDecay: OptimizerSpecification.adamWWeightDecay, &reader)
        .map(OptimizerSpecification.adamw)
    }
  }

  private func readAdam(
    _ rate: Double?, weightDecay: Double, _ reader: inout MappingReader
  ) -> OptimizerSpecification.Adam? {
    let defaults = OptimizerSpecification.Adam(learningRate: 1)
    let beta1 = reader.number("beta1", .fraction, .otherwise(defaults.beta1))
    let beta2 = reader.number("beta2", .fraction, .otherwise(defaults.beta2))
    let epsilon = reader.number("epsilon", .positive, .otherwise(defaults.epsilon))
    let decay = reader.number("weight_decay", .notNegative, .otherwise(weightDecay))
    guard let rate, let beta1, let beta2, let epsilon, let decay else { return nil }
    return .init(learningRate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: decay)
  }
}
