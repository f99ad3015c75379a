import ArgumentParser
import Collectives
import Evaluation
import Foundation
import Jobs
import Training

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Test a trained network: accuracy, loss, confusion matrix.",
    discussion: """
      Reads the run's job and its newest whole checkpoint, and runs the job's test set through the network.

      Examples:
        apus evaluate runs/lenet5-fashion-mnist
        apus evaluate runs/lenet5-fashion-mnist --json
      """)

  @Argument(help: ArgumentHelp("The run's directory.", valueName: "run"))
  var directory: String

  @Option(help: "Another checkpoint file of the run.")
  var checkpoint: String?

  @Option(help: "Cores to use; default: all.")
  var threads: Int?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads \(threads): use at least one core") }
  }

  func run() throws {
    let ranks = try Ranks.join()
    defer { ranks.leave() }
    let evaluation = try SavedRun(directory: RunDirectory(path: directory), checkpoint: checkpoint)
      .evaluate(on: ranks.group, threads: try ranks.placeThreads(threads))
    guard ranks.group.rank == 0 else { return }
    Console.print(json ? try evaluation.json() : evaluation.text)
  }
}
