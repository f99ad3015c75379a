import Datasets
import Evaluation
import Foundation
import ModelGraph
import Randomness

extension DecodingSettings {
  /// Writes for every sample that `scorer` has rows for.
  /// - Parameter firstSample: the number of the first of them: a sample draws alike whatever it is beside.
  /// - Returns: for each sample its sequences, the best first.
  func write(_ scorer: some TokenScorer, _ rules: WritingRules, firstSample: Int) throws -> [[WrittenSequence]] {
    switch method {
    case .greedy: return try scorer.writeGreedily(rules).map { [$0] }
    case .beam(let search): return try search.write(scorer, rules)
    case .sampling(let temperature, let seed):
      var streams = (0..<scorer.rowCount).map {
        RandomStream(seed: seed, purpose: .sampling, stream: UInt64(firstSample + $0))
      }
      return try scorer.write(rules) { row, scores in
        Self.drawn(scores, rules.forbidden, temperature, &streams[row])
      }.map { [$0] }
    }
  }

  /// A token drawn by P^(1/temperature).
  private static func drawn(
    _ scores: ArraySlice<Float>, _ forbidden: Set<Int32>, _ temperature: Double, _ random: inout RandomStream
  ) -> Int32 {
    let allowed = scores.indices.filter { !forbidden.contains(Int32($0 - scores.startIndex)) }
    let largest = allowed.map { Double(scores[$0]) }.max() ?? 0
    let weights = allowed.map { exp((Double(scores[$0]) - largest) / temperature) }
    var left = Double(random.uniform(in: 0..<1)) * weights.reduce(0, +)
    for (index, weight) in zip(allowed, weights) {
      left -= weight
      if left < 0 { return Int32(index - scores.startIndex) }
    }
    return Int32((allowed.last ?? scores.startIndex) - scores.startIndex)
  }

  func row(
    _ written: [WrittenSequence], input: String, truth: String?, text: (WrittenSequence) -> String
  ) -> PredictionReport.Row {
    guard let best = written.first else { preconditionFailure("a sample has a sequence") }
    var row = PredictionReport.Row(
      input: input, prediction: text(best), truth: truth, logProbability: best.logProbability, isEnded: best.isEnded)
    if case .beam(let search) = method {
      row.alternatives = written.dropFirst().map {
        .init(
          prediction: text($0), logProbability: $0.logProbability,
          score: $0.score(lengthPenalty: search.lengthPenalty))
      }
    }
    return row
  }
}

/// An encoder with its decoder, of pairs of texts.
struct PairsWriter {
  private let run: SavedRun
  private let pairs: PairsEncoding
  /// Sequences side by side: enough to fill the kernels' rows.
  private static let rows = 64

  init(_ run: SavedRun, _ pairs: PairsEncoding) {
    self.run = run
    self.pairs = pairs
  }

  func predict(
    _ source: any SampleSource, _ decoding: DecodingSettings, warnings: [String]
  ) throws -> PredictionReport {
    let batch = max(1, min(Self.rows / decoding.width, source.count))
    let decoder = try run.decoder(
      source.sampleShape, tokens: PairsDataset.decoderInputName, samples: batch, width: decoding.width)
    let rules = WritingRules(
      prefix: [Vocabulary.start], end: Vocabulary.end,
      forbidden: [Vocabulary.padding, Vocabulary.unknown, Vocabulary.start],
      lengthLimit: decoding.lengthLimit ?? pairs.target.outputShape[0])
    var rows: [PredictionReport.Row] = []
    var summary = (samples: 0, exact: 0, errors: 0, tokens: 0)
    for first in stride(from: 0, to: source.count, by: batch) {
      // The last batch is filled up with its last sample.
      let places = (first..<first + batch).map { UInt32(min($0, source.count - 1)) }
      let buffer = try source.samples(places)
      try decoder.begin(buffer)
      let written = try decoding.write(decoder, rules, firstSample: first)
      let (inputs, labels) = texts(buffer)
      for index in 0..<min(batch, source.count - first) {
        let truth = labels[index].map { $0.prefix { $0 != Vocabulary.end && $0 >= 0 } }
        if let truth, let best = written[index].first {
          let errors = editDistance(best.tokens, Array(truth))
          summary.samples += 1
          summary.exact += errors == 0 && best.isEnded ? 1 : 0
          summary.errors += errors
          summary.tokens += truth.count
        }
        rows.append(
          decoding.row(
            written[index], input: pairs.source.text(of: inputs[index].filter { $0 != Vocabulary.padding }),
            truth: truth.map { pairs.targetVocabulary.text(of: $0) }
          ) { pairs.targetVocabulary.text(of: $0.tokens) })
      }
    }
    return run.report(
      .sequences, rows,
      PredictionReport.Summary(
        samples: summary.samples, exactMatch: Double(summary.exact) / Double(max(summary.samples, 1)),
        tokenErrorRate: Double(summary.errors) / Double(max(summary.tokens, 1))),
      decoding: decoding, warnings: warnings)
  }

  /// The sources, and the labels where they are known.
  private func texts(_ buffer: SampleBuffer) -> (inputs: [[Int32]], labels: [[Int32]?]) {
    func field(_ name: String) -> [[Int32]] {
      guard let position = buffer.position(of: name) else { preconditionFailure("pairs have a field '\(name)'") }
      return (0..<buffer.capacity).map { place in
        buffer.withIntegers(position, place..<place + 1) { span in span.indices.map { span[$0] } }
      }
    }
    return (field(SampleShape.inputName), field(SampleTarget.labelsName).map { ($0.first ?? -1) < 0 ? nil : $0 })
  }
}

/// A network that goes on with a text.
struct LanguageModel {
  private let run: SavedRun
  private let text: TextEncoding

  /// Tokens that are written where nobody says how many.
  private static let usualLength = 100

  init(_ run: SavedRun, _ text: TextEncoding) {
    self.run = run
    self.text = text
  }

  func predict(_ input: PredictionInput, limit: Int?, _ decoding: DecodingSettings) throws -> PredictionReport {
    var prompts: [(text: String, tokens: [Int32])] = []
    var given: [String] = []
    switch input {
    case .test: prompts = try tests(limit: limit)
    case .file(let path): given = try TextLines(path: path).lines
    case .texts(let texts): given = texts
    }
    given = Array(given.prefix(limit ?? given.count))
    prompts += given.map { ($0, text.vocabulary.numbers(of: $0)) }
    if let empty = prompts.first(where: \.tokens.isEmpty) {
      throw TrainingError(.invalidInput, "there is nothing to go on with in '\(empty.text)'; give at least one token")
    }
    let field = SampleField(SampleShape.inputName, [1], .int32)
    let decoder = try run.decoder(
      SampleShape(fields: [field]), tokens: SampleShape.inputName, samples: 1, width: decoding.width)
    var rows: [PredictionReport.Row] = []
    for (index, prompt) in prompts.enumerated() {
      try decoder.begin(nil)
      let rules = WritingRules(
        prefix: prompt.tokens, end: nil, forbidden: [Vocabulary.padding, Vocabulary.unknown],
        lengthLimit: decoding.lengthLimit ?? Self.usualLength)
      let written = try decoding.write(decoder, rules, firstSample: index)[0]
      var row = decoding.row(written, input: prompt.text, truth: nil) { text.vocabulary.text(of: $0.tokens) }
      row.isEnded = nil
      rows.append(row)
    }
    return run.report(.continuations, rows, nil, decoding: decoding, warnings: run.warnings(given, text.vocabulary))
  }

  /// The pieces of the test text.
  private func tests(limit: Int?) throws -> [(text: String, tokens: [Int32])] {
    let source = try run.testSamples()
    let count = min(source.count, limit ?? source.count)
    let buffer = try source.samples((0..<UInt32(count)).map { $0 })
    guard let input = buffer.position(of: SampleShape.inputName) else { preconditionFailure("texts have an input") }
    return (0..<count).map { place in
      let tokens = buffer.withIntegers(input, place..<place + 1) { span in span.indices.map { span[$0] } }
        .filter { $0 != Vocabulary.padding }
      return (text.vocabulary.text(of: tokens), tokens)
    }
  }
}
