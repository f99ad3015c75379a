import Units

/// The catalog held to what DescribeInstanceTypes says.
package struct CatalogCheck: Hashable, Codable, Sendable {
  package struct Difference: Hashable, Codable, Sendable {
    package let instance: String
    package let attribute: String
    /// Nil if the catalog has no value.
    package let ours: String?
    package let theirs: String
    /// Why ours was kept; nil if nobody knows.
    package let reason: String?
    package let source: FactSource?
    package let asOf: FactDate?
  }

  /// What was read.
  package let file: String
  /// Instance types that were compared.
  package let types: Int
  /// Values that were compared.
  package let values: Int
  /// Differences that the catalog knows of, with the reason why it keeps its own value.
  package let known: [Difference]
  package let unexplained: [Difference]
  /// Types of the catalog that the file does not describe.
  package let absent: [String]
  package let ignored: [ImportReport.Ignored]

  /// - Parameter path: what `aws ec2 describe-instance-types` printed; nil for the sample that Apus ships.
  /// - Throws: `CatalogError`.
  package init(_ catalog: Catalog, against path: String?) throws(CatalogError) {
    var records = DescribeInstanceTypes(
      catalog: catalog, asOf: CatalogImport.date(of: path ?? "-"), name: path ?? "sample")
    if let path {
      try records.read(try ByteReader(path: path))
    } else {
      try records.read(Shipped.describeSample)
    }
    file = path.map { $0 == "-" ? "standard input" : $0 } ?? "the shipped sample of DescribeInstanceTypes"
    let reasons = try KnownDifference.shipped(sources: catalog.sources)
    var known: [Difference] = []
    var unexplained: [Difference] = []
    var count = 0
    for theirs in records.batch.facts.map(\.fact) + records.batch.checks.map(\.fact) {
      guard let instance = catalog.instances[theirs.subject] else { continue }
      count += 1
      guard let ours = Self.difference(of: instance, from: theirs) else { continue }
      let reason = reasons.first { $0.explains(theirs) }
      let difference = Difference(
        instance: instance.name, attribute: theirs.attribute, ours: ours.isEmpty ? nil : ours, theirs: theirs.text,
        reason: reason?.reason, source: reason?.theirs.source, asOf: reason?.theirs.asOf)
      if reason == nil { unexplained.append(difference) } else { known.append(difference) }
    }
    self.known = known
    self.unexplained = unexplained
    values = count
    types = records.described.count
    absent = catalog.sortedInstances.map(\.name).filter { !records.described.contains($0) }
    ignored = ImportReport(records.batch).ignored
  }

  /// Our value if it differs, "" if there is none; nil if it is the same.
  private static func difference(of instance: InstanceType, from theirs: Fact) -> String? {
    let ours: Fact?
    switch theirs.attribute {
    case "accelerator_memory":
      // The API has counted memory in several ways; a tenth less than is sold is what the hardware keeps for itself.
      guard let reported = Measure(value: theirs.value, unit: theirs.unit) else { return "" }
      let share = reported.baseUnits / Double(instance.accelerator.memory.value.count)
      return (0.9...1.0).contains(share) ? nil : "\(instance.accelerator.memory.value)"
    case "network_cards_sum": ours = instance.facts.first { $0.attribute == "network_peak" }
    default: ours = instance.facts.first { $0.attribute == theirs.attribute }
    }
    guard let ours else { return "" }
    return ours.hasValue(of: theirs) ? nil : ours.text
  }
}

/// A value of the API that the catalog does not take, and why.
private struct KnownDifference {
  let theirs: Fact
  let reason: String

  func explains(_ fact: Fact) -> Bool {
    fact.subject == theirs.subject && fact.attribute == theirs.attribute && fact.hasValue(of: theirs)
  }

  static func shipped(sources: [String: FactSource]) throws(CatalogError) -> [KnownDifference] {
    let columns = ["instance", "attribute", "theirs", "unit", "reason", "source", "as_of"]
    var table = try CSVTable(CSVReader(Shipped.knownDifferences), required: columns, optional: [])
    var differences: [KnownDifference] = []
    while let row = try table.next() {
      guard let source = sources[row["source"].text], let date = FactDate(row["as_of"].text) else {
        throw CatalogError(.unknownReference, at: row.place, "no such source or date", remedy: "correct the row")
      }
      let theirs = Fact(
        subject: row["instance"].text, attribute: row["attribute"].text, value: row["theirs"].text,
        unit: row["unit"].text.isEmpty ? nil : row["unit"].text, source: source, asOf: date, note: nil)
      differences.append(KnownDifference(theirs: theirs, reason: row["reason"].text))
    }
    return differences
  }
}
