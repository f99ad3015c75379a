extension SafetensorsFile {
  package enum ChecksumRule: Sendable {
    /// Files of other programs: a checksum is verified if there is one.
    case verifiedIfPresent
    /// Files of our own: one without a checksum is refused, so that damage to the very key is seen too.
    case required
  }

  /// Reads a whole file.
  /// - Throws: `SafetensorsError` for every file that is not exactly as the format says.
  package init(decoding bytes: [UInt8], checksum rule: ChecksumRule = .verifiedIfPresent) throws {
    let headerBytes = try Self.headerRange(of: bytes)
    let header = try Header(parsing: bytes[headerBytes])
    if let stated = header.metadata[Checksum.key] {
      try Checksum.verify(stated, of: bytes, header: headerBytes)
    } else if rule == .required {
      throw SafetensorsError(
        .checksumMissing,
        "the file states no checksum ('\(Checksum.key)' in its metadata): it is damaged or was not written by Apus; "
          + "use an earlier copy")
    }
    let data = bytes[headerBytes.upperBound...]
    var tensors: [Tensor] = []
    var end = 0
    // Empty tensors share an offset with their successor; the name settles their order.
    for (name, entry) in header.entries.sorted(by: { ($0.entry.offsets, $0.name) < ($1.entry.offsets, $1.name) }) {
      let range = try Self.range(of: name, entry, after: end, in: data.count)
      guard let type = ElementType(rawValue: entry.dtype) else {
        throw SafetensorsError(
          .unknownType,
          "tensor '\(name)' is of type '\(entry.dtype)'; convert it to one of "
            + ElementType.allCases.map(\.rawValue).joined(separator: ", "))
      }
      let bytes = data[(data.startIndex + range.lowerBound)..<(data.startIndex + range.upperBound)]
      tensors.append(try Tensor(name: name, type: type, shape: entry.shape, data: Array(bytes)))
      end = range.upperBound
    }
    guard end == data.count else {
      throw SafetensorsError(
        .badOffsets,
        "the last \(data.count - end) of \(data.count) data bytes belong to no tensor: the file is damaged")
    }
    try self.init(metadata: header.metadata.filter { $0.key != Checksum.key }, tensors: tensors)
  }

  private static func headerRange(of bytes: [UInt8]) throws -> Range<Int> {
    guard bytes.count >= 8 else {
      throw SafetensorsError(
        .truncated, "a file of \(bytes.count) bytes has no room for a header: it was not written to its end")
    }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= Header.largestByteCount else {
      throw SafetensorsError(
        .headerTooLong,
        "a header of \(length) bytes is beyond the format's \(Header.largestByteCount): not a safetensors file")
    }
    guard Int(length) <= bytes.count - 8 else {
      throw SafetensorsError(
        .truncated,
        "the header takes \(length) bytes and \(bytes.count - 8) are left: the file was not written to its end")
    }
    return 8..<(8 + Int(length))
  }

  private static func range(of name: String, _ entry: Header.Entry, after end: Int, in count: Int) throws -> Range<Int>
  {
    let offsets = entry.offsets
    guard offsets.count == 2, offsets[0] == end, offsets[0] <= offsets[1], offsets[1] <= count else {
      throw SafetensorsError(
        .badOffsets,
        "tensor '\(name)' is said to lie at \(offsets) of \(count) data bytes, where it must start at \(end), behind "
          + "the tensor before it, and end inside the file: the file is damaged or cut off")
    }
    return offsets[0]..<offsets[1]
  }
}

/// Ranges by start, then end, then name.
private func < (a: (offsets: [Int], name: String), b: (offsets: [Int], name: String)) -> Bool {
  if a.offsets != b.offsets { return a.offsets.lexicographicallyPrecedes(b.offsets) }
  return a.name < b.name
}
