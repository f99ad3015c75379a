package import Catalog

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

  /// - Throws: `CatalogError` with the place of what is wrong.
  package static func read(_ bytes: consuming ByteReader) throws(CatalogError) -> [FabricMeasurement] {
    var table = try CSVTable(CSVReader(bytes), required: columns, optional: nil)
    var rows: [FabricMeasurement] = []
    while let row = try table.next() {
      let time = row["time_us"].text
      if !time.isEmpty, Double(time).map({ $0 > 0 }) != true {
        throw CatalogError(
          .invalidValue, at: row["time_us"].place, "'\(time)' is no time",
          remedy: "write microseconds, or leave it empty")
      }
      rows.append(
        FabricMeasurement(
          line: row.place.line, hardware: row["hardware"].text, nodes: Int(row["nodes"].text),
          ranks: Int(row["gpus"].text),
          collective: row["collective"].text, size: row["message_size_bytes"].text,
          bytes: Double(row["message_size_bytes"].text), seconds: Double(time).map { $0 * 1e-6 },
          kind: row["kind"].text,
          source: row["source"].text))
    }
    return rows
  }

  /// Why it is not among the scored points; nil if it is.
  package var notScored: String? {
    if collective != Collective.allReduce.rawValue { return "not an all-reduce, but \(collective)" }
    if kind != "measured" { return "not measured, but \(kind)" }
    if bytes == nil { return "no exact size ('\(size)')" }
    if seconds == nil { return "no time" }
    if nodes == nil || ranks == nil { return "no rank count" }
    return nil
  }
}
