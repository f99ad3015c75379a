import ModelGraph

/// A delimited file with a header as columns of numbers and categories, of those that a job uses; missing values are
/// found and dealt with.
package struct Table: Sendable {
  package let specification: TableSpecification
  package let path: String
  /// Rows that are left once those with missing values are dropped.
  let rowCount: Int
  /// The columns to predict from, then those to predict that are none of them.
  let columns: [Column]
  /// Whether the target may be unknown: every row, or window, that can be predicted is then a sample.
  let isToPredict: Bool

  struct Column: Sendable {
    enum Values: Sendable {
      /// NaN where it is missing.
      case numbers([Double])
      /// Nil where it is missing.
      case categories([String?])
    }

    let name: String
    let values: Values
    /// The line of each row's field in the file, from 1.
    let places: [CSVCell]
  }

  /// One, or one for each label; none where they are to be predicted and not in the file.
  var targets: [Column] {
    // The initialiser has found each, unless they are to be predicted.
    specification.target.columns.compactMap { name in columns.first { $0.name == name } }
  }

  var inputs: [Column] {
    let targets = specification.target.columns
    // In a window the target's own past may be an input.
    let isInput = specification.columns?.contains(targets[0]) ?? (specification.window != nil)
    return isInput ? columns : columns.filter { !targets.contains($0.name) }
  }

  /// Reads `path`, plain or gzip.
  /// - Parameter isToPredict: whether the target may be unknown, as a column or in some rows.
  /// - Throws: `DatasetError` with line and column.
  package init(
    path: String, _ specification: TableSpecification, isToPredict: Bool = false
  ) throws(DatasetError) {
    self.path = path
    self.specification = specification
    self.isToPredict = isToPredict
    let file = try CSVFile(path: path, delimiter: specification.delimiter)
    let header = try Self.header(of: file)
    let chosen = try Self.chosen(specification, header, path, mayLackTarget: isToPredict)
    var rows = Array(file.records.dropFirst())
    guard !rows.isEmpty else {
      throw DatasetError(.emptyData, path: path, "the file has a header and no rows", remedy: "give a file with data")
    }
    switch specification.missing {
    case .refuse where isToPredict, .drop where isToPredict:
      let inputs = chosen.filter { !specification.target.columns.contains(header[$0]) || specification.window != nil }
      for row in rows { try Self.requireWhole(inputs.map { row[$0] }, header, inputs, path) }
    case .mean where isToPredict: break
    case .refuse:
      for row in rows { try Self.requireWhole(chosen.map { row[$0] }, header, chosen, path) }
    case .mean:
      let targets = chosen.filter { specification.target.columns.contains(header[$0]) }
      for row in rows { try Self.requireWhole(targets.map { row[$0] }, header, targets, path) }
    case .drop:
      rows = rows.filter { row in !chosen.contains { Self.isMissing(row[$0]) } }
      guard !rows.isEmpty else {
        throw DatasetError(
          .emptyData, path: path, key: "missing", "every row has a missing value, so 'missing: drop' leaves none",
          remedy: "write 'missing: mean', or choose other 'columns'")
      }
    }
    rowCount = rows.count
    if let window = specification.window, isToPredict, rows.count < window.length {
      throw DatasetError(
        .tooFewRows, path: path, "\(rows.count) rows hold no window of \(window.length)", remedy: "give more rows")
    }
    if let window = specification.window, !isToPredict, rows.count < window.length + window.horizon {
      throw DatasetError(
        .tooFewRows, path: path, key: "window",
        "\(rows.count) rows hold no window of \(window.length) and the \(window.horizon) that follow",
        remedy: "make 'length' and 'horizon' together at most \(rows.count)")
    }
    columns = chosen.map { index in
      Self.column(
        header[index], rows.map { $0[index] }, isCategory: specification.categories.contains(header[index]))
    }
  }

  static func isMissing(_ cell: CSVCell) -> Bool {
    MissingPolicy.spellings.contains(cell.text.trimmed.lowercased())
  }

  static func header(of file: CSVFile) throws(DatasetError) -> [String] {
    let cells = file.records[0]
    let names = cells.map(\.text.trimmed)
    for (index, name) in names.enumerated() {
      guard !name.isEmpty, Double(name) == nil else {
        throw DatasetError(
          .noHeader, path: file.path, line: cells[index].line, column: cells[index].column,
          "the first line names the columns, and '\(name)' is no name", remedy: "add a line with names at the top")
      }
      guard names.firstIndex(of: name) == index else {
        throw DatasetError(
          .noHeader, path: file.path, line: cells[index].line, column: cells[index].column,
          "two columns are called '\(name)'", remedy: "give each its own name")
      }
    }
    return names
  }

  /// Positions of the columns that are used, the targets' last if they are no inputs.
  private static func chosen(
    _ specification: TableSpecification, _ header: [String], _ path: String, mayLackTarget: Bool
  ) throws(DatasetError) -> [Int] {
    func position(_ name: String, _ key: String) throws(DatasetError) -> Int {
      if let index = header.firstIndex(of: name) { return index }
      throw DatasetError.unknownColumn(name, key: key, among: header, path: path)
    }
    let isLacking = mayLackTarget && !specification.target.columns.contains(where: header.contains)
    var targets: [Int] = []
    for name in isLacking ? [] : specification.target.columns { targets.append(try position(name, "target")) }
    if case .labels = specification.target, specification.window != nil {
      throw DatasetError(
        .notANumber, path: path, key: "target", "a window predicts numbers of one column, not labels",
        remedy: "name one column, or remove 'window'")
    }
    for name in specification.categories where !(isLacking && specification.target.columns.contains(name)) {
      _ = try position(name, "categories")
    }
    var inputs: [Int] = []
    for name in specification.columns ?? header {
      let index = try position(name, "columns")
      if !targets.contains(index) || specification.window != nil { inputs.append(index) }
    }
    if let columns = specification.columns, specification.window == nil,
      let known = specification.target.columns.first(where: columns.contains)
    {
      throw DatasetError(
        .unknownColumn, path: path, key: "columns",
        "'\(known)' is the target, and would be known to the model", remedy: "take it out of 'columns'")
    }
    guard !inputs.isEmpty else {
      let names = specification.target.columns.map { "'\($0)'" }.joined(separator: ", ")
      throw DatasetError(
        .unknownColumn, path: path, key: "target", "the file has no column besides \(names)",
        remedy: "give a file with columns to predict from")
    }
    return inputs + targets.filter { !inputs.contains($0) }
  }

  private static func requireWhole(
    _ cells: [CSVCell], _ header: [String], _ chosen: [Int], _ path: String
  ) throws(DatasetError) {
    guard let index = cells.firstIndex(where: isMissing) else { return }
    let cell = cells[index]
    let spelling = cell.text.isEmpty ? "empty" : "'\(cell.text)'"
    throw DatasetError(
      .missingValue, path: path, line: cell.line, column: cell.column,
      "'\(header[chosen[index]])' is \(spelling), a missing value",
      remedy: "fill it in, or write 'missing: drop' to leave such rows out or, for inputs, 'missing: mean'")
  }

  /// A column is of numbers if every field that is not missing is a finite one.
  private static func column(_ name: String, _ cells: [CSVCell], isCategory: Bool) -> Column {
    if !isCategory {
      let numbers = cells.map { isMissing($0) ? Double.nan : Double($0.text.trimmed) }
      if numbers.allSatisfy({ $0 != nil && !($0 ?? 0).isInfinite }), numbers.contains(where: { !($0 ?? .nan).isNaN }) {
        return Column(name: name, values: .numbers(numbers.map { $0 ?? .nan }), places: cells)
      }
    }
    return Column(
      name: name, values: .categories(cells.map { isMissing($0) ? nil : $0.text.trimmed }), places: cells)
  }
}

extension DatasetError {
  static func unknownColumn(_ name: String, key: String, among header: [String], path: String) -> DatasetError {
    let names = header.map { "'\($0)'" }.joined(separator: ", ")
    let near = header.first { $0.lowercased() == name.lowercased() }
    return DatasetError(
      .unknownColumn, path: path, key: key, "there is no column '\(name)'",
      remedy: near.map { "did you mean '\($0)'?" } ?? "its columns are \(names)")
  }
}

extension String {
  /// Without white space at either end.
  var trimmed: String {
    let isSpace: (Character) -> Bool = { $0.isWhitespace }
    guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
      return ""
    }
    return String(self[first...last])
  }
}
