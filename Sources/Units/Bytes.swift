/// An amount of memory or of traffic.
package struct Bytes: Quantity {
  package var count: Int64
  package init(count: Int64) { self.count = count }
  package init(_ count: some BinaryInteger) { self.count = Int64(count) }

  // Fractions of a byte are rounded to the nearest.
  package init(kilobytes: Double) { count = Int64((kilobytes * 1e3).rounded()) }
  package init(megabytes: Double) { count = Int64((megabytes * 1e6).rounded()) }
  package init(gigabytes: Double) { count = Int64((gigabytes * 1e9).rounded()) }
  package init(terabytes: Double) { count = Int64((terabytes * 1e12).rounded()) }
  package init(kibibytes: Double) { count = Int64((kibibytes * 0x1p10).rounded()) }
  package init(mebibytes: Double) { count = Int64((mebibytes * 0x1p20).rounded()) }
  package init(gibibytes: Double) { count = Int64((gibibytes * 0x1p30).rounded()) }
  package init(tebibytes: Double) { count = Int64((tebibytes * 0x1p40).rounded()) }

  package static func * (bytes: Self, factor: Int) -> Self { Self(count: bytes.count * Int64(factor)) }
  package static func * (factor: Int, bytes: Self) -> Self { bytes * factor }
  /// How many times `right` goes into `left`.
  package static func / (left: Self, right: Self) -> Double { Double(left.count) / Double(right.count) }

  /// IEC prefixes, whole bytes below 1 KiB: "1.50 MiB", "784 B".
  package var description: String {
    scaled(Double(count), base: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
  }
}

/// Why a text is not an amount of memory.
package struct BytesParseError: Error, Hashable, CustomStringConvertible {
  package enum Code: String, Sendable { case notANumber, missingUnit, unknownUnit, tooLarge }
  package let code: Code
  package let text: String

  package init(code: Code, text: String) {
    self.code = code
    self.text = text
  }

  package var description: String {
    let remedy = "write a number and a unit, such as 25 MB (25,000,000 bytes) or 25 MiB (26,214,400 bytes)"
    switch code {
    case .notANumber: return "'\(text)' does not start with a number that is 0 or more; \(remedy)"
    case .missingUnit: return "'\(text)' has no unit; \(remedy), or \(text) B for bytes"
    case .unknownUnit:
      return "the unit of '\(text)' is none of \(Bytes.units.map(\.name).joined(separator: ", ")); \(remedy)"
    case .tooLarge: return "'\(text)' is more than \(Int64.max) bytes; write a smaller amount"
    }
  }
}

extension Bytes {
  fileprivate static let units: [(name: String, size: Int64)] = [
    ("B", 1),
    ("kB", 1000), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("PiB", 1 << 50),
  ]

  /// Reads "25 MB", "1.5GiB", "784 B". Case counts (Mb is megabits elsewhere) and so does the unit: a bare number is
  /// refused. A fraction is rounded to the nearest byte.
  ///
  /// - Throws: `BytesParseError`.
  package static func parse(_ text: String) throws(BytesParseError) -> Bytes {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let value = Double(number), value.isFinite else { throw BytesParseError(code: .notANumber, text: text) }
    let name = text[number.endIndex...].drop { $0 == " " }
    guard !name.isEmpty else { throw BytesParseError(code: .missingUnit, text: text) }
    guard let unit = units.first(where: { $0.name == name }) else {
      throw BytesParseError(code: .unknownUnit, text: text)
    }
    if let whole = Int64(number) {
      let (bytes, overflow) = whole.multipliedReportingOverflow(by: unit.size)
      if overflow { throw BytesParseError(code: .tooLarge, text: text) }
      return Bytes(count: bytes)
    }
    guard let bytes = Int64(exactly: (value * Double(unit.size)).rounded()) else {
      throw BytesParseError(code: .tooLarge, text: text)
    }
    return Bytes(count: bytes)
  }
}
