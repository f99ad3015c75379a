/// A CSV file with a header: rows by the name of their columns.
package struct CSVTable: ~Copyable {
  package struct Row {
    fileprivate let fields: CSVReader.Row
    fileprivate let columns: [String: Int]

    /// The field of a column that the header has.
    package subscript(_ column: String) -> CSVReader.Field {
      guard let index = columns[column] else { preconditionFailure("the table was opened without '\(column)'") }
      return fields[index]
    }

    /// Nil if the header has no such column.
    package func text(_ column: String) -> String? { columns[column].map { fields.text($0) } }

    package var place: Place { fields.place(0) }
  }

  private var reader: CSVReader
  private let columns: [String: Int]
  private let count: Int

  package var fileName: String { reader.name }
  /// As the header has them, sorted.
  package var columnNames: [String] { columns.keys.sorted() }

  /// The lines before the header, if some were skipped.
  let preamble: [CSVReader.Row]

  /// Reads the header.
  ///
  /// - Parameters:
  ///   - required: columns that must be there.
  ///   - optional: columns that may be there; nil if any others may.
  ///   - first: text of the header's first field: lines before it are skipped. Nil if the header is the first line.
  /// - Throws: `CatalogError` with code `.wrongColumns`, or `.malformed`.
  package init(
    _ reader: consuming CSVReader, required: [String], optional: [String]?, after first: String? = nil
  ) throws(CatalogError) {
    var reader = reader
    var header = try reader.next()
    var preamble: [CSVReader.Row] = []
    if let first {
      while let row = header, row.text(0) != first, preamble.count < 20 {
        preamble.append(row)
        header = try reader.next()
      }
      if header?.text(0) != first { header = nil }
    }
    guard let header else {
      throw CatalogError(
        .wrongColumns, first.map { "no line begins with the column '\($0)'" } ?? "the file is empty",
        remedy: "begin with the columns \(required.joined(separator: ","))", file: reader.name, line: 1, column: 1)
    }
    var columns: [String: Int] = [:]
    for index in 0..<header.count {
      let field = header[index]
      guard columns.updateValue(index, forKey: field.text) == nil else {
        throw CatalogError(.wrongColumns, at: field.place, "column '\(field.text)' twice", remedy: "keep one of them")
      }
      if let optional, !required.contains(field.text), !optional.contains(field.text) {
        throw CatalogError(
          .wrongColumns, at: field.place, "unknown column '\(field.text)'",
          remedy: "use the columns \((required + optional).joined(separator: ","))")
      }
    }
    if let missing = required.first(where: { columns[$0] == nil }) {
      throw CatalogError(
        .wrongColumns, at: header.place(0), "no column '\(missing)'",
        remedy: "the header must name \(required.joined(separator: ","))")
    }
    self.columns = columns
    self.preamble = preamble
    count = header.count
    self.reader = reader
  }

  /// - Throws: `CatalogError` with code `.malformed`, also if a row has more or fewer fields than the header.
  package mutating func next() throws(CatalogError) -> Row? {
    guard let fields = try reader.next() else { return nil }
    guard fields.count == count else {
      throw CatalogError(
        .malformed, at: fields.place(min(count, fields.count - 1)),
        "\(fields.count) fields where the header has \(count) columns",
        remedy: "write a field a column; a field with a comma needs quotes")
    }
    return Row(fields: fields, columns: columns)
  }
}
