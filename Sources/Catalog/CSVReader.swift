/// Rows of comma-separated values as RFC 4180 has them, one at a time: quoted fields may hold commas, line ends and
/// doubled quotes; lines end with LF or CRLF; empty lines are skipped.
package struct CSVReader: ~Copyable {
  package struct Field: Hashable {
    package let text: String
    package let place: Place
  }

  /// The fields of a row, decoded when they are asked for: of a price list's ninety columns a few are wanted.
  struct Row {
    fileprivate var bytes: [UInt8] = []
    /// Where a field ends in `bytes`, and where it began in the file.
    fileprivate var cells: [(end: Int, line: Int, column: Int)] = []
    fileprivate let file: String

    var count: Int { cells.count }

    func text(_ index: Int) -> String {
      String(decoding: bytes[(index == 0 ? 0 : cells[index - 1].end)..<cells[index].end], as: UTF8.self)
    }

    func place(_ index: Int) -> Place { Place(file: file, line: cells[index].line, column: cells[index].column) }

    subscript(_ index: Int) -> Field { Field(text: text(index), place: place(index)) }
  }

  /// No field of the formats read here comes near.
  static let longestField = 1 << 20

  private var bytes: ByteReader
  /// Bytes of the longest row so far.
  private var capacity = 0

  package init(_ bytes: consuming ByteReader) { self.bytes = bytes }

  var name: String { bytes.name }
  var place: Place { bytes.place }

  /// The next row that is not empty; nil at the end.
  ///
  /// - Throws: `CatalogError` with code `.malformed` for an open quote, text after a closing quote, bytes that are no
  ///   UTF-8, or a field of more than a mebibyte.
  mutating func next() throws(CatalogError) -> Row? {
    while let byte = try bytes.peek() {
      guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else { return try row() }
      bytes.advance()
    }
    return nil
  }

  private mutating func row() throws(CatalogError) -> Row {
    var row = Row(file: bytes.name)
    row.bytes.reserveCapacity(capacity)
    while true {
      try field(into: &row)
      switch try bytes.peek() {
      case UInt8(ascii: ","):
        bytes.advance()
        continue
      case UInt8(ascii: "\r"):
        bytes.advance()
        if try bytes.peek() == UInt8(ascii: "\n") { bytes.advance() }
      case UInt8(ascii: "\n"): bytes.advance()
      default: break
      }
      capacity = max(capacity, row.bytes.count)
      return row
    }
  }

  private mutating func field(into row: inout Row) throws(CatalogError) {
    let line = bytes.line
    let column = bytes.column
    let start = row.bytes.count
    if try bytes.peek() == UInt8(ascii: "\"") {
      bytes.advance()
      try quoted(into: &row.bytes, from: Place(file: name, line: line, column: column))
    } else {
      try bytes.take(into: &row.bytes, until: Self.endsField, limit: start + Self.longestField + 1)
    }
    row.cells.append((row.bytes.count, line, column))
    let text = row.bytes[start...]
    guard text.count <= Self.longestField else {
      throw CatalogError(
        .malformed, at: row.place(row.count - 1), "a field of more than \(Self.longestField) bytes",
        remedy: "check the quotes and the line ends before this place")
    }
    guard text.allSatisfy({ $0 < 0x80 }) || String(validating: text, as: UTF8.self) != nil else {
      throw CatalogError(
        .malformed, at: row.place(row.count - 1), "a field that is no UTF-8", remedy: "save the file as UTF-8")
    }
  }

  private mutating func quoted(into text: inout [UInt8], from place: Place) throws(CatalogError) {
    let most = text.count + Self.longestField
    while text.count <= most {
      try bytes.take(into: &text, until: { $0 == UInt8(ascii: "\"") }, limit: most + 1)
      guard try bytes.peek() == UInt8(ascii: "\"") else {
        if text.count > most { return }
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
