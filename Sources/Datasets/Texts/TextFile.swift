/// A whole text file, plain or gzip, of UTF-8.
struct TextFile {
  let path: String
  let text: String

  /// - Throws: `DatasetError` with the byte that is no UTF-8.
  init(path: String) throws(DatasetError) {
    self.path = path
    var file = try InflatingFile(path: path)
    var bytes: [UInt8] = []
    try file.append(.max, to: &bytes)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw DatasetError(
        .notText, path: path, offset: Self.firstInvalid(bytes), "the file is not UTF-8 text",
        remedy: "save it in that encoding")
    }
    self.text = text.hasPrefix("\u{FEFF}") ? String(text.unicodeScalars.dropFirst()) : text
  }

  private static func firstInvalid(_ bytes: [UInt8]) -> Int {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var offset = 0
    while case .scalarValue(let scalar) = decoder.decode(&iterator) { offset += UTF8.width(scalar) }
    return offset
  }
}

/// Texts as the lines of a file.
package struct TextLines: Hashable, Sendable {
  package let lines: [String]

  /// - Throws: `DatasetError` with the line that is empty.
  package init(path: String) throws(DatasetError) {
    var lines = try TextFile(path: path).text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map(String.init)
    if lines.last == "" { lines.removeLast() }
    guard !lines.isEmpty else {
      throw DatasetError(.emptyData, path: path, "the file has no lines", remedy: "give a text a line")
    }
    if let index = lines.firstIndex(where: { $0.trimmed.isEmpty }) {
      throw DatasetError(
        .missingValue, path: path, line: index + 1, "the line is empty", remedy: "give a text a line, or remove it")
    }
    self.lines = lines
  }
}
