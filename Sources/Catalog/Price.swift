package import Units

/// What an instance cost an hour, somewhere, once.
package struct Price: Hashable, Codable, Sendable {
  package enum Kind: String, CaseIterable, Codable, Sendable {
    case onDemand = "on-demand"
    case spot
    case reserved1Year = "reserved-1y"
    case reserved3Years = "reserved-3y"
    /// Reserved for a term that the source does not name.
    case reserved
  }

  /// The region of the shipped prices.
  package static let defaultRegion = "us-east-1"

  /// Instance type.
  package let instance: String
  package let region: String
  /// Of a spot price.
  package let zone: String?
  package let kind: Kind
  /// Of a reserved price: "standard, no upfront".
  package let terms: String?
  /// Effective: with a share of what is paid upfront.
  package let hourly: Money
  package let source: FactSource
  package let asOf: FactDate
  package let note: String?
}
