import ArgumentParser
import Collectives
import Evaluation
import Foundation
import Jobs
import Training

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Test a trained network: accuracy and confusion matrix, measures by label, or RMSE, MAE and R².",
    discussion: """
      Reads the run's job and its newest whole checkpoint, and runs the job's test set through the network.

      Examples:
        apus evaluate runs/lenet5-fashion-mnist
        apus evaluate runs/lenet5-fashion-mnist --by-class
        apus evaluate runs/mlp-debtags --threshold 0.3
      """)

  @Argument(help: ArgumentHelp("The run's directory.", valueName: "run"))
  var directory: String

  @Option(help: "Another checkpoint file of the run.")
  var checkpoint: String?

  @Option(help: "Cores to use; default: all.")
  var threads: Int?

  @Option(help: "The probability from which a label, or the second of two classes with one output, is predicted.")
  var threshold: Double?

  @Flag(help: "Print precision, recall, specificity and F1 of each class too.")
  var byClass = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads \(threads): use at least one core") }
    if let threshold, !(threshold > 0 && threshold < 1) {
      throw ValidationError("--threshold \(threshold): use a probability between 0 and 1")
    }
  }

  func run() throws {
    try Ranks.run { try evaluate(on: $0) }
  }

  private func evaluate(on ranks: Ranks) throws -> ExitStatus {
    let run = try Agreement.together(ranks.group, exitCode: { Failure($0).code.rawValue }) {
      try SavedRun(directory: RunDirectory(path: directory), checkpoint: checkpoint)
    }
    let evaluation = try run.evaluate(
      on: ranks.group, threads: ranks.placeThreads(threads).threads, threshold: threshold)
    guard ranks.group.rank == 0 else { return .done }
    for damaged in run.passedOver { Console.complain("warning: passed over a damaged checkpoint: \(damaged)") }
    Console.print(json ? try JSONOutput.text(evaluation) : evaluation.text)
    if byClass, !json, let measures = evaluation.measuresByClass { Console.print("\n" + measures) }
    return .done
  }
}
