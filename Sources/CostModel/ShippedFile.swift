import Catalog

/// The files of `Resources`, which the command carries in itself.
enum ShippedFile {
  /// - Parameters:
  ///   - name: as errors name it, behind "shipped".
  ///   - access: of `CCostModel`: where the bytes begin, and how many.
  static func reader(_ name: String, _ access: (UnsafeMutablePointer<Int>?) -> UnsafePointer<UInt8>?) -> ByteReader {
    var count = 0
    let start = unsafe access(&count)
    let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
    return ByteReader(unsafe Array(bytes), name: "shipped " + name)
  }
}
