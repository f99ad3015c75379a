/// Rows of aligned columns, as every command prints them.
struct TextTable {
  enum Alignment { case left, right }

  private let alignments: [Alignment]
  private var rows: [[String]]
  private var rules: Set<Int> = [1]

  /// - Parameter columns: heading and alignment of each.
  init(_ columns: [(String, Alignment)]) {
    alignments = columns.map(\.1)
    rows = [columns.map(\.0)]
  }

  mutating func append(_ cells: [String]) {
    precondition(cells.count == alignments.count, "a row has a cell a column")
    rows.append(cells)
  }

  /// Draws a line under the rows so far.
  mutating func rule() { rules.insert(rows.count) }

  var text: String {
    let widths = alignments.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines: [String] = []
    for (index, row) in rows.enumerated() {
      if rules.contains(index) {
        lines.append(widths.map { String(repeating: "─", count: $0) }.joined(separator: "  "))
      }
      let cells = zip(zip(row, widths), alignments).map { pair, alignment in
        let padding = String(repeating: " ", count: pair.1 - pair.0.count)
        return alignment == .left ? pair.0 + padding : padding + pair.0
      }
      var line = cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      lines.append(line)
    }
    return lines.joined(separator: "\n")
  }
}
