import CCatalog
import Glibc

/// The four files that make a catalog.
enum CatalogFile: String, CaseIterable {
  case sources, accelerators, instances, prices

  var name: String { rawValue + ".csv" }

  var columns: [String] {
    switch self {
    case .sources: ["source", "title"]
    case .accelerators: ["accelerator", "attribute", "value", "unit", "source", "as_of", "note"]
    case .instances: ["instance", "attribute", "value", "unit", "source", "as_of", "note"]
    case .prices: ["instance", "region", "zone", "kind", "terms", "usd_per_hour", "source", "as_of", "note"]
    }
  }

  /// The one that the command carries in itself.
  var shipped: ByteReader {
    switch self {
    case .sources: unsafe Shipped.reader("sources.csv", unsafe ccatalog_sources)
    case .accelerators: unsafe Shipped.reader("accelerators.csv", unsafe ccatalog_accelerators)
    case .instances: unsafe Shipped.reader("instances.csv", unsafe ccatalog_instances)
    case .prices: unsafe Shipped.reader("prices.csv", unsafe ccatalog_prices)
    }
  }

  /// The one of `directory`; nil if it has none.
  func reader(in directory: String) throws(CatalogError) -> ByteReader? {
    let path = directory + "/" + name
    guard unsafe access(path, F_OK) == 0 else { return nil }
    return try ByteReader(path: path)
  }
}

/// Data that lie in the binary.
package enum Shipped {
  static var knownDifferences: ByteReader {
    unsafe reader("known-differences.csv", unsafe ccatalog_known_differences)
  }

  /// What DescribeInstanceTypes said of every type of the catalog, as moto (Apache-2.0) recorded it.
  static var describeSample: ByteReader {
    unsafe reader("describe-instance-types-sample.json", unsafe ccatalog_describe_sample)
  }

  /// - Parameters:
  ///   - name: as errors name it, behind "shipped".
  ///   - access: of a C target that holds files: where the bytes begin, and how many.
  package static func reader(
    _ name: String, _ access: (UnsafeMutablePointer<Int>?) -> UnsafePointer<UInt8>?
  ) -> ByteReader {
    var count = 0
    let start = unsafe access(&count)
    let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
    return ByteReader(unsafe Array(bytes), name: "shipped " + name)
  }
}
