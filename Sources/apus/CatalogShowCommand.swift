import ArgumentParser
import Catalog
import Units

struct CatalogShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show all that is known of an instance type or an accelerator, each value with its source and date.",
    discussion: """
      Examples:
        apus catalog show p4d.24xlarge
        apus catalog show a100-sxm4-40gb --json
      """)

  @Argument(help: ArgumentHelp("An instance type or the key of an accelerator.", valueName: "type"))
  var subject: String

  @OptionGroup var options: CatalogOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let catalog = try options.load()
    let sheet =
      if let accelerator = catalog.accelerators[subject] { Sheet(accelerator) } else {
        Sheet(try catalog.instance(named: subject))
      }
    Console.print(json ? try JSONOutput.text(sheet) : sheet.text)
  }
}

/// All that is known of one thing.
private struct Sheet: Encodable {
  let name: String
  let facts: [Fact]
  /// Of the accelerator that an instance type carries.
  let accelerator: [Fact]?
  let prices: [Price]
  private let heading: String

  private enum CodingKeys: CodingKey { case name, facts, accelerator, prices }

  init(_ type: InstanceType) {
    name = type.name
    facts = type.facts
    accelerator = type.accelerator.facts
    prices = type.prices
    heading =
      "\(type.name): \(type.acceleratorCount.value) × \(type.accelerator.name.value), \(type.status.value.rawValue)"
  }

  init(_ accelerator: Accelerator) {
    name = accelerator.key
    facts = accelerator.facts
    self.accelerator = nil
    prices = []
    heading = "\(accelerator.key): \(accelerator.vendor.value) \(accelerator.name.value)"
  }

  var text: String {
    var parts = [heading, table(facts, Attribute.ofInstances + (accelerator == nil ? Attribute.ofAccelerators : []))]
    if let accelerator { parts += ["accelerator", table(accelerator, Attribute.ofAccelerators)] }
    if !prices.isEmpty { parts += ["prices an hour, newest first", priceTable] }
    let lists = facts.filter(isLong).map { "\($0.attribute): \(wrapped($0.value))" }
    return (parts + lists).joined(separator: "\n\n")
  }

  /// A list that is too long for a cell: it is printed below, the cell says how many it has.
  private func isLong(_ fact: Fact) -> Bool { fact.value.count > 60 && fact.attribute == "regions" }

  private func table(_ facts: [Fact], _ attributes: [Attribute]) -> String {
    var table = TextTable([("", .left), ("value", .left), ("as of", .left), ("source; note", .left)])
    // Both lists have "memory" and "cores", with the same titles.
    let titles = Dictionary(attributes.map { ($0.name, $0.title) }) { first, _ in first }
    for fact in facts {
      let value = isLong(fact) ? "\(fact.value.split(separator: " ").count), below" : fact.text
      table.append([
        titles[fact.attribute] ?? fact.attribute, value, "\(fact.asOf)",
        [fact.source.title, fact.note].compactMap { $0 }.joined(separator: "; "),
      ])
    }
    return table.text
  }

  private var priceTable: String {
    var table = TextTable([("", .left), ("value", .right), ("where", .left), ("as of", .left), ("source; note", .left)])
    for price in prices.reversed() {
      table.append([
        price.kind.rawValue, price.hourly.exact, price.zone ?? price.region, "\(price.asOf)",
        [price.source.title, price.terms, price.note].compactMap { $0 }.joined(separator: "; "),
      ])
    }
    return table.text
  }

  private func wrapped(_ words: String) -> String {
    var lines = [""]
    for word in words.split(separator: " ") {
      if lines[lines.count - 1].count + word.count > 100 { lines.append("") }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines.joined(separator: "\n  ")
  }
}
