import Units

/// What a file of somebody else says, in the catalog's words.
struct ImportBatch {
  struct ImportedFact {
    let fact: Fact
    let place: Place
  }
  struct ImportedPrice {
    let price: Price
    let place: Place
  }

  let source: FactSource
  let asOf: FactDate
  private(set) var facts: [ImportedFact] = []
  private(set) var prices: [ImportedPrice] = []
  private(set) var ignored: [String: ImportReport.Ignored] = [:]
  /// Facts that only a check compares: sums and device memory.
  private(set) var checks: [ImportedFact] = []

  private var factPlaces: [[String]: Int] = [:]
  private var priceIndices: [[String]: Int] = [:]

  init(source: FactSource, asOf: FactDate) {
    self.source = source
    self.asOf = asOf
  }

  mutating func ignore(_ reason: String, example: String, count: Int = 1) {
    ignored[reason, default: ImportReport.Ignored(reason: reason, count: 0, example: example)].count += count
  }

  /// - Throws: `CatalogError` with code `.invalidValue` for what no catalog may hold, `.contradiction` if the file has
  ///   said otherwise before.
  mutating func add(
    _ attribute: String, _ value: String, _ unit: String? = nil, of subject: String, at place: Place
  ) throws(CatalogError) {
    let form = Attribute.ofInstances.first { $0.name == attribute }
    if let complaint = form?.complaint(value: value, unit: unit) {
      throw CatalogError(
        .invalidValue, at: place, "\(subject): \(complaint.problem)",
        remedy: "fetch the file again, or correct it; nothing was imported")
    }
    let fact = Fact(
      subject: subject, attribute: attribute, value: value, unit: unit, source: source, asOf: asOf, note: nil)
    if let index = factPlaces[[subject, attribute]] {
      let first = facts[index]
      guard first.fact.hasValue(of: fact) else {
        throw .contradiction(at: place, "\(subject): \(attribute) is \(fact.text)", "\(first.fact.text)", first.place)
      }
      return
    }
    factPlaces[[subject, attribute]] = facts.count
    facts.append(ImportedFact(fact: fact, place: place))
  }

  mutating func addCheck(_ attribute: String, _ value: String, _ unit: String, of subject: String, at place: Place) {
    let fact = Fact(
      subject: subject, attribute: attribute, value: value, unit: unit, source: source, asOf: asOf, note: nil)
    checks.append(ImportedFact(fact: fact, place: place))
  }

  /// - Throws: `CatalogError` with code `.contradiction` if the file has another price for the same.
  mutating func add(_ price: Price, at place: Place) throws(CatalogError) {
    let key = [price.instance, price.region, price.zone ?? "", price.kind.rawValue, price.terms ?? ""]
    if let index = priceIndices[key] {
      let first = prices[index]
      guard abs(first.price.hourly.count - price.hourly.count) < 0.5e-6 else {
        throw .contradiction(
          at: place,
          "\(price.instance) in \(price.zone ?? price.region) costs \(price.hourly.exact) an hour (\(price.kind.rawValue))",
          first.price.hourly.exact, first.place)
      }
      return
    }
    priceIndices[key] = prices.count
    prices.append(ImportedPrice(price: price, place: place))
  }
}

extension CatalogError {
  static func contradiction(at place: Place, _ said: String, _ before: String, _ first: Place) -> CatalogError {
    CatalogError(
      .contradiction, at: place, "\(said), but \(before) in line \(first.line), column \(first.column)",
      remedy: "the file contradicts itself: fetch it again, or correct one of the two places; nothing was imported")
  }
}

/// A number as a data file has it: "2.5", "1152".
func plainNumber(_ value: Double) -> String {
  if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
  var text = fixedPoint(value, decimals: 6)
  while text.last == "0" { text.removeLast() }
  return text
}
