/// What an import did to a catalog.
package struct ImportReport: Hashable, Codable, Sendable {
  /// A fact or a price, and what was known before.
  package struct Change: Hashable, Codable, Sendable {
    /// Instance type.
    package let subject: String
    /// An attribute, or the kind of a price with its region, zone and terms.
    package let attribute: String
    /// Nil if nothing was known.
    package let old: String?
    package let oldAsOf: FactDate?
    package let new: String
  }

  package struct Ignored: Hashable, Codable, Sendable {
    package let reason: String
    package internal(set) var count: Int
    package let example: String
  }

  package let source: String
  package let asOf: FactDate
  package internal(set) var added: [Change] = []
  package internal(set) var changed: [Change] = []
  /// Different values that are older than what is known: facts are not taken, prices are kept as history.
  package internal(set) var older: [Change] = []
  /// Equal values of a later date, which the catalog now carries.
  package internal(set) var confirmed = 0
  /// Equal values of the same or an earlier date.
  package internal(set) var unchanged = 0
  package let ignored: [Ignored]
  /// Files that were written; none if nothing is new.
  package internal(set) var written: [String] = []

  init(_ batch: ImportBatch) {
    source = batch.source.title
    asOf = batch.asOf
    ignored = batch.ignored.values.sorted { ($1.count, $0.reason) < ($0.count, $1.reason) }
  }
}
