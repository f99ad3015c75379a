import Catalog

/// A published training run: one row of a file in the schema of `apus validate`, cells as printed.
package struct PublishedRun: Hashable, Sendable {
  package let cells: [String: String]
  package let line: Int

  /// The cell of a column, empty if the file has no such column.
  package subscript(_ column: String) -> String { cells[column] ?? "" }

  package var id: String { self["id"] }
  package var source: String { self["source"] }
  package var model: String { self["model"] }
  package var family: String { self["model_family"] }
  package var framework: String { self["framework"] }
  package var accelerator: String { self["accelerator"] }
  package var platform: String { self["instance_or_node"] }
  /// Rows of which one tells nothing new when another is known.
  package var duplicateGroup: String? { self["dup_group"].isEmpty ? nil : self["dup_group"] }
  package var cluster: String { "\(source)|\(model)|\(platform)" }
  /// Whether the file leaves it open or asks for it.
  package var isScored: Bool { number("score_step").map { $0 != 0 } ?? true }

  /// Columns without which a run cannot be told from another.
  static let required = ["id", "source", "model", "accelerator", "framework", "step_time_s"]

  /// All rows of a file; gzip and "-" for standard input too.
  ///
  /// - Throws: `CatalogError` with file, line and column.
  package static func rows(path: String) throws -> [PublishedRun] {
    try rows(ByteReader(path: path))
  }

  static func rows(_ bytes: consuming ByteReader) throws -> [PublishedRun] {
    var table = try CSVTable(CSVReader(bytes), required: required, optional: nil)
    var result: [PublishedRun] = []
    var seen: Set<String> = []
    while let row = try table.next() {
      var cells: [String: String] = [:]
      for column in table.columnNames { cells[column] = row.text(column) }
      for (column, _) in Self.limits { cells[column] = cells[column].map(Self.plain) }
      let run = PublishedRun(cells: cells, line: row.place.line)
      guard !run.id.isEmpty else {
        throw CatalogError(
          .invalidValue, at: row["id"].place, "a run without id", remedy: "give each run a name of its own")
      }
      guard seen.insert(run.id).inserted else {
        throw CatalogError(
          .duplicate, at: row["id"].place, "run '\(run.id)' twice", remedy: "give each run a name of its own")
      }
      let time = row["step_time_s"]
      if !time.text.isEmpty {
        guard let seconds = Double(time.text), seconds.isFinite, seconds > 0 else {
          throw CatalogError(
            .invalidValue, at: time.place, "a step time of '\(time.text)'",
            remedy: "write seconds above 0, or leave the field empty")
        }
      }
      result.append(run)
    }
    guard !result.isEmpty else {
      throw CatalogError(
        .invalidValue, "a table without rows", remedy: "write a run a line below the header", file: table.fileName,
        line: 2, column: 1)
    }
    return result
  }
}
