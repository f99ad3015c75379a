import Units

/// Gathers what AWS's price list says of instance hours, from its JSON or its CSV, joined on the sku.
///
/// Kept are Linux without licence or installed software on shared hardware in AWS regions, of instance types that the
/// catalog has: on-demand, and standard reserved instances with their upfront fee spread over the term.
struct PriceList {
  /// What a product's attributes say, under the names of the JSON; the CSV's columns are mapped to them.
  static let attributes = [
    "instanceType": "Instance Type", "operatingSystem": "Operating System", "tenancy": "Tenancy",
    "preInstalledSw": "Pre Installed S/W", "capacitystatus": "CapacityStatus", "licenseModel": "License Model",
    "regionCode": "Region Code", "locationType": "Location Type", "location": "Location",
  ]

  private struct Product {
    let instance: String
    let region: String
  }

  /// One offer of one product: its rates add up to an effective price an hour.
  private struct Offer {
    let product: Product
    let kind: Price.Kind
    let terms: String?
    let years: Int?
    var hourly: Double?
    var upfront: Double?
    let place: Place
  }

  let catalog: Catalog
  private let name: String
  /// Of the file; the date that was given, until the file says its own.
  private(set) var asOf: FactDate
  private var products: [String: Product] = [:]
  private var offers: [String: Offer] = [:]
  private var order: [String] = []
  private var ignored: [String: (count: Int, example: String)] = [:]

  init(catalog: Catalog, asOf: FactDate, name: String) {
    self.catalog = catalog
    self.asOf = asOf
    self.name = name
  }

  /// "2023-03-22T14:56:51Z".
  mutating func published(_ text: String, at place: Place) throws(CatalogError) {
    guard let date = FactDate(text.prefix(10)) else {
      throw CatalogError(
        .invalidValue, at: place, "'\(text)' as the date of publication", remedy: "fetch the price list again")
    }
    asOf = date
  }

  /// Whether rates of this sku are wanted.
  func wants(_ sku: String) -> Bool { products[sku] != nil }

  mutating func ignore(_ reason: String, example: String) {
    ignored[reason, default: (0, example)].count += 1
  }

  /// Takes a product, or notes why not.
  ///
  /// - Parameters:
  ///   - family: its product family.
  ///   - attribute: the value of one of the keys of `Self.attributes`; nil where the file has none.
  mutating func add(sku: String, family: String, _ attribute: (String) -> String?) {
    guard family == "Compute Instance" || family == "Compute Instance (bare metal)" else {
      return ignore("another product than instance hours", example: family)
    }
    let instance = attribute("instanceType") ?? ""
    guard catalog.instances[instance] != nil else {
      return ignore("an instance type that is not in the catalog", example: instance)
    }
    let filters = [
      ("operatingSystem", "Linux", "another operating system than Linux"),
      ("licenseModel", "No License required", "a licence brought along"),
      ("preInstalledSw", "NA", "software installed"), ("tenancy", "Shared", "dedicated hardware"),
      ("capacitystatus", "Used", "hours of a reservation, not of use"),
      ("locationType", "AWS Region", "a place that is no region"),
    ]
    for (key, wanted, reason) in filters {
      if let value = attribute(key), value != wanted { return ignore(reason, example: "\(instance): \(value)") }
    }
    guard let region = attribute("regionCode"), !region.isEmpty else {
      return ignore("no region code", example: "\(instance) in \(attribute("location") ?? "nowhere")")
    }
    products[sku] = Product(instance: instance, region: region)
  }

  /// Takes one rate of an offer of a product that `wants` knows.
  ///
  /// - Parameters:
  ///   - unit: "Hrs", or "Quantity" for what is paid upfront.
  ///   - lease: "1yr" or "3yr"; nil on demand. So are the two below.
  ///   - dollars: nil if the price is in another currency.
  mutating func add(
    sku: String, offer: String, unit: String, dollars: (text: String, place: Place)?, lease: String?,
    offering: String?, purchase: String?, at place: Place
  ) throws(CatalogError) {
    guard let product = products[sku] else { return }
    guard let dollars else { return ignore("a price in another currency than US dollars", example: product.instance) }
    guard let value = Measure.number(dollars.text), value >= 0, value < 1e8 else {
      throw CatalogError(
        .invalidValue, at: dollars.place, "'\(dollars.text)' as a price of \(product.instance)",
        remedy: "a price is a number of dollars, 0 or more: fetch the price list again; nothing was imported")
    }
    if let lease {
      guard lease == "1yr" || lease == "3yr", offering?.lowercased() == "standard" else {
        return ignore(
          "reserved, but not standard for one or three years", example: "\(product.instance): \(offering ?? "")")
      }
    }
    let key = "\(sku).\(offer)"
    if offers[key] == nil {
      order.append(key)
      offers[key] = Offer(
        product: product, kind: lease == nil ? .onDemand : lease == "1yr" ? .reserved1Year : .reserved3Years,
        terms: lease == nil ? nil : "standard, \((purchase ?? "upfront not stated").lowercased())",
        years: lease.map { $0 == "1yr" ? 1 : 3 }, place: place)
    }
    switch unit {
    case "Hrs", "Hours":
      if let known = offers[key]?.hourly, known != value {
        throw .contradiction(
          at: dollars.place, "\(product.instance) costs \(Money(dollars: value).exact) an hour in offer \(key)",
          Money(dollars: known).exact, place)
      }
      offers[key]?.hourly = value
    case "Quantity": offers[key]?.upfront = value
    default: ignore("a unit that is no hour", example: unit)
    }
  }

  /// All prices that were gathered.
  ///
  /// - Throws: `CatalogError` with code `.contradiction` if two offers give one thing two prices.
  func batch() throws(CatalogError) -> ImportBatch {
    let source = FactSource(key: "price-list-\(asOf)", title: "AWS Price List of \(asOf), imported from \(name)")
    var batch = ImportBatch(source: source, asOf: asOf)
    for (reason, entry) in ignored { batch.ignore(reason, example: entry.example, count: entry.count) }
    for key in order {
      guard let offer = offers[key], offer.hourly != nil || offer.upfront != nil else { continue }
      let upfront = offer.years.map { (offer.upfront ?? 0) / (8760 * Double($0)) } ?? 0
      let hourly = (offer.hourly ?? 0) + upfront
      guard hourly > 0 else {
        batch.ignore("a price of 0", example: offer.product.instance)
        continue
      }
      let price = Price(
        instance: offer.product.instance, region: offer.product.region, zone: nil, kind: offer.kind, terms: offer.terms,
        hourly: Money(dollars: (hourly * 1e6).rounded() / 1e6), source: source, asOf: asOf,
        note: offer.years == nil ? nil : "effective hourly")
      try batch.add(price, at: offer.place)
    }
    return batch
  }
}
