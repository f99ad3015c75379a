import Units

/// Compares what a file says with what is known, and makes the new contents of a catalog's directory.
struct ImportMerge {
  let catalog: Catalog
  let batch: ImportBatch
  private(set) var own: CatalogLoader.Own
  var report: ImportReport
  private(set) var hasNews = false
  private var changesFacts = false
  private var changesPrices = false
  /// Rows of the directory that a later one of the same price replaces.
  private var superseded: Set<Price> = []

  init(catalog: Catalog, own: CatalogLoader.Own, batch: ImportBatch) {
    self.catalog = catalog
    self.own = own
    self.batch = batch
    report = ImportReport(batch)
  }

  /// - Throws: `CatalogError` with code `.contradiction` if a value differs from one of the same source and date.
  mutating func run() throws(CatalogError) {
    for entry in batch.facts { try merge(entry) }
    var known: [[String]: [Price]] = [:]
    for price in catalog.instances.values.flatMap(\.prices) { known[Self.key(price), default: []].append(price) }
    for entry in batch.prices { try merge(entry, known[Self.key(entry.price)] ?? []) }
    hasNews = changesFacts || changesPrices
    own.prices.removeAll(where: superseded.contains)
    if hasNews, !own.sources.contains(where: { $0.key == batch.source.key }) { own.sources.append(batch.source) }
  }

  /// All files of the directory, sources first: what refers to them comes later.
  var files: [(kind: CatalogFile, text: String, isChanged: Bool)] {
    var files = [(CatalogFile.sources, Self.table(.sources, own.sources.map { [$0.key, $0.title] }), hasNews)]
    if !own.accelerators.isEmpty {
      files.append((.accelerators, Self.table(.accelerators, own.accelerators.map(Self.row)), false))
    }
    if !own.instances.isEmpty {
      files.append((.instances, Self.table(.instances, own.instances.map(Self.row)), changesFacts))
    }
    if !own.prices.isEmpty {
      files.append((.prices, Self.table(.prices, own.prices.map(Self.row)), changesPrices))
    }
    return files
  }

  private mutating func merge(_ entry: ImportBatch.ImportedFact) throws(CatalogError) {
    let fact = entry.fact
    guard let known = catalog.instances[fact.subject]?.facts.first(where: { $0.attribute == fact.attribute }) else {
      report.added.append(change(fact, nil))
      return take(fact, note: nil)
    }
    if known.hasValue(of: fact) {
      guard fact.asOf > known.asOf else {
        report.unchanged += 1
        return
      }
      report.confirmed += 1
      return take(fact, note: known.note)
    }
    if fact.asOf > known.asOf {
      report.changed.append(change(fact, known))
      return take(fact, note: nil)
    }
    if fact.asOf == known.asOf, known.source.key == fact.source.key {
      throw CatalogError(
        .contradiction, at: entry.place,
        "\(fact.subject): \(fact.attribute) is \(fact.text), but \(known.text) by an import of the same date",
        remedy: "give the later file its date with --as-of; nothing was imported")
    }
    report.older.append(change(fact, known))
  }

  private mutating func take(_ fact: Fact, note: String?) {
    changesFacts = true
    own.instances.removeAll { $0.subject == fact.subject && $0.attribute == fact.attribute }
    own.instances.append(
      Fact(
        subject: fact.subject, attribute: fact.attribute, value: fact.value, unit: fact.unit, source: fact.source,
        asOf: fact.asOf, note: note))
  }

  private mutating func merge(_ entry: ImportBatch.ImportedPrice, _ known: [Price]) throws(CatalogError) {
    let price = entry.price
    if let same = known.first(where: { $0.asOf == price.asOf && Self.isSame($0, price) }) {
      if same.source.key != price.source.key { report.confirmed += 1 } else { report.unchanged += 1 }
      return
    }
    if let other = known.first(where: { $0.asOf == price.asOf && $0.source.key == price.source.key }) {
      throw CatalogError(
        .contradiction, at: entry.place,
        "\(price.instance) costs \(price.hourly.exact) an hour in \(price.zone ?? price.region), "
          + "but \(other.hourly.exact) by an import of the same date",
        remedy: "give the later file its date with --as-of; nothing was imported")
    }
    guard let newest = known.max(by: { $0.asOf < $1.asOf }) else {
      report.added.append(change(price, nil))
      return take(price)
    }
    if price.asOf < newest.asOf {
      if Self.isSame(newest, price) {
        report.unchanged += 1
        return
      }
      report.older.append(change(price, newest))
      return take(price)
    }
    if Self.isSame(newest, price) {
      report.confirmed += 1
      // The directory keeps the latest confirmation of a price, not one a day.
      superseded.insert(newest)
    } else {
      report.changed.append(change(price, newest))
    }
    take(price)
  }

  private mutating func take(_ price: Price) {
    changesPrices = true
    own.prices.append(price)
  }

  private static func isSame(_ a: Price, _ b: Price) -> Bool { abs(a.hourly.count - b.hourly.count) < 0.5e-6 }

  private static func key(_ price: Price) -> [String] {
    [price.instance, price.region, price.zone ?? "", price.kind.rawValue, price.terms ?? ""]
  }

  private func change(_ fact: Fact, _ old: Fact?) -> ImportReport.Change {
    ImportReport.Change(
      subject: fact.subject, attribute: fact.attribute, old: old?.text, oldAsOf: old?.asOf, new: fact.text)
  }

  private func change(_ price: Price, _ old: Price?) -> ImportReport.Change {
    let place = price.zone ?? price.region
    return ImportReport.Change(
      subject: price.instance,
      attribute: [price.kind.rawValue, price.terms, place].compactMap { $0 }.joined(separator: ", "),
      old: old?.hourly.exact, oldAsOf: old?.asOf, new: price.hourly.exact)
  }

  private static func row(_ fact: Fact) -> [String] {
    [
      fact.subject, fact.attribute, fact.value, fact.unit ?? "", fact.source.key, fact.asOf.description,
      fact.note ?? "",
    ]
  }

  private static func row(_ price: Price) -> [String] {
    [
      price.instance, price.region, price.zone ?? "", price.kind.rawValue, price.terms ?? "",
      plainNumber(price.hourly.dollars), price.source.key, price.asOf.description, price.note ?? "",
    ]
  }

  private static func table(_ file: CatalogFile, _ rows: [[String]]) -> String {
    ([file.columns] + rows.sorted { $0.lexicographicallyPrecedes($1) }).map { row in
      row.map { field in
        field.contains { $0 == "," || $0 == "\"" || $0.isNewline }
          ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
      }.joined(separator: ",") + "\n"
    }.joined()
  }
}
