package import Evaluation
import Foundation
import Jobs

/// What a test of a trained network found.
package struct EvaluationReport: Codable, Sendable {
  package let job: String
  package let checkpoint: String
  package let step: Int
  package let samples: Int
  package let accuracy: Double?
  /// Mean over the samples.
  package let loss: Double
  package let classNames: [String]
  package let confusion: ConfusionMatrix

  init(_ job: Job, checkpoint: String, step: Int, samples: Int, _ result: EvaluationResult) {
    self.job = job.name
    self.checkpoint = checkpoint
    self.step = step
    self.samples = samples
    accuracy = result.confusion.accuracy
    loss = result.loss
    classNames =
      switch job.data.classes {
      case .names(let names): names
      case .count(let count): (0..<count).map(String.init)
      }
    confusion = result.confusion
  }

  package var text: String {
    let percent = accuracy.map { String(format: "%.2f %%", $0 * 100) } ?? "–"
    return """
      \(job), step \(step) (\(checkpoint))
      test accuracy \(percent), loss \(String(format: "%.4f", loss)), \(samples) samples

      confusion matrix: rows are true classes, columns predicted ones
      \(confusion.table(classNames: classNames))
      """
  }

  /// A line a class: precision, recall, specificity, F1, support; then their macro averages.
  package var measuresByClass: String { confusion.measures(classNames: classNames) }
}
