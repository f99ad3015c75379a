import ArgumentParser
import Catalog
import Units

struct CatalogImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Bring AWS's or SkyPilot's figures into a catalog of your own.",
    discussion: """
      Files are read as a stream, gzip is inflated, - is standard input. DIR keeps what differs from the shipped \
      catalog; use it with --catalog DIR. Values that are older than what is known are not taken, old prices are kept \
      as history. A file that contradicts itself or the catalog is refused, and DIR stays as it was.

      Examples:
        aws ec2 describe-instance-types --region us-east-1 | apus catalog import --describe - --into my-catalog
        apus catalog import --price-list index.json.gz --into my-catalog
        apus catalog import --skypilot vms.csv --as-of 2026-11-20 --into my-catalog
      """)

  @Option(help: ArgumentHelp("JSON of `aws ec2 describe-instance-types`.", valueName: "file"))
  var describe: String?

  @Option(help: ArgumentHelp("JSON or CSV of the AWS Price List, offer AmazonEC2.", valueName: "file"))
  var priceList: String?

  @Option(help: ArgumentHelp("SkyPilot's vms.csv of AWS: the source of spot prices.", valueName: "file"))
  var skypilot: String?

  @Option(help: ArgumentHelp("Folder of your catalog; made if need be.", valueName: "dir"))
  var into: String

  @Option(
    help: ArgumentHelp(
      "Date of the file's figures; default: what the price list says, else the file's last change.",
      valueName: "yyyy-mm-dd"))
  var asOf: String?

  @Flag(help: "Print JSON, with every change.")
  var json = false

  func validate() throws {
    guard [describe, priceList, skypilot].compactMap({ $0 }).count == 1 else {
      throw ValidationError("give one of --describe, --price-list and --skypilot")
    }
    if let asOf, FactDate(asOf) == nil {
      throw ValidationError("--as-of '\(asOf)' is no date; write it as in 2026-11-20")
    }
  }

  func run() throws {
    let format: CatalogImport.Format =
      describe != nil ? .describeInstanceTypes : priceList != nil ? .priceList : .skyPilot
    let report = try CatalogImport.run(
      format, path: describe ?? priceList ?? skypilot ?? "-", into: into, asOf: asOf.flatMap { FactDate($0) })
    Console.print(json ? try JSONOutput.text(report) : report.text)
  }
}

extension ImportReport {
  private static let shown = 40

  fileprivate var text: String {
    var parts = ["\(source), as of \(asOf)"]
    parts += [
      section("added", added), section("changed", changed),
      section("older than what is known (prices kept as history, other values not taken)", older),
    ].compactMap { $0 }
    if !ignored.isEmpty { parts.append(Ignored.text(ignored)) }
    let destination = written.isEmpty ? "nothing written: no news" : "written: \(written.joined(separator: ", "))"
    parts.append(
      "\(added.count.grouped) added, \(changed.count.grouped) changed, \(confirmed.grouped) confirmed, "
        + "\(unchanged.grouped) unchanged, \(older.count.grouped) older\n\(destination)")
    return parts.joined(separator: "\n\n")
  }

  private func section(_ title: String, _ changes: [Change]) -> String? {
    guard !changes.isEmpty else { return nil }
    var lines = ["\(title):"]
    for change in changes.prefix(Self.shown) {
      let old = change.old.map { "\($0)\(change.oldAsOf.map { " (\($0))" } ?? "") → " } ?? ""
      lines.append("  \(change.subject): \(change.attribute) \(old)\(change.new)")
    }
    if changes.count > Self.shown {
      lines.append("  … and \((changes.count - Self.shown).grouped) more; --json lists all")
    }
    return lines.joined(separator: "\n")
  }
}
