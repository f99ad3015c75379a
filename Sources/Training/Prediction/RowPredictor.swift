import Datasets
import Foundation
import Jobs
import ModelGraph
import Models

/// A network that gives a class or numbers for each sample, or for each step of it.
struct RowPredictor {
  private let run: SavedRun
  /// The most samples that run together.
  private static let batch = 64

  init(_ run: SavedRun) { self.run = run }

  /// - Parameter texts: the samples as they were given, where they are texts.
  func predict(
    _ source: any SampleSource, _ texts: [String]?, warnings: [String]
  ) throws -> PredictionReport {
    let target = run.encoding.target
    let batch = min(Self.batch, source.count)
    let inference = try program(source, batch: batch)
    var rows: [PredictionReport.Row] = []
    var summary = (samples: 0, right: 0, numbers: 0, squares: 0.0)
    for first in stride(from: 0, to: source.count, by: batch) {
      let buffer = try source.samples((first..<first + batch).map { UInt32(min($0, source.count - 1)) })
      inference.set(buffer, 0..<batch)
      try inference.run()
      let outputs = try inference.output("logits")
      let size = outputs.count / batch
      for index in 0..<min(batch, source.count - first) {
        let logits = Array(outputs[index * size..<(index + 1) * size])
        var row = PredictionReport.Row(input: texts?[first + index])
        switch target {
        case .classes(let classes):
          let (predicted, labels) = fill(&row, logits, classes, buffer, index)
          guard let labels else { break }
          summary.samples += 1
          summary.right += zip(predicted, labels).allSatisfy { $1 < 0 || $0 == Int($1) } ? 1 : 0
        case .labels(let labels):
          guard let isRight = fill(&row, logits, labels, buffer, index) else { break }
          summary.samples += 1
          summary.right += isRight ? 1 : 0
        case .values(let values):
          fill(&row, logits, values, buffer, index)
          guard let truth = row.trueValues else { break }
          summary.samples += 1
          summary.numbers += truth.count
          summary.squares += zip(truth, row.values ?? []).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        rows.append(row)
      }
    }
    let exact = Double(summary.right) / Double(max(summary.samples, 1))
    switch target {
    case .labels(let labels):
      return run.report(
        .labels, rows, .init(samples: summary.samples, exactMatch: exact), classNames: labels.names)
    case .classes(let classes):
      return run.report(
        .classes, rows, .init(samples: summary.samples, exactMatch: exact), classNames: classes.names,
        warnings: warnings)
    case .values(let values):
      let error = (summary.squares / Double(max(summary.numbers, 1))).squareRoot()
      return run.report(
        .values, rows, .init(samples: summary.samples, rootMeanSquaredError: error), target: values.name)
    }
  }

  private func program(_ source: any SampleSource, batch: Int) throws -> InferenceProgram {
    let data = DataDescription(source, run.encoding)
    let job = try run.currentFile(for: data).job
    return try run.located {
      let graph = try job.modelSpecification(for: data).graph(
        sampleShape: data.sampleShape, batch: batch, mode: .inference)
      return try InferenceProgram(graph, run.checkpoint, precision: run.precision)
    }
  }

  /// - Returns: the class of each step, and what it should be where that is known.
  private func fill(
    _ row: inout PredictionReport.Row, _ logits: [Float], _ classes: ClassTarget, _ buffer: SampleBuffer, _ place: Int
  ) -> (predicted: [Int], labels: [Int32]?) {
    // Two classes may have one output: the score of the second.
    let count = logits.count / classes.shape.reduce(1, *)
    let steps = (0..<logits.count / count).map { Array(logits[$0 * count..<($0 + 1) * count]) }
    let predicted = steps.map { step in
      count == 1 ? (step[0] >= 0 ? 1 : 0) : step.indices.reduce(0) { step[$1] > step[$0] ? $1 : $0 }
    }
    row.prediction = predicted.map { classes.names[$0] }.joined(separator: " ")
    if classes.shape.isEmpty, let step = steps.first { row.probabilities = probabilities(step) }
    guard let field = buffer.position(of: SampleTarget.labelsName) else { return (predicted, nil) }
    let labels = buffer.withIntegers(field, place..<place + 1) { span in span.indices.map { span[$0] } }
    guard labels.contains(where: { $0 >= 0 }) else { return (predicted, nil) }
    row.truth = labels.map { $0 < 0 ? "–" : classes.names[Int($0)] }.joined(separator: " ")
    return (predicted, labels)
  }

  /// The labels whose probability is at least one half.
  /// - Returns: whether every answer is right; nil if none is known.
  private func fill(
    _ row: inout PredictionReport.Row, _ logits: [Float], _ labels: LabelTarget, _ buffer: SampleBuffer, _ place: Int
  ) -> Bool? {
    func text(_ isTrue: (Int) -> Bool) -> String {
      labels.names.indices.filter(isTrue).map { labels.names[$0] }.joined(separator: ", ")
    }
    row.prediction = text { logits[$0] >= 0 }
    row.probabilities = logits.map { 1 / (1 + exp(-Double($0))) }
    guard let field = buffer.position(of: SampleTarget.targetName) else { return nil }
    let answers = buffer.withFloats(field, place..<place + 1) { span in span.indices.map { span[$0] } }
    guard answers.contains(where: { $0 >= 0 }) else { return nil }
    row.truth = text { answers[$0] == 1 }
    return zip(logits, answers).allSatisfy { !($1 >= 0) || ($0 >= 0) == ($1 == 1) }
  }

  private func probabilities(_ logits: [Float]) -> [Double] {
    switch run.file.job.training.loss {
    case .binaryCrossEntropy where logits.count == 1:
      let second = 1 / (1 + exp(-Double(logits[0])))
      return [1 - second, second]
    case .binaryCrossEntropy: return logits.map { 1 / (1 + exp(-Double($0))) }
    case .crossEntropy:
      let largest = Double(logits.max() ?? 0)
      let powers = logits.map { exp(Double($0) - largest) }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    // Trained towards 1 for the right class and 0 for the others: a score, as it is.
    case .meanSquaredError, .meanAbsoluteError, .huber: return logits.map(Double.init)
    }
  }

  private func fill(
    _ row: inout PredictionReport.Row, _ outputs: [Float], _ values: ValueTarget, _ buffer: SampleBuffer, _ place: Int
  ) {
    row.values = outputs.map(values.original)
    guard let field = buffer.position(of: SampleTarget.targetName) else { return }
    let truth = buffer.withFloats(field, place..<place + 1) { span in span.indices.map { span[$0] } }
    if truth.allSatisfy(\.isFinite) { row.trueValues = truth.map(values.original) }
  }
}
