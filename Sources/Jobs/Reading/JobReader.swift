import Foundation
import Models

/// Reads a job from YAML, section by section.
struct JobReader {
  let findings: Findings
  /// What the paths of the file are relative to.
  let directory: URL
  private(set) var layers: [String: LayerReader.Found] = [:]

  init(findings: Findings, directory: URL) {
    self.findings = findings
    self.directory = directory
  }

  mutating func job(_ root: YAMLNode) -> Job? {
    let start = SourcePlace(line: 1, column: 1)
    guard case .mapping(let pairs) = root.content else {
      findings.report(root.place, "a job is a mapping, not \(root.description); start it with 'apus: 1'")
      return nil
    }
    var reader = MappingReader(pairs, path: "", label: "the job", place: start, findings: findings)
    guard let version = reader.hasVersion(of: JobFormat.self) else { return nil }
    let name = readName(&reader)
    let seed = reader.integer("seed", in: 0...UInt64.max, .otherwise(Job.Defaults.seed))
    let data = reader.mapping("data", example: "data: {format: idx, …}", read: readData)
    let model = readModelOrName(&reader)
    let training = reader.mapping("training", example: "training: {epochs: 10, …}", read: readTraining)
    let checkpoint =
      reader.has("checkpoint")
      ? reader.mapping("checkpoint", example: nil, read: readCheckpoint) : CheckpointSpecification()
    if let data, let training { checkValidation(data, training) }
    if let data, let model, let training { checkPlanned(data, model, training) }
    reader.finish()
    guard version, let name, let seed, let data, let model, let training, let checkpoint else { return nil }
    return Job(name: name, seed: seed, data: data, model: model, training: training, checkpoint: checkpoint)
  }

  /// What looks at validation samples must have some.
  private func checkValidation(_ data: DataSpecification, _ training: TrainingSpecification) {
    guard !data.hasTest, data.validationFraction == nil else { return }
    let watchers = [
      ("early_stopping", training.earlyStopping != nil), ("schedule", training.schedule.plateau != nil),
    ]
    for (key, isUsed) in watchers where isUsed {
      guard let place = findings.places["training.\(key)"] else { continue }
      findings.report(
        place,
        "'\(key)' in training watches validation samples, and the job has none; add 'validation_fraction: 0.1' to data, "
          + "or a test set")
    }
  }

  private func readName(_ reader: inout MappingReader) -> String? {
    let expected = "up to \(Limits.nameLength) letters, digits, '-', '_' and '.', the first not a '.'"
    return reader.value("name", .required(example: "lenet5-fashion-mnist"), expected: expected) { node in
      guard let text = node.text, let first = text.first, first != ".", text.count <= Limits.nameLength else {
        return nil
      }
      return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) } ? text : nil
    }
  }

  /// A mapping, or the name of a model of the zoo.
  private mutating func readModelOrName(_ reader: inout MappingReader) -> ModelChoice? {
    if let entry = reader.entry("model"), entry.value.text != nil { return Self.readZoo(entry, reader) }
    return reader.mapping("model", example: "model: {zoo: lenet5}") { readModel(&$0) }
  }

  private mutating func readModel(_ reader: inout MappingReader) -> ModelChoice? {
    let zoo = reader.entry("zoo")
    let layers = reader.entry("layers")
    let transformer = reader.entry("transformer")
    switch (zoo, layers, transformer) {
    case (nil, nil, nil):
      reader.miss("zoo", example: "zoo: lenet5")
      return nil
    case (let zoo?, nil, nil):
      return Self.readZoo(zoo, reader)
    case (nil, nil, _?):
      return reader.mapping("transformer", example: nil, read: readTransformer).map(ModelChoice.transformer)
    case (nil, let layers?, nil):
      var list = LayerReader(findings: findings)
      let specifications = list.layers(layers)
      self.layers = list.found
      return specifications.map(ModelChoice.layers)
    default:
      let given = [zoo, layers, transformer].compactMap { $0 }
      reader.report(
        given[1].keyPlace, "model has both '\(given[0].key)' and '\(given[1].key)'; remove one of the two")
      return nil
    }
  }

  private static func readZoo(_ entry: MappingReader.Entry, _ reader: MappingReader) -> ModelChoice? {
    do {
      guard let name = entry.value.text else {
        let place = entry.value.isNull ? entry.keyPlace : entry.value.place
        let names = Zoo.allCases.map(\.rawValue).joined(separator: ", ")
        reader.report(
          place, "'\(entry.key)' in \(reader.label) must be one of \(names), not \(entry.value.description)")
        return nil
      }
      return .zoo(try Zoo(named: name))
    } catch {
      reader.report(entry.value.place, error.description)
      return nil
    }
  }

  private func readCheckpoint(_ reader: inout MappingReader) -> CheckpointSpecification? {
    let hasSteps = reader.has("every_steps")
    let steps = hasSteps ? reader.integer("every_steps", in: 1...Limits.steps, .required(example: "500")) : nil
    let epochs = reader.integer(
      "every_epochs", in: 1...Limits.epochs, .otherwise(Job.Defaults.checkpointEveryEpochs))
    let keep = reader.integer("keep", in: 1...Limits.checkpoints, .otherwise(Job.Defaults.checkpointsToKeep))
    guard let epochs, let keep, !hasSteps || steps != nil else { return nil }
    return CheckpointSpecification(everySteps: steps, everyEpochs: epochs, keep: keep)
  }
}
