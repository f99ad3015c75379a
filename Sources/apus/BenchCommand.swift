import ArgumentParser
import Collectives
import Execution
import Foundation
import Jobs
import ModelGraph
import Training
import Units

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure this machine.",
    subcommands: [BenchCollectivesCommand.self, BenchTrainCommand.self])
}

struct BenchTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Measure whole training steps of a known network on generated data.",
    discussion: """
      Prints one line of JSON: the median step and the samples a second it makes. A step is forward, loss read back, \
      backward, all-reduce over the ranks, update. scripts/bench pairs it with PyTorch.

      Examples:
        apus bench train --workload lenet5
        mpirun -np 2 apus bench train --workload mlp --threads 1
        apus bench train --workload lenet5 --profile
      """)

  @Option(
    help: """
      mlp (784-512-256-10, batch 128 a rank), mlp-wide (784-4096-4096-10, batch 128), lenet5 (batch 64), rnn, lstm or gru (256 units over 100 tokens, batch \
      32), resnet18 (batch 32), resnet50 (batch 16), alexnet (batch 32) or googlenet (batch 16).
      """)
  var workload: String

  @Option(help: "Cores a rank uses; default: the host's cores divided by its ranks.")
  var threads: Int?

  @Option(help: "float32 or bfloat16: what convolutions and dense layers compute in.")
  var precision = "float32"

  @Option(help: "Samples a rank; default: the workload's own number.")
  var batch: Int?

  @Option(help: "reproducible or fastest: the order in which gradients are summed.")
  var reduction = "reproducible"

  @Option(help: "How large the pieces are in which gradients go out, such as '4 MB'; default: by the model's size.")
  var bucket: String?

  @Option(help: "float32 or bfloat16: what gradients travel in.")
  var gradientPrecision = "float32"

  @Option(help: "0, or 1 to share the optimizer states among the ranks.")
  var zero = 0

  @Option(help: "Send gradients while backward runs: auto, on or off; see 'apus train'.")
  var overlap = "auto"

  @Flag(help: "Measure a step without its all-reduce and the all-reduce alone too, and the share that is hidden.")
  var parts = false

  @Option(help: "How long to measure.")
  var seconds = 3.0

  @Flag(help: "Print where the time of a shard goes too, by operation and by kernel, on standard error.")
  var profile = false

  func validate() throws {
    guard TrainingBenchmark.Workload(rawValue: workload) != nil else {
      let names = TrainingBenchmark.Workload.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--workload '\(workload)' is none of \(names)")
    }
    guard let precision = Precision(rawValue: precision) else {
      throw ValidationError("--precision '\(precision)' is neither float32 nor bfloat16")
    }
    guard precision.isSupported else {
      throw ValidationError("--precision bfloat16: this processor has no instructions for it; use float32")
    }
    guard Jobs.Reduction(rawValue: reduction) != nil else {
      throw ValidationError("--reduction '\(reduction)' is neither reproducible nor fastest")
    }
    guard Precision(rawValue: gradientPrecision) != nil else {
      throw ValidationError("--gradient-precision '\(gradientPrecision)' is neither float32 nor bfloat16")
    }
    guard 0...1 ~= zero else { throw ValidationError("--zero \(zero) is neither 0 nor 1") }
    guard Ranks.Overlap(rawValue: overlap) != nil else {
      throw ValidationError("--overlap '\(overlap)' is none of auto, on, off")
    }
    if let bucket {
      do throws(BytesParseError) { _ = try Bytes.parse(bucket) } catch { throw ValidationError("--bucket: \(error)") }
    }
    if let batch, batch < 1 { throw ValidationError("--batch \(batch): a rank computes at least one sample") }
    guard seconds > 0, seconds <= 3600 else { throw ValidationError("--seconds \(seconds) is not in 0 … 3600") }
    if let threads, threads < 1 { throw ValidationError("--threads \(threads): a rank uses at least one core") }
  }

  func run() throws {
    try Ranks.run { try measure(on: $0) }
  }

  private func measure(on ranks: Ranks) throws -> ExitStatus {
    guard let workload = TrainingBenchmark.Workload(rawValue: workload),
      let precision = Precision(rawValue: precision)
    else { return .usage }
    let cores = try ranks.placeThreads(threads, overlap: Ranks.Overlap(rawValue: overlap) ?? .auto)
    var settings = TrainingBenchmark.Settings(threads: cores.threads)
    settings.precision = precision
    settings.batch = batch
    settings.reduction = Jobs.Reduction(rawValue: reduction) ?? .reproducible
    settings.bucket = try bucket.map { try Bytes.parse($0) }
    settings.overlaps = cores.overlaps
    settings.communicationCores = cores.spare
    settings.gradientPrecision = Precision(rawValue: gradientPrecision) ?? .float32
    settings.sharesStates = zero > 0
    settings.takesApart = parts
    let benchmark = try TrainingBenchmark(workload, group: ranks.group, settings: settings)
    let result = try benchmark.run(seconds: seconds)
    guard ranks.group.rank == 0 else { return .done }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    Console.print(String(decoding: try encoder.encode(result), as: UTF8.self))
    guard profile else { return .done }
    Console.complain(
      try ProfileText(benchmark.profile(), matrixProductSpeed: benchmark.matrixProductSpeed()).text)
    return .done
  }
}
