import Datasets
package import Evaluation
import Foundation
import Jobs
import Models

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

  /// What classes are guessed at without the samples.
  package struct ClassBaseline: Codable, Sendable {
    /// The most frequent of the test set.
    package let className: String
    /// Of guessing it always.
    package let accuracy: Double
    /// Of the classes' shares in the test set; nil if the job's loss is another than the cross-entropy.
    package let loss: Double?
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
  /// Of labels, each step of a sequence being one.
  package let accuracy: Double?
  /// The share of sequences that are right at every step; nil where samples have one class each, and for numbers.
  package let exactMatch: Double?
  /// e to the loss, for sequences of classes trained with cross-entropy.
  package let perplexity: Double?
  /// Mean over what was to be predicted: samples, labels of sequences, or outputs.
  package let loss: Double
  /// Nil for labels and numbers, as the next.
  package let classNames: [String]?
  /// Nil also for very many classes.
  package let confusion: ConfusionMatrix?
  /// Nil where `confusion` is.
  package let classBaseline: ClassBaseline?
  /// Of the next token of a text by unigrams, bigrams and trigrams of the training text; nil for other data.
  package let tokenCountLosses: [Double]?
  /// Nil for classes and numbers.
  package let labels: Labels?
  /// Nil for classes and labels.
  package let regression: Regression?

  /// A line a label; not part of the JSON.
  private let labelTable: String?

  private enum CodingKeys: CodingKey {
    case job, checkpoint, step, samples, accuracy, exactMatch, perplexity, loss, classNames, confusion, classBaseline
    case tokenCountLosses, labels, regression
  }

  /// More classes than fit a line of a terminal are not printed as a matrix.
  private static let widestTable = 20
  /// Nor are more labels than this, a line each.
  private static let longestTable = 50

  init(
    _ job: Job, _ target: SampleTarget, checkpoint: String, step: Int, samples: Int, _ result: EvaluationResult,
    tokenCountLosses: [Double]?
  ) {
    self.job = job.name
    self.checkpoint = checkpoint
    self.step = step
    self.samples = samples
    accuracy = result.accuracy
    loss = result.loss
    self.tokenCountLosses = tokenCountLosses
    switch (target, result.measures) {
    case (.values(let values), .values(let measures)):
      (exactMatch, perplexity, classBaseline) = (nil, nil, nil)
      (classNames, confusion, labels, labelTable) = (nil, nil, nil, nil)
      regression = Regression(
        target: values.name, rootMeanSquaredError: measures.rootMeanSquaredError,
        meanAbsoluteError: measures.meanAbsoluteError,
        coefficientOfDetermination: measures.coefficientOfDetermination, baseline: values.baseline.description,
        baselineRootMeanSquaredError: measures.guessRootMeanSquaredError,
        baselineMeanAbsoluteError: measures.guessMeanAbsoluteError)
    case (.classes(let classes), .classes(let measures)):
      exactMatch = measures.exactMatch
      perplexity = exactMatch != nil && job.training.loss == .crossEntropy ? exp(result.loss) : nil
      classNames = classes.names
      confusion = measures.confusion
      classBaseline = measures.confusion?.constantGuess.map { guess in
        ClassBaseline(
          className: classes.names[guess.mostFrequent], accuracy: guess.accuracy,
          loss: job.training.loss == .crossEntropy ? guess.crossEntropy : nil)
      }
      (labels, labelTable, regression) = (nil, nil, nil)
    case (.labels(let target), .labels(let measures)):
      (exactMatch, perplexity, classBaseline) = (nil, nil, nil)
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
    var line = head + "test accuracy \(Self.percent(accuracy)), loss \(lossText)"
    if let perplexity { line += String(format: ", perplexity %.3f", perplexity) }
    line += ", \(samples) samples"
    // The pieces of a running text are no wholes.
    if exactMatch != nil, tokenCountLosses == nil {
      line += "\nsequences right at every step: \(Self.percent(exactMatch))"
    }
    line += comparison
    guard let classNames, let confusion, classNames.count <= Self.widestTable else { return line }
    return line + """


      confusion matrix: rows are true classes, columns predicted ones
      \(confusion.table(classNames: classNames))
      """
  }

  /// Guesses to beat, a line each.
  private var comparison: String {
    var lines = ""
    if let baseline = classBaseline {
      // A token may be a line break.
      lines +=
        "\nfor comparison, always \(String(reflecting: baseline.className)): accuracy "
        + Self.percent(baseline.accuracy)
      if let loss = baseline.loss { lines += String(format: "; the classes' shares: loss %.4f", loss) }
    }
    if let losses = tokenCountLosses {
      let names = zip(losses, ["unigrams", "bigrams", "trigrams"]).map { String(format: "%.4f by ", $0) + $1 }
      lines += "\nfor comparison, counts of the training text: loss " + names.joined(separator: ", ")
    }
    return lines
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
