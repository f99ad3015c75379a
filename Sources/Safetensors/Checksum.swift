import CZlib

/// The CRC-32 that a file carries of itself, in the metadata key `crc32` as eight lower-case hexadecimal digits.
enum Checksum {
  static let key = "crc32"
  static let zeros = "00000000"

  /// CRC-32 (zlib's polynomial) of `bytes` with the eight bytes at `digits` read as zeros.
  static func of(_ bytes: [UInt8], digits: Int) -> String {
    var checksum = crc32_z(0, nil, 0)
    unsafe bytes.withUnsafeBufferPointer { bytes in
      func add(_ part: Slice<UnsafeBufferPointer<UInt8>>) {
        let part = unsafe UnsafeBufferPointer(rebasing: part)
        checksum = unsafe crc32_z(checksum, part.baseAddress, part.count)
      }
      unsafe add(bytes[..<digits])
      for zero in zeros.utf8 { checksum = unsafe withUnsafePointer(to: zero) { unsafe crc32_z(checksum, $0, 1) } }
      unsafe add(bytes[(digits + 8)...])
    }
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// - Throws: `SafetensorsError` with `.checksumMismatch` if `stated` is not the checksum of the file's bytes.
  static func verify(_ stated: String, of bytes: [UInt8], header: Range<Int>) throws {
    guard let digits = position(of: stated, in: bytes, header: header), of(bytes, digits: digits) == stated else {
      throw SafetensorsError(
        .checksumMismatch,
        "the file's bytes do not give the checksum '\(stated)' that it states: it was damaged or not written to its "
          + "end; use an earlier copy or write it again")
    }
  }

  /// Where the digits of `"crc32": "…"` stand in the header.
  private static func position(of stated: String, in bytes: [UInt8], header: Range<Int>) -> Int? {
    guard stated.utf8.count == 8 else { return nil }
    let key = Array("\"\(key)\"".utf8)
    let value = Array("\"\(stated)\"".utf8)
    for start in header where bytes[start...].starts(with: key) && bytes[start - 1] != UInt8(ascii: "\\") {
      var next = start + key.count
      let spacing = Set(": \t\r\n".utf8)
      while header.contains(next), spacing.contains(bytes[next]) { next += 1 }
      if bytes[next...].starts(with: value) { return next + 1 }
    }
    return nil
  }
}
