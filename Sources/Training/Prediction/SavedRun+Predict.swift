import Datasets
import Execution
import Foundation
import Jobs
import Kernels
import ModelGraph
import Models

extension SavedRun {
  /// What the network makes of samples, in the order in which they are given. Nothing of the training data is needed: what
  /// made numbers of them is in the checkpoint.
  ///
  /// - Parameters:
  ///   - limit: the most samples, from the first; nil for all.
  ///   - decoding: nil for the model's usual way; refused for a model that writes nothing.
  /// - Throws: `InvalidJob`, `DatasetError` with the place in an input file, or `TrainingError` with `.invalidInput`.
  package func predict(
    _ input: PredictionInput, limit: Int? = nil, decoding: DecodingSettings? = nil, threads: Int
  ) throws -> PredictionReport {
    Threads.use(threads)
    switch encoding {
    case .text(let text) where text.target.outputShape.rank > 1:
      return try LanguageModel(self, text).predict(input, limit: limit, decoding ?? DecodingSettings())
    case .pairs(let pairs):
      let (source, texts) = try samples(input, limit: limit)
      return try PairsWriter(self, pairs).predict(
        source, decoding ?? DecodingSettings(), warnings: warnings(texts ?? [], pairs.source))
    default:
      guard decoding == nil else {
        throw TrainingError(
          .invalidInput,
          "\(file.job.name) writes no sequences, so there is nothing to search or draw; leave out how to decode")
      }
      let (source, texts) = try samples(input, limit: limit)
      var warnings: [String] = []
      if case .text(let text) = encoding { warnings = self.warnings(texts ?? [], text.vocabulary) }
      return try RowPredictor(self).predict(source, texts, warnings: warnings)
    }
  }

  var encoding: DataEncoding { checkpoint.header.encoding }

  var precision: Precision {
    file.job.training.precision.isSupported ? file.job.training.precision : .float32
  }

  /// The samples as numbers, and as texts where they were given as such.
  private func samples(_ input: PredictionInput, limit: Int?) throws -> (any SampleSource, texts: [String]?) {
    var given: [String]?
    let all: any SampleSource
    switch input {
    case .test: all = try testSamples()
    case .file(let path) where path.hasSuffix(".txt") && encoding.isOfTexts:
      let lines = try TextLines(path: path).lines
      given = lines
      all = try textSamples(lines)
    case .file(let path):
      all = try file.job.data.source.samples(toPredict: path).source(encoding, augmentation: nil)
    case .texts(let texts):
      given = texts
      all = try textSamples(texts)
    }
    let count = min(all.count, limit ?? all.count)
    return (SampleSubset(all, places: Array(0..<UInt32(count))), given.map { Array($0.prefix(count)) })
  }

  private func textSamples(_ texts: [String]) throws -> any SampleSource {
    switch file.job.data.source {
    case .text(_, _, let text): try TextDataset(texts: texts, text).source(encoding, augmentation: nil)
    case .pairs(_, _, let pairs): try PairsDataset(texts: texts, pairs).source(encoding, augmentation: nil)
    case let other:
      throw TrainingError(
        .invalidInput,
        "\(file.job.name) takes no texts, its data are '\(other.format.rawValue)'; give a file of that format by --input"
      )
    }
  }

  /// What of the texts the network does not see as they are.
  func warnings(_ texts: [String], _ vocabulary: Vocabulary) -> [String] {
    let length: Int? =
      switch file.job.data.source {
      case .pairs(_, _, let pairs): pairs.sourceLength
      case .text(_, _, let text) where encoding.target.outputShape.rank == 1: text.sequenceLength
      default: nil
      }
    return texts.flatMap { text -> [String] in
      let tokens = vocabulary.numbers(of: text)
      var warnings: [String] = []
      if tokens.contains(Vocabulary.unknown) {
        warnings.append("'\(text)' has tokens that the training texts have not; they are read as <unknown>")
      }
      if let length, tokens.count > length {
        warnings.append("'\(text)' has \(tokens.count) tokens; the network reads the first \(length)")
      }
      return warnings
    }
  }

  /// - Throws: `InvalidJob` if the job names no test set.
  func testSamples() throws -> any SampleSource {
    guard let source = try JobData.test(file, encoding) else {
      throw InvalidJob([
        file.problem(at: "data", "the job names no test set; add 'test:' with its files, or 'test_fraction: 0.2'")
      ])
    }
    return source
  }

  func report(
    _ kind: PredictionReport.Kind, _ rows: [PredictionReport.Row], _ summary: PredictionReport.Summary?,
    decoding: DecodingSettings? = nil, classNames: [String]? = nil, target: String? = nil, warnings: [String] = []
  ) -> PredictionReport {
    PredictionReport(
      job: file.job.name, checkpoint: path, step: checkpoint.header.step, kind: kind,
      decoding: decoding?.description, classNames: classNames, target: target, rows: rows,
      summary: summary.flatMap { $0.samples > 0 ? $0 : nil }, warnings: warnings)
  }

  /// Does what may throw a `GraphError`, and gives it the line of its layer.
  func located<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as GraphError {
      throw InvalidJob([file.problem(for: error)])
    }
  }

  /// A network that writes side by side for `samples` samples.
  func decoder(
    _ sampleShape: SampleShape, tokens: String, samples: Int, width: Int
  ) throws -> StepDecoder {
    guard file.job.training.loss == .crossEntropy else {
      throw InvalidJob([
        file.problem(
          at: "training.loss",
          "what is written follows from the probability of each token, which \(file.job.training.loss.rawValue) does not "
            + "train; train with 'loss: cross-entropy'")
      ])
    }
    let model = file.job.modelSpecification(
      outputs: encoding.target.outputCount, vocabulary: encoding.vocabularySizes[ModelSpecification.inputName])
    return try located {
      let graphs = try model.stepwiseGraphs(
        sampleShape: sampleShape, tokens: tokens, encoderBatch: samples, batch: samples * width)
      return try StepDecoder(
        graphs, tokens: tokens, samples: samples, rowsPerSample: width, checkpoint, precision: precision)
    }
  }
}

extension DataEncoding {
  /// Whether a sample can be given as a line of text.
  fileprivate var isOfTexts: Bool {
    switch self {
    case .text, .pairs: true
    case .images, .arrays, .table: false
    }
  }
}
