import Units

/// All that is known of one accelerator or instance type, by attribute. Its values were checked against `Attribute`.
struct FactSheet: Hashable, Sendable {
  let subject: String
  private(set) var facts: [String: Fact] = [:]

  init(subject: String) { self.subject = subject }

  /// The fact of a later date stays; of equal dates the new one.
  mutating func take(_ fact: Fact) {
    if let known = facts[fact.attribute], known.asOf > fact.asOf { return }
    facts[fact.attribute] = fact
  }

  func text(_ attribute: String) -> Sourced<String>? {
    facts[attribute].map { Sourced($0.value, source: $0.source, asOf: $0.asOf, note: $0.note) }
  }

  func count(_ attribute: String) -> Sourced<Int>? { value(attribute) { Int($0.value) } }
  func flag(_ attribute: String) -> Sourced<Bool>? { value(attribute) { $0.value == "yes" } }
  func bytes(_ attribute: String) -> Sourced<Bytes>? { measure(attribute) { Bytes(count: Int64($0.rounded())) } }
  func bandwidth(_ attribute: String) -> Sourced<Bandwidth>? { measure(attribute) { Bandwidth(count: $0) } }
  func rate(_ attribute: String) -> Sourced<FLOPRate>? { measure(attribute) { FLOPRate(count: $0) } }
  func power(_ attribute: String) -> Sourced<Watts>? { measure(attribute) { Watts(count: $0) } }
  func time(_ attribute: String) -> Sourced<Seconds>? { measure(attribute) { Seconds(count: $0) } }

  func words(_ attribute: String) -> Sourced<[String]>? {
    text(attribute)?.map { $0.split(separator: " ").map(String.init) }
  }

  private func value<Value>(_ attribute: String, _ parse: (Fact) -> Value?) -> Sourced<Value>? {
    guard let fact = facts[attribute], let value = parse(fact) else { return nil }
    return Sourced(value, source: fact.source, asOf: fact.asOf, note: fact.note)
  }

  private func measure<Value>(_ attribute: String, _ make: (Double) -> Value) -> Sourced<Value>? {
    value(attribute) { fact in Measure(value: fact.value, unit: fact.unit).map { make($0.baseUnits) } }
  }
}
