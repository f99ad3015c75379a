import ArgumentParser
import Catalog
import Units

/// `apus catalog`: its subcommands are files of their own.
struct CatalogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalog",
    abstract: "Instance types, accelerators and prices, each value with its source and date.",
    discussion: """
      Examples:
        apus catalog list --family p4d --family trn1
        apus catalog show p4d.24xlarge
        apus catalog compare p4d.24xlarge trn1.32xlarge
        apus catalog import --describe types.json --into my-catalog
      """,
    subcommands: [
      CatalogListCommand.self, CatalogShowCommand.self, CatalogCompareCommand.self, CatalogCheckCommand.self,
      CatalogImportCommand.self,
    ])
}

/// Which catalog: the shipped one, or a user's imports over it.
struct CatalogOptions: ParsableArguments {
  @Option(name: .customLong("catalog"), help: ArgumentHelp("Lay the files of DIR over it.", valueName: "dir"))
  var directory: String?

  func load() throws -> Catalog { try directory.map { try Catalog(directory: $0) } ?? Catalog.shipped() }
}

/// A rate that tells accelerators apart: of the 16-bit format that training uses.
struct TrainingPeak: Encodable, Hashable {
  let precision: Accelerator.Precision
  let rate: FLOPRate

  /// That of bf16, or of fp16, or of fp32 where nothing narrower is published; nil where nothing is.
  init?(_ accelerator: Accelerator) {
    let published = [.bf16, .fp16, .fp32].compactMap { precision in
      accelerator.peak(for: precision).map { (precision, $0) }
    }
    guard let (precision, rate) = published.first else { return nil }
    self.precision = precision
    self.rate = rate
  }

  var text: String { "\(rate) \(precision.rawValue)" }
}
