package import Datasets
import Evaluation
package import Jobs
import ModelGraph
import Randomness

/// The job's data in memory: the whole set on every rank, of which a rank reads its shards of each batch.
package struct JobData: Sendable {
  /// Augmented, where the job says so.
  package let training: any SampleSource
  /// Samples that the job keeps from training; nil if it keeps none.
  package let validation: (any SampleSource)?
  package let test: (any SampleSource)?
  /// Measured on the training samples.
  package let encoding: DataEncoding
  /// Whether samples are pieces of one long text.
  private let isStream: Bool
  /// A number that ranks share if they have read the same data.
  let fingerprint: UInt64

  package var description: DataDescription { DataDescription(training, encoding) }

  /// Reads what `file`'s job names.
  /// - Throws: `InvalidJob` at the line that names what is wrong.
  package init(_ file: JobFile) throws {
    try file.requireKernels()
    let parts = try Parts(file)
    let collection = parts.collection
    let data = file.job.data
    isStream = collection.isStream
    encoding = try Self.located(file) {
      try collection.encoding(of: parts.training, normalises: data.normalize == .training)
    }
    let encoding = encoding
    let plain = try Self.located(file) { try collection.source(encoding, augmentation: nil) }
    try Self.checkMetrics(file, encoding.target)
    let varied = try data.augment.map { augmentation in
      try Self.located(file) {
        try collection.source(encoding, augmentation: SeededAugmentation(augmentation, seed: file.job.seed))
      }
    }
    training = SampleSubset(varied ?? plain, places: parts.training)
    validation = parts.validation.map { SampleSubset(plain, places: $0) }
    var fingerprint = DataFingerprint()
    fingerprint.add(collection.fingerprint)
    if let places = parts.test {
      test = SampleSubset(plain, places: places)
    } else if let collection = try Self.located(file, { try data.source.test() }) {
      fingerprint.add(collection.fingerprint)
      test = try Self.located(file) { try collection.source(encoding, augmentation: nil) }
    } else {
      test = nil
    }
    self.fingerprint = fingerprint.value
  }

  /// Numbers are found more or less well, never right or wrong; a micro average over classes is their accuracy.
  private static func checkMetrics(_ file: JobFile, _ target: SampleTarget) throws {
    let training = file.job.training
    let watchers = [
      ("early_stopping", training.earlyStopping?.metric), ("schedule", training.schedule.plateau?.metric),
    ]
    for (key, metric) in watchers {
      guard let metric, let fault = fault(of: metric, target) else { continue }
      throw InvalidJob([file.problem(at: "training.\(key)", "'\(key)' watches \(fault)")])
    }
  }

  private static func fault(of metric: ValidationMetric, _ target: SampleTarget) -> String? {
    switch (metric, target) {
    case (.loss, _), (_, .labels): nil
    case (.accuracy, .values(let values)):
      "the accuracy, and the target '\(values.name)' is numbers; write 'metric: loss'"
    case (_, .values(let values)):
      "\(metric.rawValue), and the target '\(values.name)' is numbers; write 'metric: loss'"
    case (.microF1, .classes): "micro-f1, which of classes is their accuracy; write 'metric: accuracy'"
    case (.macroF1, .classes(let classes)) where classes.names.count > ClassMeasures.largestMatrix:
      "macro-f1, for which there are too many classes (\(classes.names.count)); write 'metric: accuracy'"
    case (.accuracy, .classes), (.macroF1, .classes): nil
    }
  }

  /// What counts of the training text say of the test text; nil for data that are no text to go on with.
  func tokenCountLosses() throws -> [Double]? {
    guard isStream, let test, case .classes(let tokens) = encoding.target else { return nil }
    return try TokenCounts(counting: training, vocabulary: tokens.names.count).losses(on: test)
  }

  /// The test samples alone, as a trained model knows how to read them; nil if the job names none.
  /// - Throws: `InvalidJob` at the line that names what is wrong.
  package static func test(_ file: JobFile, _ encoding: DataEncoding) throws -> (any SampleSource)? {
    if let collection = try located(file, { try file.job.data.source.test() }) {
      return try located(file) { try collection.source(encoding, augmentation: nil) }
    }
    guard file.job.data.testFraction != nil else { return nil }
    let parts = try Parts(file)
    let plain = try located(file) { try parts.collection.source(encoding, augmentation: nil) }
    return parts.test.map { SampleSubset(plain, places: $0) }
  }

  /// What the training samples are.
  /// - Throws: `InvalidJob` at the line that names what is wrong.
  package static func description(_ file: JobFile) throws -> DataDescription { try outline(file).description }

  /// What the training samples are and how many, whether or not Apus can train the job's model on them.
  /// - Throws: `InvalidJob` at the line that names what is wrong.
  package static func outline(_ file: JobFile) throws -> (description: DataDescription, sampleCount: Int) {
    if let planned = file.job.plannedDescription, let count = file.job.plannedSampleCount { return (planned, count) }
    let parts = try Parts(file)
    let description = try located(file) {
      let encoding = try parts.collection.encoding(
        of: parts.training, normalises: file.job.data.normalize == .training)
      return DataDescription(try parts.collection.source(encoding, augmentation: nil), encoding)
    }
    return (description, parts.training.count)
  }

  /// - Throws: `InvalidJob` if there is not one whole batch.
  func order(_ file: JobFile) throws -> DataOrder {
    let training = file.job.training
    do {
      return try DataOrder(
        kind: training.carriesState ? .streams : .training(seed: file.job.seed), sampleCount: self.training.count,
        batchSize: training.batch, shardCount: training.shards)
    } catch {
      throw InvalidJob([file.problem(at: "training.batch", "\(error)")])
    }
  }

  /// The first `count` training samples, in the order of the first epoch.
  func firstSamples(_ count: Int, seed: UInt64) throws -> SampleBuffer {
    let order = try DataOrder(
      kind: .training(seed: seed), sampleCount: training.count, batchSize: count, shardCount: 1)
    return try training.samples(Array(order.samples(epoch: 0).prefix(count)))
  }

  /// Gives an error of the data the line of the job that named it.
  fileprivate static func located<Result>(_ file: JobFile, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as DatasetError {
      // An array of an archive is `archive.npz:name` in the job.
      let named = file.job.data.source.paths.filter { error.path.hasPrefix($0.path) || $0.path.hasPrefix(error.path) }
      let key = error.key ?? named.max { $0.path.count < $1.path.count }?.key ?? "train"
      throw InvalidJob([file.problem(at: "data.\(key)", "\(error)")])
    }
  }
}

/// The training files' samples, dealt out.
private struct Parts {
  let collection: any SampleCollection
  /// Each in the order of the files.
  private(set) var training: [UInt32]
  private(set) var validation: [UInt32]?
  private(set) var test: [UInt32]?

  init(_ file: JobFile) throws {
    let data = file.job.data
    collection = try JobData.located(file) { try data.source.training() }
    guard collection.isStream || !file.job.training.carriesState else {
      throw InvalidJob([
        file.problem(
          at: "training.carry_state",
          "'carry_state' takes one long text, whose pieces go on from each other, and the samples of this data have nothing "
            + "to do with one another; give 'format: text' one text file, or remove 'carry_state'")
      ])
    }
    training = Array(0..<UInt32(collection.count))
    test = try take(data.testFraction, "test_fraction", "test with", stream: .max - 1, file)
    validation = try take(data.validationFraction, "validation_fraction", "validate on", stream: .max, file)
  }

  /// Parts samples from those that are left to train on: drawn by the seed, or the last ones where they are in the order
  /// of time.
  private mutating func take(
    _ fraction: Double?, _ key: String, _ use: String, stream: UInt64, _ file: JobFile
  ) throws -> [UInt32]? {
    guard let fraction else { return nil }
    let count = Int((fraction * Double(training.count)).rounded())
    let left = training.count - count - (collection.timeGap ?? 0)
    guard count > 0, left > 0 else {
      throw InvalidJob([
        file.problem(
          at: "data.\(key)",
          "\(fraction) of \(training.count) samples leaves \(max(left, 0)) to train on and \(count) to \(use); "
            + "each takes at least one")
      ])
    }
    guard collection.timeGap == nil else {
      defer { training.removeLast(training.count - left) }
      return Array(training.suffix(count))
    }
    let order = seededPermutation(count: training.count, seed: file.job.seed, purpose: .dataOrder, stream: stream)
    let taken = order.prefix(count).map { training[Int($0)] }.sorted()
    training = order.dropFirst(count).map { training[Int($0)] }.sorted()
    return taken
  }
}
