import ArgumentParser
import Foundation
import Jobs
import Training
import Units

struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Find a learning rate or a batch size for a job.",
    discussion: """
      --learning-rate trains the job's network for a few hundred steps with a rate that grows exponentially, and prints \
      the loss at each rate (Smith 2017). --batch measures whole training steps in batches of 16 to 1024 samples. Both \
      compute on one rank and keep nothing.

      Examples:
        apus tune cluster/jobs/lenet5-fashion-mnist.yaml --learning-rate
        apus tune cluster/jobs/lenet5-fashion-mnist.yaml --batch --json
      """)

  @Argument(help: "The job file.")
  var job: String

  @Flag(help: "Test a range of learning rates.")
  var learningRate = false

  @Flag(help: "Measure a range of batch sizes.")
  var batch = false

  @Option(help: "The least learning rate.")
  var from = 1e-6

  @Option(help: "The greatest learning rate.")
  var to = 10.0

  @Option(help: "Steps, one a learning rate.")
  var steps = 200

  @Option(help: "Cores that the kernels use.")
  var threads = 1

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard learningRate != batch else { throw ValidationError("give one of --learning-rate and --batch") }
    guard from > 0, to > from, to.isFinite else {
      throw ValidationError("--from \(from) --to \(to): rates are above 0, the second greater than the first")
    }
    if steps < 20 { throw ValidationError("--steps \(steps): take at least 20") }
    if threads < 1 { throw ValidationError("--threads \(threads): use at least one core") }
  }

  func run() throws {
    let file = try JobFile(path: job)
    if learningRate {
      let test = try LearningRateTest(file, rates: from...to, steps: steps, threads: threads)
      Console.print(json ? try JSONOutput.text(LearningRateOutput(test: test, suggested: test.suggested)) : text(test))
    } else {
      let sizes = (4...10).map { 1 << $0 }
      let test = try BatchSizeTest(file, sizes: sizes, seconds: 0.3, threads: threads)
      Console.print(json ? try JSONOutput.text(BatchSizeOutput(test: test, suggested: test.suggested)) : text(test))
    }
  }

  private struct LearningRateOutput: Encodable {
    let test: LearningRateTest
    let suggested: Double?
  }

  private struct BatchSizeOutput: Encodable {
    let test: BatchSizeTest
    let suggested: Int?
  }

  /// Rows that a table of rates has at most.
  private static let rows = 25

  private func text(_ test: LearningRateTest) -> String {
    var table = TextTable([("learning rate", .right), ("loss", .right), ("smoothed", .right)])
    let every = max(1, (test.points.count + Self.rows - 1) / Self.rows)
    for point in test.points.enumerated().filter({ $0.offset % every == 0 }).map(\.element) {
      table.append([short(point.learningRate), point.loss.fixed(4), point.smoothedLoss.fixed(4)])
    }
    let end = test.hasDiverged ? "above \(short(test.points.last?.learningRate ?? from)) the loss leaps\n" : ""
    let advice =
      if let suggested = test.suggested {
        "suggested: learning_rate: \(short(suggested)), where the loss falls fastest"
      } else {
        "the loss has not fallen: try other rates by --from and --to, more --steps, or look at the model and data"
      }
    return """
      \(test.job): learning-rate range test, \(test.optimizer), batch \(test.batch)

      \(table.text)

      \(end)\(advice)
      """
  }

  private func text(_ test: BatchSizeTest) -> String {
    var table = TextTable([("batch", .right), ("step", .right), ("samples/s", .right), ("memory", .right)])
    for row in test.rows {
      table.append(["\(row.batch)", "\(row.stepSeconds)", Int(row.samplesPerSecond).grouped, "\(row.memory)"])
    }
    let advice =
      test.suggested.map {
        "suggested: batch: \($0), the smallest within a tenth of the greatest speed; a larger batch takes fewer, larger steps "
          + "an epoch, and often another learning rate"
      } ?? "there are fewer than 16 samples to train on: give the job more data"
    return """
      \(test.job): training speed by batch size, one rank, \(test.threads) \(test.threads == 1 ? "thread" : "threads")

      \(table.text)

      \(advice)
      """
  }

  private func short(_ value: Double) -> String { String(format: "%.3g", value) }
}
