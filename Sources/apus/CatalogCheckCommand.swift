import ArgumentParser
import Catalog
import Units

struct CatalogCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Hold the catalog to what `aws ec2 describe-instance-types` prints.",
    discussion: """
      Without a file: to the sample of all 70 types that Apus ships, which moto (Apache-2.0) recorded. Where AWS is \
      known to be wrong the catalog keeps its own value and says why; a difference that nothing explains ends with \
      exit code 3.

      Example:
        aws ec2 describe-instance-types --region us-east-1 > types.json && apus catalog check types.json
      """)

  @Argument(help: ArgumentHelp("JSON of describe-instance-types; - is standard input.", valueName: "file"))
  var file: String?

  @OptionGroup var options: CatalogOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let check = try CatalogCheck(try options.load(), against: file)
    Console.print(json ? try JSONOutput.text(check) : check.text)
    guard check.unexplained.isEmpty else {
      throw CatalogError(
        .unexplainedDifference, "\(check.unexplained.count) of \(check.values) values differ, and nothing explains it",
        remedy: "import the file if it is newer, or correct the rows; `apus catalog show TYPE` names their sources")
    }
  }
}

extension CatalogCheck {
  fileprivate var text: String {
    var parts: [String] = []
    if !unexplained.isEmpty {
      var table = TextTable([("instance", .left), ("difference", .left), ("catalog", .right), ("file", .right)])
      for entry in unexplained { table.append([entry.instance, entry.attribute, entry.ours ?? "–", entry.theirs]) }
      parts.append(table.text)
    }
    if !known.isEmpty {
      let lines = known.map { entry in
        "\(entry.instance): \(entry.attribute) is \(entry.theirs) there; kept \(entry.ours ?? "none") because "
          + "\(entry.reason ?? "") (\(entry.source?.title ?? ""), \(entry.asOf.map { "\($0)" } ?? ""))"
      }
      parts.append((["known differences:"] + lines.map { "  " + $0 }).joined(separator: "\n"))
    }
    if !ignored.isEmpty { parts.append(ImportReport.Ignored.text(ignored)) }
    if !absent.isEmpty { parts.append("not in the file: \(absent.joined(separator: ", "))") }
    parts.append(
      "\(file): \(types) instance types, \(values) values compared, \(known.count) known differences, "
        + "\(unexplained.count) unexplained")
    return parts.joined(separator: "\n\n")
  }
}

extension ImportReport.Ignored {
  /// What was passed over, with an example each.
  static func text(_ ignored: [Self]) -> String {
    (["ignored:"] + ignored.map { "  \($0.count.grouped) × \($0.reason) (\($0.example))" }).joined(separator: "\n")
  }
}
