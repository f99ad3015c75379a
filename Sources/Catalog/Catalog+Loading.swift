import Units
import Glibc

/// A catalog whose files are refused, with all that is wrong with them.
package struct InvalidCatalog: Error, Hashable, Sendable, CustomStringConvertible {
  /// Not empty; at most 20.
  package let problems: [CatalogError]

  package var description: String { problems.map(\.description).joined(separator: "\n") }
}

extension Catalog {
  /// The catalog that Apus ships.
  ///
  /// - Throws: `InvalidCatalog` if its files are damaged, which a test sees to.
  package static func shipped() throws(InvalidCatalog) -> Catalog {
    var loader = CatalogLoader()
    do throws(CatalogError) { try loader.readShipped() } catch { loader.problems.append(error) }
    return try loader.catalog()
  }

  /// The shipped catalog with the files of `directory` over it, such as `apus catalog import` writes them: any of
  /// sources.csv, accelerators.csv, instances.csv and prices.csv. Of two values of one attribute the later one counts,
  /// on the same date the directory's; prices of all dates are kept.
  ///
  /// - Throws: `InvalidCatalog`, with file, line and column of what is wrong.
  package init(directory: String) throws(InvalidCatalog) {
    var loader = CatalogLoader()
    do throws(CatalogError) {
      try loader.readShipped()
      try loader.read(directory: directory)
    } catch { loader.problems.append(error) }
    self = try loader.catalog()
  }
}

/// Reads the files of a catalog, row by row, and collects what is wrong with them.
struct CatalogLoader {
  /// What the files of a directory say, without what they are laid over.
  struct Own {
    var sources: [FactSource] = []
    var accelerators: [Fact] = []
    var instances: [Fact] = []
    var prices: [Price] = []
  }

  private(set) var own = Own()
  private var isReadingDirectory = false
  private(set) var sources: [String: FactSource] = [:]
  private var accelerators: [String: FactSheet] = [:]
  private var instances: [String: FactSheet] = [:]
  private var prices: [Price] = []
  /// Where things are said, to tell where a reference points nowhere.
  private var references: [(kind: CatalogFile, name: String, from: Place)] = []
  private var places: [String: Place] = [:]
  var problems: [CatalogError] = []

  init() {}

  mutating func readShipped() throws(CatalogError) {
    for file in CatalogFile.allCases { try read(file, file.shipped) }
  }

  /// - Throws: `CatalogError` with code `.unreadable` if there is no such directory or none of the files in it.
  mutating func read(directory: String) throws(CatalogError) {
    var found = 0
    isReadingDirectory = true
    defer { isReadingDirectory = false }
    for file in CatalogFile.allCases {
      guard let reader = try file.reader(in: directory) else { continue }
      found += 1
      try read(file, reader)
    }
    guard found > 0 else {
      throw CatalogError(
        .unreadable, "no catalog there", remedy: "make one with `apus catalog import … --into \(directory)`",
        file: directory)
    }
  }

  mutating func read(_ file: CatalogFile, _ bytes: consuming ByteReader) throws(CatalogError) {
    var table = try CSVTable(CSVReader(bytes), required: file.columns, optional: [])
    var seen: [[String]: Place] = [:]
    while problems.count < 20, let row = try table.next() {
      do throws(CatalogError) {
        let key = try read(row, of: file)
        if let first = seen.updateValue(row.place, forKey: key) {
          throw CatalogError(
            .duplicate, at: row.place, "\(key.joined(separator: ", ")) again, first in line \(first.line)",
            remedy: "keep one of the two rows")
        }
      } catch { problems.append(error) }
    }
  }

  /// Takes a row and returns what no other row of the file may have.
  private mutating func read(_ row: CSVTable.Row, of file: CatalogFile) throws(CatalogError) -> [String] {
    switch file {
    case .sources:
      let key = try name(row["source"])
      let source = FactSource(key: key, title: try name(row["title"]))
      sources[key] = source
      if isReadingDirectory { own.sources.append(source) }
      return [key]
    case .accelerators:
      let fact = try fact(row, subject: "accelerator", Self.acceleratorAttributes)
      if isReadingDirectory { own.accelerators.append(fact) }
      accelerators[fact.subject, default: FactSheet(subject: fact.subject)].take(fact)
      places[fact.subject] = places[fact.subject] ?? row.place
      return [fact.subject, fact.attribute]
    case .instances:
      let fact = try fact(row, subject: "instance", Self.instanceAttributes)
      if isReadingDirectory { own.instances.append(fact) }
      instances[fact.subject, default: FactSheet(subject: fact.subject)].take(fact)
      places[fact.subject] = places[fact.subject] ?? row.place
      return [fact.subject, fact.attribute]
    case .prices:
      let price = try price(row)
      prices.append(price)
      if isReadingDirectory { own.prices.append(price) }
      references.append((.instances, price.instance, row["instance"].place))
      return [
        price.instance, price.region, price.zone ?? "", price.kind.rawValue, price.terms ?? "",
        price.asOf.description, price.source.key,
      ]
    }
  }

  private static let acceleratorAttributes = Dictionary(
    uniqueKeysWithValues: Attribute.ofAccelerators.map { ($0.name, $0) })
  private static let instanceAttributes = Dictionary(
    uniqueKeysWithValues: Attribute.ofInstances.map { ($0.name, $0) })

  private mutating func fact(
    _ row: CSVTable.Row, subject: String, _ attributes: [String: Attribute]
  ) throws(CatalogError) -> Fact {
    let name = try name(row[subject])
    guard let attribute = attributes[row["attribute"].text] else {
      let near = CatalogError.unknown(
        "attribute", row["attribute"].text, among: attributes.keys.sorted(), list: "apus catalog show")
      throw CatalogError(
        .unknownReference, at: row["attribute"].place, "unknown attribute '\(row["attribute"].text)'",
        remedy: near.remedy)
    }
    let unit = row["unit"].text.isEmpty ? nil : row["unit"].text
    if let complaint = attribute.complaint(value: row["value"].text, unit: unit) {
      throw CatalogError(
        .invalidValue, at: row["value"].place, "\(name): \(complaint.problem)", remedy: complaint.remedy)
    }
    if case .accelerator = attribute.form { references.append((.accelerators, row["value"].text, row["value"].place)) }
    return Fact(
      subject: name, attribute: attribute.name, value: row["value"].text, unit: unit, source: try source(row),
      asOf: try date(row), note: row["note"].text.isEmpty ? nil : row["note"].text)
  }

  private func price(_ row: CSVTable.Row) throws(CatalogError) -> Price {
    guard let kind = Price.Kind(rawValue: row["kind"].text) else {
      throw CatalogError(
        .invalidValue, at: row["kind"].place, "'\(row["kind"].text)' as the kind of a price",
        remedy: "write one of \(Price.Kind.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return Price(
      instance: try name(row["instance"]), region: try name(row["region"]),
      zone: row["zone"].text.isEmpty ? nil : row["zone"].text, kind: kind,
      terms: row["terms"].text.isEmpty ? nil : row["terms"].text, hourly: try Self.money(row["usd_per_hour"]),
      source: try source(row), asOf: try date(row), note: row["note"].text.isEmpty ? nil : row["note"].text)
  }

  /// Dollars an hour: above 0 and below 100,000, no exponent, no sign.
  static func money(_ field: CSVReader.Field) throws(CatalogError) -> Money {
    guard let dollars = Measure.number(field.text), dollars > 0, dollars < 100_000 else {
      throw CatalogError(
        .invalidValue, at: field.place, "'\(field.text)' as a price an hour",
        remedy: "write US dollars above 0 and below 100000, such as 21.957642; leave the row out where none is known")
    }
    return Money(dollars: dollars)
  }

  private func name(_ field: CSVReader.Field) throws(CatalogError) -> String {
    guard !field.text.isEmpty, field.text.allSatisfy({ !$0.isNewline }) else {
      throw CatalogError(.invalidValue, at: field.place, "an empty field", remedy: "write what the header says")
    }
    return field.text
  }

  private func source(_ row: CSVTable.Row) throws(CatalogError) -> FactSource {
    guard let source = sources[row["source"].text] else {
      throw CatalogError(
        .unknownReference, at: row["source"].place, "no source '\(row["source"].text)' in sources.csv",
        remedy: "add it there: a value without a source is refused")
    }
    return source
  }

  private func date(_ row: CSVTable.Row) throws(CatalogError) -> FactDate {
    guard let date = FactDate(row["as_of"].text) else {
      throw CatalogError(
        .invalidValue, at: row["as_of"].place, "'\(row["as_of"].text)' as a date",
        remedy: "write 2026-05-20, 2026-05 or 2026")
    }
    return date
  }

  /// What was read, with all references resolved.
  mutating func catalog() throws(InvalidCatalog) -> Catalog {
    for reference in references {
      let isThere =
        reference.kind == .accelerators ? accelerators[reference.name] != nil : instances[reference.name] != nil
      if !isThere {
        problems.append(
          CatalogError(
            .unknownReference, at: reference.from, "'\(reference.name)' is not in \(reference.kind.name)",
            remedy: "add it there, or correct the name"))
      }
    }
    for sheet in accelerators.values { problems += missing(Attribute.ofAccelerators, of: sheet, in: .accelerators) }
    for sheet in instances.values { problems += missing(Attribute.ofInstances, of: sheet, in: .instances) }
    guard problems.isEmpty else {
      throw InvalidCatalog(
        problems: Array(problems.sorted { ($0.file ?? "", $0.line ?? 0) < ($1.file ?? "", $1.line ?? 0) }.prefix(20)))
    }
    let known = accelerators.compactMapValues { Accelerator($0) }
    var types = instances.compactMapValues { InstanceType($0, accelerators: known) }
    let sorted = prices.sorted {
      ($0.asOf, $0.kind.rawValue, $0.region, $0.zone ?? "") < ($1.asOf, $1.kind.rawValue, $1.region, $1.zone ?? "")
    }
    for price in sorted { types[price.instance]?.prices.append(price) }
    return Catalog(accelerators: known, instances: types, sources: sources)
  }

  private func missing(_ attributes: [Attribute], of sheet: FactSheet, in file: CatalogFile) -> [CatalogError] {
    attributes.filter { $0.isRequired && sheet.facts[$0.name] == nil }.map { attribute in
      let place = places[sheet.subject]
      return CatalogError(
        .invalidValue, "\(sheet.subject) has no '\(attribute.name)'", remedy: "add a row with it",
        file: place?.file ?? file.name, line: place?.line, column: place?.column)
    }
  }
}
