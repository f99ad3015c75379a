import ArgumentParser
import Execution
import Foundation
import Jobs
import Training
import Units

struct CheckGradientsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-gradients",
    abstract: "Compare a job's analytic gradients with numeric ones, by parameter.",
    discussion: """
      Takes the job's network at its initial weights and its first training samples. Numeric gradients are central \
      differences in double precision; the analytic ones are the graph's own backward, in double precision too; the \
      last column compares what the float32 kernels compute with them. Worst offenders first, by how many times an \
      error is what passes. Elements at a kink (ReLU at 0) \
      have no derivative and are counted apart. Exit code 7 if a gradient is wrong.

      Example:
        apus check-gradients cluster/jobs/lenet5-fashion-mnist.yaml
      """)

  @Argument(help: "The job file.")
  var job: String

  @Option(help: "Training samples to take.")
  var samples = 4

  @Option(help: "Elements of each parameter to check; 0 for all.")
  var perParameter = 20

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if samples < 1 { throw ValidationError("--samples \(samples): take at least one") }
    if perParameter < 0 { throw ValidationError("--per-parameter \(perParameter): check at least one, or 0 for all") }
  }

  func run() throws {
    let check = try JobGradientCheck(
      JobFile(path: job), samples: samples, samplesPerParameter: perParameter == 0 ? nil : perParameter,
      threads: ProcessInfo.processInfo.activeProcessorCount)
    Console.print(json ? try JSONOutput.text(check) : text(check))
    if !check.isPassed { throw ExitCode(ExitStatus.numericalFailure.rawValue) }
  }

  private func text(_ check: JobGradientCheck) -> String {
    var table = TextTable([
      ("parameter", .left), ("checked", .right), ("kinks", .right), ("element", .right), ("analytic", .right),
      ("numeric", .right), ("error", .right), ("float32 error", .right),
    ])
    for row in check.rows {
      let worst = row.check.worst
      table.append([
        row.check.name, "\(row.check.checkedCount.grouped) of \(row.check.elementCount.grouped)",
        "\(row.check.kinkCount)", worst.map { "\($0.element)" } ?? "–", worst.map { number($0.analytic) } ?? "–",
        worst.map { number($0.numeric) } ?? "–", worst.map { short($0.relativeError) } ?? "–",
        short(row.float32.relativeError),
      ])
    }
    let verdict = check.isPassed ? "passed" : "FAILED"
    return """
      \(check.job): gradients at the initial weights, \(check.samples) training samples

      \(table.text)

      \(verdict): errors up to \(short(JobGradientCheck.tolerance)) pass, float32 errors up to \
      \(short(JobGradientCheck.float32Tolerance))
      """
  }

  private func number(_ value: Double) -> String { String(format: "%.9g", value) }
  private func short(_ value: Double) -> String { String(format: "%.1e", value) }
}
