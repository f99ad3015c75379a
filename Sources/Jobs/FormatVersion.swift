/// A kind of file that says which version of it it is.
package protocol FileFormat {
  /// As errors name it.
  static var name: String { get }
  /// The version that this Apus reads and writes.
  static var number: Int { get }
}

/// The version of a format; another than the current one is refused.
package struct FormatVersion<Format: FileFormat>: Hashable, Codable, Sendable {
  package static var current: FormatVersion { FormatVersion() }
  package var number: Int { Format.number }

  private init() {}

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let number = try container.decode(Int.self)
    guard number == Format.number else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\(Format.name) format \(number); this Apus reads format \(Format.number)")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Format.number)
  }
}
