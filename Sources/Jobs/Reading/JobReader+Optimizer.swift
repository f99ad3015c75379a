extension JobReader {
  func readOptimizer(_ reader: inout MappingReader) -> OptimizerSpecification? {
    guard let name: OptimizerSpecification.Name = reader.choice("name", .required(example: "adam")) else {
      // Which keys belong and which are missing depends on the name.
      reader.acceptAllKeys()
      return nil
    }
    reader.label += " (\(name.rawValue))"
    let example = OptimizerSpecification.usualLearningRate(name)
    let rate = reader.number("learning_rate", .positive, .required(example: example))
    let rule = readRule(name, &reader)
    let decay = reader.number("weight_decay", .notNegative, .otherwise(OptimizerSpecification.weightDecay(name)))
    let decayBias = reader.flag("decay_bias", .otherwise(true))
    guard let rate, let rule, let decay, let decayBias else { return nil }
    return OptimizerSpecification(rule, learningRate: rate, weightDecay: decay, decayBias: decayBias)
  }

  private func readRule(
    _ name: OptimizerSpecification.Name, _ reader: inout MappingReader
  ) -> OptimizerSpecification.Rule? {
    switch name {
    case .sgd:
      let momentum = reader.number("momentum", .fraction, .otherwise(0))
      let nesterov = reader.flag("nesterov", .otherwise(false))
      guard let momentum, let nesterov else { return nil }
      if nesterov, momentum == 0, let entry = reader.entry("nesterov") {
        reader.report(
          entry.value.place,
          "'nesterov' looks ahead along the momentum, which is 0; add 'momentum: 0.9' or leave it out")
        return nil
      }
      return .sgd(momentum: momentum, nesterov: nesterov)
    case .adagrad:
      return reader.number("epsilon", .positive, .otherwise(1e-10)).map { .adagrad(epsilon: $0) }
    case .rmsprop:
      let smoothing = reader.number("smoothing", .fraction, .otherwise(0.99))
      let epsilon = reader.number("epsilon", .positive, .otherwise(1e-8))
      let momentum = reader.number("momentum", .fraction, .otherwise(0))
      let centred = reader.flag("centred", .otherwise(false))
      guard let smoothing, let epsilon, let momentum, let centred else { return nil }
      return .rmsprop(smoothing: smoothing, epsilon: epsilon, momentum: momentum, centred: centred)
    case .adam: return readMoments(.init(), &reader).map { .adam($0) }
    case .adamw: return readMoments(.init(), &reader).map { .adamw($0) }
    case .lars:
      let momentum = reader.number("momentum", .fraction, .otherwise(0.9))
      let trust = reader.number("trust", .positive, .otherwise(0.001))
      guard let momentum, let trust else { return nil }
      return .lars(momentum: momentum, trust: trust)
    case .lamb: return readMoments(.init(epsilon: 1e-6), &reader).map { .lamb($0) }
    }
  }

  private func readMoments(
    _ defaults: OptimizerSpecification.Moments, _ reader: inout MappingReader
  ) -> OptimizerSpecification.Moments? {
    let beta1 = reader.number("beta1", .fraction, .otherwise(defaults.beta1))
    let beta2 = reader.number("beta2", .fraction, .otherwise(defaults.beta2))
    let epsilon = reader.number("epsilon", .positive, .otherwise(defaults.epsilon))
    guard let beta1, let beta2, let epsilon else { return nil }
    return .init(beta1: beta1, beta2: beta2, epsilon: epsilon)
  }
}
