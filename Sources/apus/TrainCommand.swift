import ArgumentParser
import Collectives
import Glibc
import Jobs
import Training

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a job's network, alone or on the ranks that mpirun started.",
    discussion: """
      Everything a run leaves is in its directory, runs/NAME: the resolved job, records as JSON lines, checkpoints, the \
      report. SIGTERM or ctrl-C ends a run after the step at hand, with a checkpoint; --resume goes on from there.

      Examples:
        apus train cluster/jobs/lenet5-fashion-mnist.yaml
        mpirun -np 2 apus train cluster/jobs/lenet5-fashion-mnist.yaml
        mpirun -np 2 apus train cluster/jobs/lenet5-fashion-mnist.yaml --resume
      """)

  @Argument(help: "The job file.")
  var job: String

  @Option(name: .customLong("run-dir"), help: "Where the run keeps its files; default runs/NAME, then runs/NAME-2 …")
  var runDirectory: String?

  @Flag(help: "Go on from the newest checkpoint of the run.")
  var resume = false

  @Option(help: "Cores a rank uses; default: the host's cores divided by its ranks.")
  var threads: Int?

  @Option(help: "Train this many epochs instead of the job's.")
  var epochs: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads \(threads): a rank uses at least one core") }
    if let epochs, epochs < 1 { throw ValidationError("--epochs \(epochs): train at least one epoch") }
  }

  func run() throws {
    try Ranks.run { try train(on: $0) }
  }

  private func train(on ranks: Ranks) throws -> ExitStatus {
    StopSignal.install()
    let file = try Agreement.together(ranks.group, exitCode: { _ in ExitStatus.invalidInput.rawValue }) {
      try JobFile(path: job).training(epochs: epochs)
    }
    let display = ProgressDisplay()
    defer { display.end() }
    let options = TrainingOptions(
      threads: try ranks.placeThreads(threads), runDirectory: runDirectory, resume: resume)
    let trainer = Trainer(file, group: ranks.group, options: options) { display.show($0) }
    switch try trainer.run() {
    case .finished(let evaluation):
      if let evaluation { Console.print(evaluation.text) }
      return .done
    case .stopped(let signal, let step):
      if ranks.group.rank == 0 {
        display.end()
        Console.complain(
          "stopped by signal \(signal) after step \(step), checkpoint written; go on with: apus train \(job) --resume")
      }
      return signal == SIGINT ? .interrupted : .terminated
    }
  }
}
