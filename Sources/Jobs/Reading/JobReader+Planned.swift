import Datasets
import Models

extension JobReader {
  /// Data that there are not yet.
  func readPlanned(_ reader: inout MappingReader) -> DataSource? {
    let amount = readAmount(&reader)
    let sample = reader.has("shape") ? readNumbers(&reader) : readTokens(&reader)
    guard let amount, let sample else { return nil }
    if case .tokens = amount, let entry = reader.entry("tokens"), reader.has("shape") {
      reader.report(
        entry.keyPlace, "'tokens' in \(reader.label) counts tokens, and samples with a 'shape' have none; use 'samples'"
      )
      return nil
    }
    return .planned(PlannedData(amount, sample))
  }

  private func readAmount(_ reader: inout MappingReader) -> PlannedData.Amount? {
    if let entry = reader.entry("tokens"), reader.has("samples") {
      reader.report(entry.keyPlace, "\(reader.label) has both 'samples' and 'tokens'; remove one of the two")
      return nil
    }
    if reader.has("tokens") { return reader.count("tokens", example: "300e9").map { .tokens($0) } }
    return reader.count("samples", example: "1_000_000").map { .samples($0) }
  }

  private func readTokens(_ reader: inout MappingReader) -> PlannedData.Sample? {
    let sequence = optional("sequence", to: TransformerSpecification.limits.sequence, example: "2048", &reader)
    let target = optional("target_sequence", to: TransformerSpecification.limits.sequence, example: "128", &reader)
    let vocabulary = optional("vocabulary", to: TransformerSpecification.limits.vocabulary, example: "50257", &reader)
    let classes = optional("classes", to: Limits.classes, example: "2", &reader)
    guard let sequence, let target, let vocabulary, let classes else { return nil }
    return .tokens(sequence: sequence, targetSequence: target, vocabulary: vocabulary, classes: classes)
  }

  private func readNumbers(_ reader: inout MappingReader) -> PlannedData.Sample? {
    let expected = "a list of up to \(Limits.rank - 1) whole numbers from 1, channels before height and width"
    let shape = reader.value("shape", .required(example: "[3, 224, 224]"), expected: expected) { node -> [Int]? in
      guard case .sequence(let items) = node.content else { return nil }
      let sides = items.compactMap { $0.integer(as: Int.self) }.filter { (1...Limits.channels).contains($0) }
      return (1..<Limits.rank).contains(sides.count) && sides.count == items.count ? sides : nil
    }
    if let entry = reader.entry("values"), reader.has("classes") {
      reader.report(entry.keyPlace, "\(reader.label) has both 'classes' and 'values'; remove one of the two")
      return nil
    }
    if reader.has("values") {
      let values = reader.integer("values", in: 1...Limits.outputs, .required(example: "1"))
      guard let shape, let values else { return nil }
      return .measured(shape, values: values)
    }
    let classes = reader.integer("classes", in: 2...Limits.classes, .required(example: "1000"))
    guard let shape, let classes else { return nil }
    return .classified(shape, classes: classes)
  }

  /// - Returns: nil if it was reported; nil within if the key is absent.
  private func optional(_ key: String, to limit: Int, example: String, _ reader: inout MappingReader) -> Int?? {
    guard reader.has(key) else { return .some(nil) }
    return reader.integer(key, in: 1...limit, .required(example: example)).map { $0 }
  }

  /// What the model must say where planned data do not.
  func checkPlanned(_ data: DataSpecification, _ model: ModelChoice, _ training: TrainingSpecification) {
    guard case .planned(let planned) = data.source else { return }
    let place = findings.places["data"] ?? SourcePlace(line: 1, column: 1)
    let job = Job(name: "planned", data: data, model: model, training: training)
    guard let description = planned.description(for: job.transformer) else {
      findings.report(
        place,
        "the model does not say how long a sequence of planned data is; add 'sequence: 100' and 'vocabulary: 10000' to "
          + "data, or give the 'shape' of a sample")
      return
    }
    guard let count = job.plannedSampleCount, count < training.batch else { return }
    findings.report(
      place,
      "\(count) planned samples of \(description.sampleShape) to train on are less than a batch of \(training.batch); plan "
        + "more, or use a smaller batch")
  }
}

extension MappingReader {
  /// A number of samples or tokens, `300e9` included.
  fileprivate mutating func count(_ key: String, example: String) -> Int? {
    value(key, .required(example: example), expected: "a whole number from 1 to 1e15") { node in
      node.number.flatMap { (1...1e15).contains($0) && $0 == $0.rounded() ? Int($0) : nil }
    }
  }
}
