import Datasets
package import Evaluation
import Foundation
import Jobs

/// What a test of a trained network found.
package struct EvaluationReport: Encodable, Sendable {
  /// Of predicted numbers, in the data's own units, beside a guess without a model.
  package struct Regression: Codable, Sendable {
    package let target: String
    package let rootMeanSquaredError: Double?
    package let meanAbsoluteError: Double?
    package let coefficientOfDetermination: Double?
    /// What the guess is.
    package let baseline: String
    package let baselineRootMeanSquaredError: Double?
    package let baselineMeanAbsoluteError: Double?
  }

  /// Of several labels.
  package struct Labels: Encodable, Sendable {
    /// Of a label, or an average; nil where it is 0/0.
    package struct Measures: Encodable, Sendable {
      package let precision: Double?
      package let recall: Double?
      package let specificity: Double?
      package let f1: Double?

      fileprivate init(_ measure: ((LabelMeasures.Outcomes) -> Double?) -> Double?) {
        (precision, recall) = (measure(\.precision), measure(\.recall))
        (specificity, f1) = (measure(\.specificity), measure(\.f1))
      }
    }

    package struct Label: Encodable, Sendable {
      package let name: String
      package let measures: Measures
      package let truePositives: Int64
      package let falsePositives: Int64
      package let falseNegatives: Int64
      package let trueNegatives: Int64
    }

    /// The probability from which a label is predicted.
    package let threshold: Double
    package let labels: [Label]
    /// Of the answers to all labels together.
    package let micro: Measures
    /// The mean over the labels.
    package let macro: Measures
    /// The share of samples of which every label is right.
    package let subsetAccuracy: Double?
    /// The share of answers that are wrong.
    package let hammingLoss: Double?

    fileprivate init(_ names: [String], _ measures: LabelMeasures) {
      threshold = measures.threshold
      labels = names.enumerated().map { index, name in
        let own = measures[index]
        return Label(
          name: name, measures: Measures { $0(own) }, truePositives: own.truePositives,
          falsePositives: own.falsePositives, falseNegatives: own.falseNegatives, trueNegatives: own.trueNegatives)
      }
      micro = Measures { $0(measures.together) }
      macro = Measures { measures.macro($0) }
      (subsetAccuracy, hammingLoss) = (measures.subsetAccuracy, measures.hammingLoss)
    }
  }

  package let job: String
  package let checkpoint: String
  package let step: Int
  package let samples: Int
  package let accuracy: Double?
  /// Mean over what was to be predicted: samples, labels of sequences, or outputs.
  package let loss: Double
  /// Nil for labels and numbers, as the next.
  package let classNames: [String]?
  /// Nil also for very many classes.
  package let confusion: ConfusionMatrix?
  /// Nil for classes and numbers.
  package let labels: Labels?
  /// Nil for classes and labels.
  package let regression: Regression?

  /// A line a label; not part of the JSON.
  private let labelTable: String?

  private enum CodingKeys: CodingKey {
    case job, checkpoint, step, samples, accuracy, loss, classNames, confusion, labels, regression
  }

  /// More classes than fit a line of a terminal are not printed as a matrix.
  private static let widestTable = 20
  /// Nor are more labels than this, a line each.
  private static let longestTable = 50

  init(
    _ job: Job, _ target: SampleTarget, checkpoint: String, step: Int, samples: Int, _ result: EvaluationResult
  ) {
    self.job = job.name
    self.checkpoint = checkpoint
    self.step = step
    self.samples = samples
    accuracy = result.accuracy
    loss = result.loss
    switch (target, result.measures) {
    case (.values(let values), .values(let measures)):
      (classNames, confusion, labels, labelTable) = (nil, nil, nil, nil)
      regression = Regression(
        target: values.name, rootMeanSquaredError: measures.rootMeanSquaredError,
        meanAbsoluteError: measures.meanAbsoluteError,
        coefficientOfDetermination: measures.coefficientOfDetermination, baseline: values.baseline.description,
        baselineRootMeanSquaredError: measures.guessRootMeanSquaredError,
        baselineMeanAbsoluteError: measures.guessMeanAbsoluteError)
    case (.classes(let classes), .classes(let measures)):
      classNames = classes.names
      confusion = measures.confusion
      (labels, labelTable, regression) = (nil, nil, nil)
    case (.labels(let target), .labels(let measures)):
      (classNames, confusion, regression) = (nil, nil, nil)
      labels = Labels(target.names, measures)
      labelTable = measures.table(names: target.names)
    default: preconditionFailure("an evaluation measures what its target is")
    }
  }

  package var text: String {
    let head = "\(job), step \(step) (\(checkpoint))\n"
    let lossText = String(format: "%.4f", loss)
    if let regression {
      return head + """
        test of '\(regression.target)': RMSE \(Self.number(regression.rootMeanSquaredError)), \
        MAE \(Self.number(regression.meanAbsoluteError)), \
        R² \(Self.number(regression.coefficientOfDetermination)), loss \(lossText), \(samples) samples
        for comparison, \(regression.baseline): RMSE \(Self.number(regression.baselineRootMeanSquaredError)), \
        MAE \(Self.number(regression.baselineMeanAbsoluteError))
        """
    }
    if let labels, let labelTable {
      let line =
        head + """
          test of \(labels.labels.count) \(labels.labels.count == 1 ? "label" : "labels") at threshold \(labels.threshold): \
          micro F1 \(Self.percent(labels.micro.f1)), macro F1 \(Self.percent(labels.macro.f1)), \
          subset accuracy \(Self.percent(labels.subsetAccuracy)), Hamming loss \(Self.number(labels.hammingLoss)), \
          loss \(lossText), \(samples) samples
          """
      return labels.labels.count > Self.longestTable ? line : line + "\n\n" + labelTable
    }
    let line = head + "test accuracy \(Self.percent(accuracy)), loss \(lossText), \(samples) samples"
    guard let classNames, let confusion, classNames.count <= Self.widestTable else { return line }
    return line + """


      confusion matrix: rows are true classes, columns predicted ones
      \(confusion.table(classNames: classNames))
      """
  }

  /// A line a class: precision, recall, specificity, F1, support; then their averages. Nil without a matrix, and for
  /// labels that `text` shows.
  package var measuresByClass: String? {
    if let labels, labels.labels.count > Self.longestTable { return labelTable }
    guard let classNames, let confusion else { return nil }
    return confusion.measures(classNames: classNames)
  }

  private static func percent(_ share: Double?) -> String { share.map { String(format: "%.2f %%", $0 * 100) } ?? "–" }

  /// Five digits that count.
  private static func number(_ value: Double?) -> String { value.map { String(format: "%.5g", $0) } ?? "–" }
}
