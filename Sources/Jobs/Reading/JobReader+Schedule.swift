extension JobReader {
  func readSchedule(_ reader: inout MappingReader) -> Schedule? {
    guard let name: Schedule.Name = reader.choice("name", .required(example: "cosine")) else {
      reader.acceptAllKeys()
      return nil
    }
    reader.label += " (\(name.rawValue))"
    let shape = readShape(name, &reader)
    let epochs = reader.number("warmup_epochs", .notNegative, .otherwise(0))
    let start = reader.number("warmup_start", .share, .otherwise(Schedule.Defaults.warmupStart))
    guard let shape, let epochs, let start else { return nil }
    return Schedule(shape, warmupEpochs: epochs, warmupStart: start)
  }

  private func readShape(_ name: Schedule.Name, _ reader: inout MappingReader) -> Schedule.Shape? {
    switch name {
    case .constant: return .constant
    case .step: return readSteps(&reader)
    case .exponential:
      return reader.number("factor", .share, .required(example: "0.95")).map { .exponential(factor: $0) }
    case .cosine: return reader.number("minimum", .notNegative, .otherwise(0)).map { .cosine(minimum: $0) }
    case .oneCycle:
      let defaults = Schedule.OneCycle()
      let rise = reader.number("rise", .fraction, .otherwise(defaults.rise))
      let start = reader.number("start_divisor", .fromOne, .otherwise(defaults.startDivisor))
      let end = reader.number("end_divisor", .fromOne, .otherwise(defaults.endDivisor))
      guard let rise, let start, let end else { return nil }
      return .oneCycle(.init(rise: rise, startDivisor: start, endDivisor: end))
    case .plateau:
      let defaults = Schedule.Plateau()
      let metric: ValidationMetric? = reader.choice("metric", .otherwise(defaults.metric))
      let factor = reader.number("factor", .share, .otherwise(defaults.factor))
      let patience = reader.integer("patience", in: 0...Limits.epochs, .otherwise(defaults.patience))
      let threshold = reader.number("threshold", .fraction, .otherwise(defaults.threshold))
      let minimum = reader.number("minimum", .notNegative, .otherwise(defaults.minimum))
      guard let metric, let factor, let patience, let threshold, let minimum else { return nil }
      return .plateau(
        .init(metric: metric, factor: factor, patience: patience, threshold: threshold, minimum: minimum))
    }
  }

  private func readSteps(_ reader: inout MappingReader) -> Schedule.Shape? {
    let factor = reader.number("factor", .share, .otherwise(Schedule.Defaults.factor))
    guard reader.has("milestones") else {
      let every = reader.integer("every_epochs", in: 1...Limits.epochs, .required(example: "10"))
      guard let factor, let every else { return nil }
      return .step(everyEpochs: every, factor: factor)
    }
    if let entry = reader.entry("every_epochs") {
      reader.report(entry.keyPlace, "\(reader.label) has both 'milestones' and 'every_epochs'; remove one of the two")
      return nil
    }
    let milestones = reader.value(
      "milestones", .required(example: "[30, 60, 80]"), expected: "a list of epochs, each later than the one before"
    ) { node -> [Int]? in
      guard case .sequence(let items) = node.content, !items.isEmpty else { return nil }
      let epochs = items.compactMap { $0.integer(as: Int.self) }.filter { (1...Limits.epochs).contains($0) }
      return epochs.count == items.count && zip(epochs, epochs.dropFirst()).allSatisfy(<) ? epochs : nil
    }
    guard let factor, let milestones else { return nil }
    return .milestones(milestones, factor: factor)
  }

  func readEarlyStopping(_ reader: inout MappingReader) -> EarlyStopping? {
    let defaults = EarlyStopping()
    let metric: ValidationMetric? = reader.choice("metric", .otherwise(defaults.metric))
    let patience = reader.integer("patience", in: 1...Limits.epochs, .otherwise(defaults.patience))
    let delta = reader.number("min_delta", .notNegative, .otherwise(defaults.minDelta))
    let restoreBest = reader.flag("restore_best", .otherwise(defaults.restoreBest))
    guard let metric, let patience, let delta, let restoreBest else { return nil }
    return EarlyStopping(metric: metric, patience: patience, minDelta: delta, restoreBest: restoreBest)
  }
}
