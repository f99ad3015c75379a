import Units

/// Reads SkyPilot's `vms.csv` for AWS: on-demand and spot prices by zone. Columns are found by their names, which have
/// changed over its versions.
struct SkyPilotCatalog {
  let catalog: Catalog
  private(set) var batch: ImportBatch

  init(catalog: Catalog, asOf: FactDate, name: String) {
    self.catalog = catalog
    let source = FactSource(key: "skypilot-\(asOf)", title: "SkyPilot catalog of AWS, imported from \(name)")
    batch = ImportBatch(source: source, asOf: asOf)
  }

  /// - Throws: `CatalogError`: `.malformed`, `.wrongColumns`, `.invalidValue`, `.contradiction`.
  mutating func read(_ bytes: consuming ByteReader) throws(CatalogError) {
    let required = ["InstanceType", "AcceleratorCount", "GpuInfo", "Price", "SpotPrice", "Region", "AvailabilityZone"]
    var table = try CSVTable(CSVReader(bytes), required: required, optional: nil)
    while let row = try table.next() { try read(row) }
  }

  private mutating func read(_ row: CSVTable.Row) throws(CatalogError) {
    let name = row["InstanceType"].text
    guard let instance = catalog.instances[name] else {
      return batch.ignore("an instance type that is not in the catalog", example: name)
    }
    guard !row["Region"].text.isEmpty, !row["AvailabilityZone"].text.isEmpty else {
      throw CatalogError(
        .invalidValue, at: row["Region"].place, "\(name) without region or zone",
        remedy: "fetch the file again; nothing was imported")
    }
    try checkAccelerator(row, instance)
    let onDemand = try price(row, "Price", .onDemand, zone: nil)
    if let onDemand { try batch.add(onDemand, at: row["Price"].place) }
    guard let spot = try price(row, "SpotPrice", .spot, zone: row["AvailabilityZone"].text) else { return }
    if let onDemand {
      let share = spot.hourly / onDemand.hourly
      if abs(share - 1) < 1e-6 {
        return batch.ignore(
          "a spot price equal to the on-demand price: no quote", example: "\(name) in \(spot.zone ?? "")")
      }
      if share > 1 {
        throw CatalogError(
          .contradiction, at: row["SpotPrice"].place,
          "\(name) costs \(spot.hourly.exact) an hour as spot, but \(onDemand.hourly.exact) on demand",
          remedy: "spot never costs more: fetch the file again; nothing was imported")
      }
      if [0.1, 0.3].contains(where: { abs(share - $0) < 1e-6 }) {
        return batch.ignore(
          "a spot price of exactly 10 or 30 % of on-demand: a floor, no market",
          example: "\(name) in \(spot.zone ?? "")")
      }
    }
    try batch.add(spot, at: row["SpotPrice"].place)
  }

  private func price(
    _ row: CSVTable.Row, _ column: String, _ kind: Price.Kind, zone: String?
  ) throws(CatalogError) -> Price? {
    let field = row[column]
    guard !field.text.isEmpty else { return nil }
    return Price(
      instance: row["InstanceType"].text, region: row["Region"].text, zone: zone, kind: kind, terms: nil,
      hourly: try CatalogLoader.money(field), source: batch.source, asOf: batch.asOf, note: nil)
  }

  /// The count, written "8.0", and the GPU's name in what Python prints of a dictionary: neither JSON nor CSV.
  private func checkAccelerator(_ row: CSVTable.Row, _ instance: InstanceType) throws(CatalogError) {
    let field = row["AcceleratorCount"]
    if !field.text.isEmpty {
      guard let count = Measure.number(field.text) else {
        throw CatalogError(
          .invalidValue, at: field.place, "'\(field.text)' as a count of accelerators",
          remedy: "fetch the file again; nothing was imported")
      }
      if count != Double(instance.acceleratorCount.value) {
        throw contradiction(field, instance, "\(field.text) accelerators", "\(instance.acceleratorCount.value)")
      }
    }
    let info = row["GpuInfo"]
    guard let match = info.text.firstMatch(of: /'Name': '([^']*)'/), let known = instance.accelerator.apiName?.value
    else { return }
    let others = catalog.accelerators.values.compactMap { $0.apiName?.value.lowercased() }
    let named = match.1.lowercased()
    if named != known.lowercased(), others.contains(named) {
      throw contradiction(info, instance, "a GPU '\(match.1)'", known)
    }
  }

  private func contradiction(
    _ field: CSVReader.Field, _ instance: InstanceType, _ theirs: String, _ ours: String
  ) -> CatalogError {
    CatalogError(
      .contradiction, at: field.place, "\(instance.name) has \(theirs), but \(ours) in the catalog",
      remedy: "check the file; nothing was imported")
  }
}
