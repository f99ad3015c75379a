/// A field of a delimited file, with where it stands.
struct CSVCell: Hashable, Sendable {
  let text: String
  /// Counted from 1, columns in Unicode scalars.
  let line: Int
  let column: Int
  let isQuoted: Bool
}

/// The records of a delimited text file after RFC 4180: quoted fields may hold delimiters, line ends and doubled
/// quotes; lines end in LF, CRLF or CR; a byte order mark and empty lines are passed over.
///
/// A reader of our own, because a wrong file must be refused at its line and column: SwiftCSV 0.10.0 keeps no positions
/// and ends the process at text behind a closing quote.
struct CSVFile: Sendable {
  let path: String
  /// Records of equally many fields; never none.
  let records: [[CSVCell]]

  /// - Throws: `DatasetError` with the line and column.
  init(path: String, delimiter: Delimiter) throws(DatasetError) {
    let text = try TextFile(path: path).text
    var parser = Parser(path: path, delimiter: delimiter)
    self.path = path
    records = try parser.records(of: text)
    guard let first = records.first else {
      throw DatasetError(.emptyData, path: path, "the file has no lines", remedy: "give a file with data")
    }
    if let other = records.first(where: { $0.count != first.count }), let start = other.first {
      throw DatasetError(
        .unequalRows, path: path, line: start.line, column: start.column,
        "\(other.count) fields where the first line has \(first.count)",
        remedy: "check the delimiter ('\(delimiter.rawValue)') and put texts that contain it in double quotes")
    }
  }
}

/// What stands between the fields of a line.
package enum Delimiter: String, Hashable, Codable, Sendable, CaseIterable {
  case comma, semicolon, tab

  /// The usual one of a file's name: tab for .tsv, else comma.
  package init(ofFile path: String) {
    let name = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
    self = name.hasSuffix(".tsv") ? .tab : .comma
  }

  var scalar: Unicode.Scalar {
    switch self {
    case .comma: ","
    case .semicolon: ";"
    case .tab: "\t"
    }
  }
}

private struct Parser {
  let path: String
  let delimiter: Delimiter
  private var line = 1
  private var column = 1
  private var records: [[CSVCell]] = []
  private var record: [CSVCell] = []
  private var field = String.UnicodeScalarView()
  private var start = (line: 1, column: 1)
  private var state = State.start

  private enum State { case start, plain, quoted, quoteInQuoted }

  init(path: String, delimiter: Delimiter) {
    self.path = path
    self.delimiter = delimiter
  }

  mutating func records(of text: String) throws(DatasetError) -> [[CSVCell]] {
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      // The second half of a CRLF outside quotes ends nothing any more.
      let isTail = scalar == "\n" && previous == "\r"
      if !(isTail && state != .quoted) { try take(scalar) }
      previous = scalar
      if isTail { continue }
      if scalar == "\n" || scalar == "\r" {
        line += 1
        column = 1
      } else {
        column += 1
      }
    }
    if state == .quoted {
      throw DatasetError(
        .badQuotes, path: path, line: start.line, column: start.column, "the quote that opens here is never closed",
        remedy: "close it, and double a quote that belongs to the text")
    }
    if !(record.isEmpty && state == .start) { endRecord() }
    return records
  }

  private mutating func take(_ scalar: Unicode.Scalar) throws(DatasetError) {
    let endsRecord = scalar == "\n" || scalar == "\r"
    switch state {
    case .quoted:
      if scalar == "\"" { state = .quoteInQuoted } else { field.append(scalar) }
    case .quoteInQuoted where scalar == "\"":
      field.append(scalar)
      state = .quoted
    case .start where scalar == "\"":
      start = (line, column)
      state = .quoted
    case _ where scalar == delimiter.scalar: endField()
    case .start where endsRecord && record.isEmpty: start = (line + 1, 1)
    case _ where endsRecord: endRecord()
    case .quoteInQuoted:
      throw DatasetError(
        .badQuotes, path: path, line: line, column: column, "'\(scalar)' behind a closing quote",
        remedy: "double a quote that belongs to the text, and put a delimiter behind the closing one")
    case .plain where scalar == "\"":
      throw DatasetError(
        .badQuotes, path: path, line: line, column: column, "a quote within a field that does not begin with one",
        remedy: "put the whole field in double quotes, and double this one")
    case .start, .plain:
      if state == .start { start = (line, column) }
      field.append(scalar)
      state = .plain
    }
  }

  private mutating func endField() {
    if state == .start { start = (line, column) }
    let isQuoted = state == .quoteInQuoted
    record.append(CSVCell(text: String(field), line: start.line, column: start.column, isQuoted: isQuoted))
    field.removeAll(keepingCapacity: true)
    state = .start
  }

  private mutating func endRecord() {
    endField()
    records.append(record)
    record.removeAll(keepingCapacity: true)
  }
}
