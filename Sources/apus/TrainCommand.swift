import ArgumentParser
import Collectives
import Glibc
import Jobs
import Kernels
import Training

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a job's network on the ranks that mpirun started, or on all cores of this machine.",
    discussion: """
      The weights are the same, bit for bit, on any number of ranks. Without mpirun the ranks are threads.

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

  @Option(help: "Ranks to start as threads of this process, without mpirun; default: the cores, at most the shards.")
  var ranks: Int?

  @Option(help: "Cores a rank's kernels use; default: 1. Runs with another number end with other bits.")
  var threads: Int?

  @Option(help: "Train this many epochs instead of the job's.")
  var epochs: Int?

  @Option(
    help:
      "How many shards each rank takes in proportion to the others, such as 2,1 for a second host of half the speed.")
  var shares: String?

  @Option(
    help: "Send gradients while backward runs: auto, on or off. auto: over a network, or where a core is left for it.")
  var overlap = "auto"

  @Option(help: "Write a trace of what each rank did when, for ui.perfetto.dev.")
  var trace: String?

  @Option(
    name: .customLong("collective-timeout"),
    help: "Seconds that a rank waits for another one in an all-reduce of gradients; then it ends (6).")
  var timeout = 30.0

  func validate() throws {
    guard timeout > 0, timeout <= 86_400 else {
      throw ValidationError("--collective-timeout \(timeout) is not in 0 … 86400 seconds")
    }
    if let shares, shareNumbers == nil {
      throw ValidationError("--shares \(shares): give a number above 0 for each rank, such as 2,1")
    }
    guard Ranks.Overlap(rawValue: overlap) != nil else {
      throw ValidationError("--overlap '\(overlap)' is none of auto, on, off")
    }
    if let ranks, ranks < 1 { throw ValidationError("--ranks \(ranks): train on at least one rank") }
    if let threads, threads < 1 { throw ValidationError("--threads \(threads): a rank uses at least one core") }
    if let epochs, epochs < 1 { throw ValidationError("--epochs \(epochs): train at least one epoch") }
  }

  private var shareNumbers: [Double]? {
    guard let shares else { return nil }
    let words = shares.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = words.compactMap { Double($0) }.filter { $0 > 0 && $0.isFinite }
    return numbers.count == words.count ? numbers : nil
  }

  func run() throws {
    let run = TrainingRun(
      jobPath: job, epochs: epochs, runDirectory: runDirectory, resume: resume, threads: threads ?? 1,
      overlap: Ranks.Overlap(rawValue: overlap) ?? .auto, shares: shareNumbers, trace: trace,
      timeout: .seconds(timeout))
    StopSignal.install()
    guard !Ranks.isLaunched else {
      if let ranks {
        throw ValidationError("--ranks \(ranks) is for a run without a launcher; this one's ranks are mpirun's (-np)")
      }
      return try Ranks.run { try run.train(on: $0) }
    }
    let file = try JobFile(path: job)
    try file.requireKernels()
    let shards = file.job.training.shards
    let count = ranks ?? run.shares?.count ?? max(1, min(shards, Threads.allowedCores.count / run.threads))
    try Ranks.run(inProcess: count) { try run.train(on: $0) }
  }
}

/// What each rank does.
private struct TrainingRun: Sendable {
  let jobPath: String
  let epochs: Int?
  let runDirectory: String?
  let resume: Bool
  let threads: Int
  let overlap: Ranks.Overlap
  let shares: [Double]?
  let trace: String?
  let timeout: Duration

  func train(on ranks: Ranks) throws -> ExitStatus {
    let file = try Agreement.together(ranks.group, exitCode: { _ in ExitStatus.invalidInput.rawValue }) {
      try JobFile(path: jobPath).training(epochs: epochs)
    }
    let display = ProgressDisplay()
    defer { display.end() }
    let cores = try ranks.placeThreads(threads, overlap: overlap)
    var options = TrainingOptions(
      threads: cores.threads, runDirectory: runDirectory, resume: resume, overlaps: cores.overlaps,
      communicationCores: cores.spare, trace: trace)
    options.shares = shares
    options.collectiveTimeout = timeout
    let trainer = Trainer(file, group: ranks.group, options: options) { display.show($0) }
    switch try trainer.run() {
    case .finished(let evaluation):
      if let evaluation { Console.print(evaluation.text) }
      return .done
    case .stopped(let signal, let step):
      if ranks.group.rank == 0 {
        display.end()
        Console.complain(
          "stopped by signal \(signal) after step \(step), checkpoint written; go on with: "
            + "apus train \(jobPath) \(runDirectory.map { "--run-dir \($0) " } ?? "")--resume")
      }
      return signal == SIGINT ? .interrupted : .terminated
    }
  }
}
