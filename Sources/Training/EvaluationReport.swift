import Datasets
package import Evaluation
import Foundation
import Jobs
import Models

/// What a test of a trained network found.
package struct EvaluationReport: Codable, Sendable {
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
  /// Mean over the samples, or over the labels of sequences.
  package let loss: Double
  /// Nil for numbers, as the next.
  package let classNames: [String]?
  /// Nil also for very many classes.
  package let confusion: ConfusionMatrix?
  /// Nil where `confusion` is.
  package let classBaseline: ClassBaseline?
  /// Of the next token of a text by unigrams, bigrams and trigrams of the training text; nil for other data.
  package let tokenCountLosses: [Double]?
  /// Nil for classes.
  package let regression: Regression?

  /// More classes than fit a line of a terminal are not printed as a matrix.
  private static let widestTable = 20

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
      exactMatch = nil
      perplexity = nil
      classNames = nil
      confusion = nil
      classBaseline = nil
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
      regression = nil
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

  /// A line a class: precision, recall, specificity, F1, support; then their macro averages. Nil without a matrix.
  package var measuresByClass: String? {
    guard let classNames, let confusion else { return nil }
    return confusion.measures(classNames: classNames)
  }

  private static func percent(_ share: Double?) -> String { share.map { String(format: "%.2f %%", $0 * 100) } ?? "–" }

  /// Five digits that count.
  private static func number(_ value: Double?) -> String { value.map { String(format: "%.5g", $0) } ?? "–" }
}
