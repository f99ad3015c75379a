import Units

/// One thing that is known of an accelerator or an instance type: a row of the data files.
package struct Fact: Hashable, Codable, Sendable {
  /// Key of the accelerator or name of the instance type.
  package let subject: String
  /// Such as "memory_bandwidth"; `Attribute.all` lists them.
  package let attribute: String
  /// As the file has it, without its unit.
  package let value: String
  /// Nil for texts and counts.
  package let unit: String?
  package let source: FactSource
  package let asOf: FactDate
  package let note: String?

  /// "300 GB/s".
  package var text: String { unit.map { "\(value) \($0)" } ?? value }

  /// The same value, whatever its unit and digits: 1.5 TFLOP/s is 1500 GFLOP/s.
  func hasValue(of other: Fact) -> Bool {
    if let mine = Measure(value: value, unit: unit), let theirs = Measure(value: other.value, unit: other.unit) {
      return mine.kind == theirs.kind && mine.baseUnits == theirs.baseUnits
    }
    return value == other.value && unit == other.unit
  }
}

/// A number in base units: bytes, bytes a second, FLOP/s, watts, hertz, seconds.
struct Measure: Hashable {
  enum Kind: String { case memory, bandwidth, rate, power, frequency, time }
  let kind: Kind
  let baseUnits: Double

  static let units: [(name: String, kind: Kind, size: Double)] = [
    ("B", .memory, 1), ("MiB", .memory, 0x1p20), ("GiB", .memory, 0x1p30), ("GB", .memory, 1e9), ("TB", .memory, 1e12),
    ("Mbit/s", .bandwidth, 1e6 / 8), ("Gbit/s", .bandwidth, 1e9 / 8), ("GB/s", .bandwidth, 1e9),
    ("GiB/s", .bandwidth, 0x1p30), ("TB/s", .bandwidth, 1e12),
    ("GFLOP/s", .rate, 1e9), ("TFLOP/s", .rate, 1e12), ("PFLOP/s", .rate, 1e15), ("TOP/s", .rate, 1e12),
    ("W", .power, 1), ("GHz", .frequency, 1e9), ("us", .time, 1e-6),
  ]

  /// Nil if `value` is no number or `unit` none of those above.
  init?(value: String, unit: String?) {
    guard let unit = Self.units.first(where: { $0.name == unit }), let number = Self.number(value) else { return nil }
    kind = unit.kind
    baseUnits = number * unit.size
  }

  /// A decimal number: no sign but minus, no exponent, no "nan", no "0x10".
  static func number(_ text: String) -> Double? {
    let digits = text.first == "-" ? text.dropFirst() : text[...]
    guard let first = digits.first, first.isNumber,
      text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == "." || $0 == "-") })
    else { return nil }
    return Double(text)
  }
}
