import CCostModel
package import Catalog
import Collectives

/// A measured or published figure of a collective: a row of a file with the columns hardware, nodes, gpus, collective,
/// message_size_bytes, algbw_GBps, busbw_GBps, time_us, kind, source.
package struct FabricMeasurement: Hashable, Sendable {
  package let line: Int
  package let hardware: String
  /// Nil where the source does not say.
  package let nodes: Int?
  package let ranks: Int?
  package let collective: String
  /// As written: a number of bytes, or "large", "max".
  package let size: String
  package let bytes: Double?
  package let seconds: Double?
  package let kind: String
  package let source: String

  static let columns = [
    "hardware", "nodes", "gpus", "collective", "message_size_bytes", "algbw_GBps", "busbw_GBps", "time_us", "kind",
    "source",
  ]

  /// All rows of a table.
  ///
  /// - Throws: `CatalogError` with the place of what is wrong.
  package static func read(_ bytes: consuming ByteReader) throws(CatalogError) -> [FabricMeasurement] {
    var table = try CSVTable(CSVReader(bytes), required: columns, optional: nil)
    var rows: [FabricMeasurement] = []
    while let row = try table.next() { rows.append(try FabricMeasurement(row)) }
    guard !rows.isEmpty else {
      throw CatalogError(
        .invalidValue, "a table without rows", remedy: "write a measured collective a line below the header",
        file: table.fileName, line: 2, column: 1)
    }
    return rows
  }

  /// The figures that the command carries in itself, most of them measured, each with its source.
  ///
  /// - Throws: `CatalogError`, if the shipped file does not fit this version.
  package static func shipped() throws(CatalogError) -> [FabricMeasurement] {
    try read(unsafe Shipped.reader("collectives.csv", unsafe ccostmodel_collectives))
  }

  private init(_ row: CSVTable.Row) throws(CatalogError) {
    line = row.place.line
    hardware = row["hardware"].text
    kind = row["kind"].text
    let isMeasured = kind == Self.measured
    nodes = try Self.count(row["nodes"], of: "nodes", isMeasured: isMeasured)
    ranks = try Self.count(row["gpus"], of: "ranks", isMeasured: isMeasured)
    collective = row["collective"].text
    size = row["message_size_bytes"].text
    bytes = Double(size).flatMap { $0 > 0 && $0 <= 0x1p60 ? $0 : nil }
    source = row["source"].text
    // What vendors state may be a range, and is not scored; what was measured took a time.
    let time = row["time_us"]
    let microseconds = Double(time.text).flatMap { $0.isFinite && $0 > 0 ? $0 : nil }
    if microseconds == nil, !time.text.isEmpty, isMeasured {
      throw CatalogError(
        .invalidValue, at: time.place, "'\(time.text)' is no time above 0",
        remedy: "write microseconds, or leave it empty")
    }
    seconds = microseconds.map { $0 * 1e-6 }
  }

  private static let measured = "measured"

  /// Nil if the field is empty or 0, which sources write where there is nothing to count.
  private static func count(
    _ field: CSVReader.Field, of what: String, isMeasured: Bool
  ) throws(CatalogError) -> Int? {
    if let count = Int(field.text), 0...1_000_000_000 ~= count { return count > 0 ? count : nil }
    guard isMeasured, !field.text.isEmpty else { return nil }
    throw CatalogError(
      .invalidValue, at: field.place, "'\(field.text)' is no number of \(what)",
      remedy: "write a whole number up to 1e9, or leave it empty")
  }

  /// Why it is not among the scored points; nil if it is.
  package var notScored: String? {
    if collective != Collective.allReduce.rawValue { return "not an all-reduce, but \(collective)" }
    if kind != Self.measured { return "not measured, but \(kind)" }
    if bytes == nil { return "no exact size ('\(size)')" }
    if seconds == nil { return "no time" }
    guard let nodes, let ranks else { return "no number of nodes or of ranks" }
    if ranks < 2 || ranks < nodes { return "\(ranks) ranks on \(nodes) nodes" }
    return nil
  }
}
