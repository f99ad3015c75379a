/// Where a fact is from.
package struct FactSource: Hashable, Codable, Sendable {
  /// Its name in the data files, such as "describe-5.2.1".
  package let key: String
  /// What it is, such as "NVIDIA A100 data sheet".
  package let title: String

  package init(key: String, title: String) {
    self.key = key
    self.title = title
  }
}

/// A value with its source and its date: no fact of the catalog goes without.
package struct Sourced<Value: Hashable & Codable & Sendable>: Hashable, Codable, Sendable {
  package let value: Value
  package let source: FactSource
  package let asOf: FactDate
  /// What else there is to know, such as another figure that was rejected.
  package let note: String?

  package init(_ value: Value, source: FactSource, asOf: FactDate, note: String? = nil) {
    self.value = value
    self.source = source
    self.asOf = asOf
    self.note = note
  }

  package func map<Other>(_ transform: (Value) throws -> Other) rethrows -> Sourced<Other> {
    Sourced<Other>(try transform(value), source: source, asOf: asOf, note: note)
  }
}
