extension SafetensorsFile {
  /// The file's bytes, checksum included: the same content gives the same bytes.
  package func encode() -> [UInt8] {
    var header: [UInt8] = []
    let digits = 8 + appendMetadata(to: &header)
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.data.count
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      header += Array(",\(Self.quoted(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],".utf8)
      header += Array("\"data_offsets\":[\(offset),\(end)]}".utf8)
      offset = end
    }
    header.append(UInt8(ascii: "}"))
    header += Array(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)

    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + offset)
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: header.count >> (8 * shift))) }
    bytes += header
    for tensor in tensors { bytes += tensor.data }
    bytes.replaceSubrange(digits..<(digits + 8), with: Array(Checksum.of(bytes, digits: digits).utf8))
    return bytes
  }

  /// Opens the header with the metadata, keys sorted.
  /// - Returns: the position of the checksum's digits, which are zeros yet.
  private func appendMetadata(to header: inout [UInt8]) -> Int {
    var digits = 0
    header += Array("{\"\(Header.metadataKey)\":{".utf8)
    let entries = metadata.merging([Checksum.key: Checksum.zeros]) { $1 }.sorted { $0.key < $1.key }
    for (position, (key, value)) in entries.enumerated() {
      if position > 0 { header.append(UInt8(ascii: ",")) }
      header += Array((Self.quoted(key) + ":").utf8)
      if key == Checksum.key { digits = header.count + 1 }
      header += Array(Self.quoted(value).utf8)
    }
    header.append(UInt8(ascii: "}"))
    return digits
  }

  /// A JSON string (RFC 8259, section 7).
  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        quoted.unicodeScalars += ["\\", scalar]
      case _ where scalar.value < 0x20:
        quoted += "\\u00" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
