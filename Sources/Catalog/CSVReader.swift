/// Rows of comma-separated values as RFC 4180 has them, one at a time: quoted fields may hold commas, line ends and
/// doubled quotes; lines end with LF or CRLF; empty lines are skipped.
package struct CSVReader: ~Copyable {
  package struct Field: Hashable {
    package let text: String
    package let place: Place
  }

  /// No field of the formats read here comes near.
  static let longestField = 1 << 20

  private var bytes: ByteReader

  package init(_ bytes: consuming ByteReader) { self.bytes = bytes }

  var name: String { bytes.name }
  var place: Place { bytes.place }

  /// The next row that is not empty; nil at the end.
  ///
  /// - Throws: `CatalogError` with code `.malformed` for an open quote, text after a closing quote, bytes that are no
  ///   UTF-8, or a field of more than a mebibyte.
  package mutating func next() throws(CatalogError) -> [Field]? {
    while let byte = try bytes.peek() {
      guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else { return try row() }
      bytes.advance()
    }
    return nil
  }

  private mutating func row() throws(CatalogError) -> [Field] {
    var fields: [Field] = []
    while true {
      fields.append(try field())
      switch try bytes.peek() {
      case UInt8(ascii: ","): bytes.advance()
      case UInt8(ascii: "\r"):
        bytes.advance()
        if try bytes.peek() == UInt8(ascii: "\n") { bytes.advance() }
        return fields
      case UInt8(ascii: "\n"):
        bytes.advance()
        return fields
      default: return fields
      }
    }
  }

  private mutating func field() throws(CatalogError) -> Field {
    let place = bytes.place
    var text: [UInt8] = []
    if try bytes.peek() == UInt8(ascii: "\"") {
      bytes.advance()
      try quoted(into: &text, from: place)
    } else {
      try bytes.take(into: &text, until: Self.endsField, limit: Self.longestField + 1)
    }
    guard text.count <= Self.longestField else {
      throw CatalogError(
        .malformed, at: place, "a field of more than \(Self.longestField) bytes",
        remedy: "check the quotes and the line ends before this place")
    }
    guard let string = String(validating: text, as: UTF8.self) else {
      throw CatalogError(.malformed, at: place, "a field that is no UTF-8", remedy: "save the file as UTF-8")
    }
    return Field(text: string, place: place)
  }

  private mutating func quoted(into text: inout [UInt8], from place: Place) throws(CatalogError) {
    while text.count <= Self.longestField {
      try bytes.take(into: &text, until: { $0 == UInt8(ascii: "\"") }, limit: Self.longestField + 1)
      guard try bytes.peek() == UInt8(ascii: "\"") else {
        if text.count > Self.longestField { return }
        throw CatalogError(
          .malformed, at: place, "a quoted field that does not end",
          remedy: "close it with \", and write \"\" for a quote")
      }
      bytes.advance()
      switch try bytes.peek() {
      case UInt8(ascii: "\""):
        text.append(UInt8(ascii: "\""))
        bytes.advance()
      case .some(let byte) where !Self.endsField(byte):
        throw CatalogError(
          .malformed, at: bytes.place, "text after the closing quote of a field",
          remedy: "write a comma or a line end, or \"\" for a quote inside")
      default: return
      }
    }
  }

  private static func endsField(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
  }
}
