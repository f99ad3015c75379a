/// The day, month or year that a fact was true, as its source gives it: "2026-05-20", "2021-06", "2018".
package struct FactDate: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
  package let year: Int
  /// 1 to 12; nil if only the year is known.
  package let month: Int?
  /// 1 to 31; nil if only year and month are known.
  package let day: Int?

  /// Nil if `text` is no date of the three forms above.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    let digits = [4, 2, 2]
    guard (1...3).contains(parts.count), zip(parts, digits).allSatisfy({ $0.count == $1 }) else { return nil }
    let numbers = parts.compactMap { part in part.allSatisfy { $0.isASCII && $0.isNumber } ? Int(part) : nil }
    guard numbers.count == parts.count, numbers[0] >= 1990 else { return nil }
    year = numbers[0]
    month = numbers.count > 1 ? numbers[1] : nil
    day = numbers.count > 2 ? numbers[2] : nil
    if let month, !(1...12).contains(month) { return nil }
    if let month, let day, !(1...Self.days(in: month, of: year)).contains(day) { return nil }
  }

  /// The day in UTC.
  init(secondsSince1970 seconds: Int) {
    var days = seconds / 86_400
    var year = 1970
    while case let length = Self.days(of: year), days >= length {
      days -= length
      year += 1
    }
    var month = 1
    while case let length = Self.days(in: month, of: year), days >= length {
      days -= length
      month += 1
    }
    self.year = year
    self.month = month
    day = days + 1
  }

  private static func days(of year: Int) -> Int { (1...12).reduce(0) { $0 + days(in: $1, of: year) } }

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: return year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
    case 4, 6, 9, 11: return 30
    default: return 31
    }
  }

  /// A date that leaves days or months open is before those that do not: "2026" < "2026-01" < "2026-01-01".
  package static func < (a: Self, b: Self) -> Bool {
    (a.year, a.month ?? 0, a.day ?? 0) < (b.year, b.month ?? 0, b.day ?? 0)
  }

  package var description: String {
    ([String(year)] + [month, day].compactMap { $0 }.map { $0 < 10 ? "0\($0)" : "\($0)" }).joined(separator: "-")
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let date = FactDate(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no date")
    }
    self = date
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
