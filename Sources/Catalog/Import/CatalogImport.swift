import Glibc
import Units

/// Brings what somebody else's file says into a directory that `Catalog(directory:)` lays over the shipped catalog.
package enum CatalogImport {
  package enum Format: String, Sendable {
    /// JSON of `aws ec2 describe-instance-types`.
    case describeInstanceTypes
    /// JSON or CSV of the AWS Price List; the first byte tells which.
    case priceList
    /// CSV of SkyPilot's catalog of AWS.
    case skyPilot
  }

  /// Reads `path` as a stream and writes what it has of news into `directory`. The directory's files are replaced whole
  /// after all was read and found consistent: an import that fails leaves them as they were.
  ///
  /// - Parameters:
  ///   - path: "-" is standard input; gzip is inflated.
  ///   - directory: made if need be.
  ///   - asOf: the date of the file; nil takes the price list's own, else the file's last change, else today.
  /// - Throws: `CatalogError`, `InvalidCatalog` if the directory's present files are refused.
  package static func run(
    _ format: Format, path: String, into directory: String, asOf: FactDate?
  ) throws -> ImportReport {
    var loader = CatalogLoader()
    try loader.readShipped()
    if CatalogFile.allCases.contains(where: { unsafe access("\(directory)/\($0.name)", F_OK) == 0 }) {
      try loader.read(directory: directory)
    }
    let catalog = try loader.catalog()
    let name = path == "-" ? "standard input" : path.split(separator: "/").last.map(String.init) ?? path
    let batch = try read(format, path: path, name: name, catalog, asOf: asOf ?? date(of: path))
    var merge = ImportMerge(catalog: catalog, own: loader.own, batch: batch)
    try merge.run()
    guard merge.hasNews else { return merge.report }
    // What is about to be written must load.
    var check = CatalogLoader()
    try check.readShipped()
    for file in merge.files { try check.read(file.kind, ByteReader(Array(file.text.utf8), name: file.kind.name)) }
    _ = try check.catalog()
    try AtomicFile.makeDirectory(directory)
    for file in merge.files where file.isChanged {
      try AtomicFile.write(file.text, to: "\(directory)/\(file.kind.name)")
      merge.report.written.append("\(directory)/\(file.kind.name)")
    }
    return merge.report
  }

  private static func read(
    _ format: Format, path: String, name: String, _ catalog: Catalog, asOf: FactDate
  ) throws(CatalogError) -> ImportBatch {
    var bytes = try ByteReader(path: path)
    switch format {
    case .describeInstanceTypes:
      var records = DescribeInstanceTypes(catalog: catalog, asOf: asOf, name: name)
      try records.read(bytes)
      return records.batch
    case .priceList:
      var list = PriceList(catalog: catalog, asOf: asOf, name: name)
      let first = try bytes.peek()
      if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
        try list.readJSON(bytes)
      } else {
        try list.readCSV(bytes)
      }
      return try list.batch()
    case .skyPilot:
      var rows = SkyPilotCatalog(catalog: catalog, asOf: asOf, name: name)
      try rows.read(bytes)
      return rows.batch
    }
  }

  /// The day of the file's last change, or today's for standard input.
  static func date(of path: String) -> FactDate {
    var status = stat()
    var moment = time(nil)
    if path != "-", unsafe stat(path, &status) == 0 { moment = status.st_mtim.tv_sec }
    return FactDate(secondsSince1970: Int(moment))
  }
}
