import ArgumentParser
import Catalog
import CostModel
import Foundation
import Units

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Predict published training runs, and compare.",
    discussion: """
      Reads a CSV file of runs (columns: id, source, model, accelerator, framework, step_time_s and, as far as they are \
      known, the shapes of the model and the layout; see the article on calibration). Without a file, the runs that the \
      calibration comes from. Errors are |predicted / published - 1|.

      Examples:
        apus validate
        apus validate my-runs.csv --json
        apus validate --folds sources
        apus validate --refit Sources/CostModel/Resources
      """)

  enum Folds: String, ExpressibleByArgument, CaseIterable { case clusters, sources }

  @Argument(help: "A CSV file of runs, gzip too, or - for standard input.")
  var runs: String?

  @Option(
    help: """
      Predict each run by a calibration fitted to the others: without its cluster (source, model and platform), in ten \
      rounds, or without its source.
      """)
  var folds: Folds?

  @Option(help: "Fit the constants to the runs, and write them to this folder. Takes some minutes.")
  var refit: String?

  @Option(help: "Use the constants of this folder.")
  var calibration: String?

  @Flag(help: "Leave out the table of rows.")
  var summary = false

  @OptionGroup var options: CatalogOptions

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if folds != nil, refit != nil { throw ValidationError("--folds and --refit exclude each other; give one of them") }
  }

  func run() throws {
    let catalog = try options.load()
    let rows = try runs.map { try PublishedRun.rows(path: $0) } ?? Calibration.shippedRuns()
    let validation = Validation(rows, catalog: catalog)
    if let refit {
      let fitted = Calibration(refitting: validation.steps)
      for file in fitted.files {
        let path = refit + "/" + file.name
        try Data(file.text.utf8).write(to: URL(filePath: path), options: .atomic)
        Console.complain("wrote \(path)")
      }
      return try report(ValidationReport(validation, calibration: fitted))
    }
    if let folds {
      let fold: CrossValidation.Folds = folds == .clusters ? .clusters(10) : .sources
      return try report(ValidationReport(validation, folds: CrossValidation(validation.steps, folds: fold)))
    }
    let chosen = try calibration.map { try Calibration(directory: $0) } ?? Calibration.shipped()
    try report(ValidationReport(validation, calibration: chosen))
  }

  private func report(_ report: ValidationReport) throws {
    if json { return Console.print(try JSONOutput.text(report)) }
    Console.print(ValidationText(report, rows: !summary).text)
  }
}
