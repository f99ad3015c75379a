/// An array of bytes in LeCun's IDX format: 00 00, element type, number of dimensions, each dimension as a big-endian
/// 32-bit integer, then the elements with the last dimension fastest.
///
/// Source: http://yann.lecun.com/exdb/mnist, "The IDX file format".
package struct IDX: Sendable, Hashable {
  package let dimensions: [Int]
  /// The elements, as many as the product of `dimensions`; never none.
  package let elements: [UInt8]

  /// Reads `path`, plain or gzip (told by its content), into memory.
  ///
  /// - Parameter dimensionCount: how many dimensions the array must have: 3 for grey images, 1 for labels.
  /// - Throws: `DatasetError`. A corrupt gzip stream is named as such, even when it also spoiled the header.
  package init(path: String, dimensionCount: Int) throws(DatasetError) {
    precondition(dimensionCount > 0, "an IDX array has at least one dimension")
    var file = try InflatingFile(path: path)
    let promised: Int
    do throws(DatasetError) {
      dimensions = try Self.readHeader(of: &file, path: path, dimensionCount: dimensionCount)
      promised = try Self.product(of: dimensions, path: path)
    } catch {
      _ = try file.drain()
      throw error
    }
    var elements: [UInt8] = []
    // The header may lie: a wild promise must not become a wild allocation.
    elements.reserveCapacity(min(promised, 1 << 28))
    try file.append(promised, to: &elements)
    let extra = try file.drain()
    let header = 4 + 4 * dimensions.count
    let shape = dimensions.map(String.init).joined(separator: " × ")
    guard elements.count == promised else {
      throw DatasetError(
        .truncatedData, path: path, offset: header + elements.count,
        "the header promises \(promised) elements (\(shape)), the file has \(elements.count)",
        remedy: "the copy is incomplete: fetch the file again")
    }
    guard extra == 0 else {
      throw DatasetError(
        .trailingData, path: path, offset: header + promised,
        "the header promises \(promised) elements (\(shape)), the file has \(promised + extra)",
        remedy: "fetch the file again, or correct the header's dimensions")
    }
    self.elements = elements
  }

  private static func readHeader(
    of file: inout InflatingFile, path: String, dimensionCount: Int
  ) throws(DatasetError) -> [Int] {
    var magic: [UInt8] = []
    try file.append(4, to: &magic)
    guard !magic.isEmpty else {
      throw DatasetError(.emptyData, path: path, offset: 0, "the file is empty", remedy: "fetch the file again")
    }
    guard magic.starts(with: [0, 0].prefix(magic.count)), magic.count < 3 || typeNames[magic[2]] != nil else {
      let found = magic.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined(separator: " ")
      throw DatasetError(
        .wrongMagic, path: path, offset: 0, "an IDX file starts with 00 00 08, this one with \(found)",
        remedy: "give the path of an IDX file, plain or gzip")
    }
    guard magic.count == 4 else { throw truncatedHeader(path: path, offset: magic.count) }
    guard magic[2] == 0x08 else {
      throw DatasetError(
        .unsupportedElementType, path: path, offset: 2, "elements are \(typeNames[magic[2]] ?? "unknown")",
        remedy: "convert them to unsigned bytes (type 08)")
    }
    guard magic[3] == dimensionCount else {
      throw DatasetError(
        .wrongDimensionCount, path: path, offset: 3, "\(magic[3]) dimensions where \(dimensionCount) are needed",
        remedy: "images have 3 dimensions and labels 1: are the two paths exchanged?")
    }
    var sizes: [UInt8] = []
    try file.append(4 * dimensionCount, to: &sizes)
    guard sizes.count == 4 * dimensionCount else { throw truncatedHeader(path: path, offset: 4 + sizes.count) }
    let dimensions = (0..<dimensionCount).map { index in
      sizes[4 * index..<4 * index + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    if let index = dimensions.firstIndex(of: 0) {
      throw DatasetError(
        .emptyData, path: path, offset: 4 + 4 * index, "dimension \(index) is 0, so there is no data",
        remedy: "give a file with at least one sample")
    }
    return dimensions
  }

  private static func product(of dimensions: [Int], path: String) throws(DatasetError) -> Int {
    var product = 1
    for (index, dimension) in dimensions.enumerated() {
      let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
      guard !overflow else {
        throw DatasetError(
          .truncatedData, path: path, offset: 4 + 4 * index,
          "the header promises more elements (\(dimensions)) than any file can hold", remedy: "fetch the file again")
      }
      product = next
    }
    return product
  }

  private static func truncatedHeader(path: String, offset: Int) -> DatasetError {
    DatasetError(
      .truncatedData, path: path, offset: offset, "the file ends within its header", remedy: "fetch the file again")
  }

  private static let typeNames: [UInt8: String] = [
    0x08: "unsigned bytes", 0x09: "signed bytes", 0x0b: "16-bit integers", 0x0c: "32-bit integers",
    0x0d: "32-bit floats", 0x0e: "64-bit floats",
  ]
}
