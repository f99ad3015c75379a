import ArgumentParser
import Catalog
import CostModel

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Predict published training runs, or measured collectives, and compare.",
    discussion: """
      Reads a CSV file of runs (columns: id, source, model, accelerator, framework, step_time_s and, as far as they are \
      known, the shapes of the model and the layout; see the article on calibration). Without a file, the runs that the \
      calibration comes from. Errors are |predicted / published - 1|.

      With --fabrics it reads a CSV file of collectives (columns: hardware, nodes, gpus, collective, message_size_bytes, \
      algbw_GBps, busbw_GBps, time_us, kind, source) and predicts its measured all-reduces; without a file, those that \
      the constants of the fabrics come from.

      Examples:
        apus validate
        apus validate my-runs.csv --json
        apus validate --folds sources --summary
        apus validate --refit Sources/CostModel/Resources
        apus validate --fabrics my-collectives.csv --leave-out
        apus validate --fabrics --refit Sources/CostModel/Resources
      """)

  enum Folds: String, ExpressibleByArgument, CaseIterable { case clusters, sources }

  @Argument(help: ArgumentHelp("A CSV file, gzip too, or - for standard input.", valueName: "file"))
  var file: String?

  @Flag(help: "Collectives on fabrics instead of training runs.")
  var fabrics = false

  @Option(
    help: """
      Predict each run by a calibration fitted to the others: without its cluster (source, model and platform), in ten \
      rounds, or without its source.
      """)
  var folds: Folds?

  @Flag(help: "Predict each collective also by constants fitted without its size, and without its number of ranks.")
  var leaveOut = false

  @Option(
    help: ArgumentHelp(
      """
      Fit the constants to the file, and write them to this folder: constants.csv and residuals.csv, which takes some \
      minutes, or fabrics.csv.
      """, valueName: "dir"))
  var refit: String?

  @Option(help: ArgumentHelp("Use the constants of this folder.", valueName: "dir"))
  var calibration: String?

  @Flag(help: "Leave out the table of rows.")
  var summary = false

  @OptionGroup var options: CatalogOptions

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if folds != nil, refit != nil { throw Self.exclusive("--folds", "--refit") }
    if folds != nil, calibration != nil { throw Self.exclusive("--folds", "--calibration") }
    if refit != nil, calibration != nil { throw Self.exclusive("--refit", "--calibration") }
    if fabrics {
      if folds != nil { throw ValidationError("--folds is for runs; with --fabrics, give --leave-out") }
      if options.directory != nil { throw ValidationError("--fabrics reads no catalog; leave out --catalog") }
    } else if leaveOut {
      throw ValidationError("--leave-out is for collectives; for runs, give --folds, or add --fabrics")
    }
  }

  private static func exclusive(_ one: String, _ other: String) -> ValidationError {
    ValidationError("\(one) and \(other) exclude each other; give one of them")
  }

  func run() throws {
    if fabrics { try compareFabrics() } else { try compareRuns() }
  }

  // MARK: Runs

  private func compareRuns() throws {
    let catalog = try options.load()
    let rows = try file.map { try PublishedRun.rows(path: $0) } ?? Calibration.shippedRuns()
    let validation = Validation(rows, catalog: catalog)
    if let refit {
      let fitted = Calibration(refitting: validation.steps)
      try Self.write(fitted.files, to: refit)
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

  // MARK: Fabrics

  private func compareFabrics() throws {
    let rows = try file.map { try FabricMeasurement.read(ByteReader(path: $0)) } ?? FabricMeasurement.shipped()
    var constants = try FabricConstants.shipped()
    if let calibration { constants = try FabricConstants(ByteReader(path: "\(calibration)/\(FabricConstants.file)")) }
    if let refit {
      let fit = FabricFit(rows)
      constants = fit.constants(keeping: constants)
      for (kind, points) in fit.unfixed {
        Console.complain("kept \(kind.key): \(points) points cannot fix its constants")
      }
      try Self.write([(FabricConstants.file, constants.csv)], to: refit)
    }
    let validation = FabricValidation(rows, constants: constants, leavesOut: leaveOut)
    if json { return Console.print(try JSONOutput.text(validation)) }
    Console.print(FabricValidationText(validation, rows: !summary).text)
  }

  private static func write(_ files: [(name: String, text: String)], to folder: String) throws {
    try AtomicFile.makeDirectory(folder)
    for file in files {
      try AtomicFile.write(file.text, to: "\(folder)/\(file.name)")
      Console.complain("wrote \(folder)/\(file.name)")
    }
  }
}
