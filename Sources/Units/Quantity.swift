/// A number with its unit in its type. Codable as the bare number of base units (bytes, FLOP, seconds).
package protocol Quantity: Hashable, Comparable, Codable, Sendable, AdditiveArithmetic, CustomStringConvertible {
  associatedtype Count: Hashable & Comparable & Codable & Sendable & AdditiveArithmetic
  /// The amount in base units.
  var count: Count { get }
  init(count: Count)
}

extension Quantity {
  package static var zero: Self { Self(count: .zero) }
  package static func < (left: Self, right: Self) -> Bool { left.count < right.count }
  package static func + (left: Self, right: Self) -> Self { Self(count: left.count + right.count) }
  package static func - (left: Self, right: Self) -> Self { Self(count: left.count - right.count) }

  package init(from decoder: any Decoder) throws {
    self.init(count: try decoder.singleValueContainer().decode(Count.self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(count)
  }
}

extension Quantity where Count == Double {
  package init(_ count: Double) { self.init(count: count) }
  package init(_ count: some BinaryInteger) { self.init(count: Double(count)) }
  package static func * (quantity: Self, factor: Double) -> Self { Self(count: quantity.count * factor) }
  package static func * (factor: Double, quantity: Self) -> Self { Self(count: factor * quantity.count) }
  package static func / (quantity: Self, divisor: Double) -> Self { Self(count: quantity.count / divisor) }
  /// How many times `right` goes into `left`.
  package static func / (left: Self, right: Self) -> Double { left.count / right.count }
}

extension Sequence where Element: Quantity {
  package func sum() -> Element { reduce(.zero, +) }
}

/// Floating-point operations; a multiply and an add are two. Counts are exact up to 2⁵³.
package struct FLOPs: Quantity {
  package var count: Double
  package init(count: Double) { self.count = count }

  /// SI prefixes: "832.9 kFLOP".
  package var description: String {
    scaled(count, base: 1000, units: ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP", "ZFLOP", "YFLOP"])
  }
}
