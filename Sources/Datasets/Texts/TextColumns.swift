/// Columns of texts of a delimited file, none of them empty.
struct TextColumns {
  /// Column after column; fewer than asked for if the last one may be missing and is.
  let values: [[String]]

  /// - Parameters:
  ///   - columns: each with the job's key that names it.
  ///   - mayLackLast: whether the last column need not be there: what is to be predicted.
  /// - Throws: `DatasetError` with line and column.
  init(
    path: String, _ columns: [(key: String, name: String)], delimiter: Delimiter, mayLackLast: Bool = false
  ) throws(DatasetError) {
    let file = try CSVFile(path: path, delimiter: delimiter)
    let header = try Table.header(of: file)
    let isLacking = mayLackLast && !header.contains(columns.last?.name ?? "")
    let columns = isLacking ? columns.dropLast() : columns
    let rows = file.records.dropFirst()
    guard !rows.isEmpty else {
      throw DatasetError(.emptyData, path: path, "the file has a header and no rows", remedy: "give a file with data")
    }
    for (key, name) in columns where !header.contains(name) {
      throw DatasetError.unknownColumn(name, key: key, among: header, path: path)
    }
    var values: [[String]] = []
    for index in columns.compactMap({ header.firstIndex(of: $0.name) }) {
      if let row = rows.first(where: { $0[index].text.trimmed.isEmpty }) {
        throw DatasetError(
          .missingValue, path: path, line: row[index].line, column: row[index].column, "'\(header[index])' is empty",
          remedy: "fill it in, or remove the row")
      }
      values.append(rows.map { $0[index].text })
    }
    self.values = values
  }
}
