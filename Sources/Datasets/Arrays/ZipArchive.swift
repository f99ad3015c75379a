import CZlib
import Foundation

/// The members of a ZIP archive, stored or deflated, as numpy.savez and savez_compressed write them.
///
/// Source: PKWARE, APPNOTE.TXT 6.3.10. Sizes come from the central directory, also those of ZIP64.
struct ZipArchive {
  struct Member: Hashable {
    let name: String
    let method: Int
    let checksum: UInt32
    let compressedSize: Int
    let size: Int
    /// Of its local header.
    let offset: Int
  }

  let path: String
  let members: [Member]
  private let bytes: [UInt8]

  /// - Throws: `DatasetError` with the byte.
  init(_ bytes: [UInt8], path: String) throws(DatasetError) {
    self.path = path
    self.bytes = bytes
    let reader = LittleEndian(bytes)
    // The end record is 22 bytes and a comment of up to 65,535.
    let lowest = max(0, bytes.count - 22 - 65_535)
    guard bytes.count >= 22,
      let end = (lowest...(bytes.count - 22)).last(where: { reader.word32($0) == 0x0605_4b50 })
    else {
      throw DatasetError(
        bytes.starts(with: [0x50, 0x4b]) ? .truncatedData : .wrongMagic, path: path, offset: bytes.count,
        "the archive has no directory at its end", remedy: "give a whole .npz file, as numpy.savez writes it")
    }
    var count = reader.word16(end + 10)
    var place = reader.word32(end + 16)
    if place == 0xffff_ffff, end >= 20, reader.word32(end - 20) == 0x0706_4b50,
      let directory = Int(exactly: reader.word64(end - 12)), directory + 56 <= bytes.count
    {
      count = Int(truncatingIfNeeded: reader.word64(directory + 32))
      place = Int(truncatingIfNeeded: reader.word64(directory + 48))
    }
    var members: [Member] = []
    for _ in 0..<count {
      guard place >= 0, place + 46 <= bytes.count, reader.word32(place) == 0x0201_4b50 else {
        throw Self.corrupt(path, place)
      }
      let (nameSize, extraSize) = (reader.word16(place + 28), reader.word16(place + 30))
      let next = place + 46 + nameSize + extraSize + reader.word16(place + 32)
      guard next <= bytes.count else { throw Self.corrupt(path, place) }
      members.append(reader.member(at: place, nameSize: nameSize, extraSize: extraSize))
      place = next
    }
    self.members = members
  }

  private static func corrupt(_ path: String, _ offset: Int) -> DatasetError {
    DatasetError(
      .truncatedData, path: path, offset: offset, "the archive's directory is damaged", remedy: "fetch the file again")
  }

  /// The content of a member, inflated; its checksum is checked.
  /// - Throws: `DatasetError`.
  func content(of member: Member) throws(DatasetError) -> [UInt8] {
    let reader = LittleEndian(bytes)
    guard member.offset >= 0, member.offset + 30 <= bytes.count, reader.word32(member.offset) == 0x0403_4b50 else {
      throw Self.corrupt(path, member.offset)
    }
    let start = member.offset + 30 + reader.word16(member.offset + 26) + reader.word16(member.offset + 28)
    guard member.compressedSize >= 0, member.size >= 0, start + member.compressedSize <= bytes.count else {
      throw DatasetError(
        .truncatedData, path: path, offset: bytes.count, "'\(member.name)' ends behind the end of the archive",
        remedy: "fetch the file again")
    }
    let packed = Array(bytes[start..<start + member.compressedSize])
    let content: [UInt8]
    switch member.method {
    case 0: content = packed
    case 8: content = try inflated(packed, member, start)
    default:
      throw DatasetError(
        .unsupportedFormat, path: path, offset: start, "'\(member.name)' is packed by method \(member.method)",
        remedy: "write it with numpy.savez or savez_compressed")
    }
    let checksum = unsafe content.withUnsafeBufferPointer { bytes in
      UInt32(truncatingIfNeeded: unsafe crc32_z(0, bytes.baseAddress, bytes.count))
    }
    guard content.count == member.size, checksum == member.checksum else {
      throw DatasetError(
        .corruptGzip, path: path, offset: start, "the checksum of '\(member.name)' is wrong",
        remedy: "fetch the file again")
    }
    return content
  }

  private func inflated(_ packed: [UInt8], _ member: Member, _ start: Int) throws(DatasetError) -> [UInt8] {
    // Deflate never shrinks by more than about 1032 to 1: a directory that lies must not become a wild allocation.
    // zlib counts a stream in 32 bits.
    guard member.size <= 1_100 * packed.count + 64, let size = UInt32(exactly: member.size) else {
      throw Self.corrupt(path, start)
    }
    var content = [UInt8](repeating: 0, count: member.size)
    var stream = unsafe z_stream()
    guard unsafe czlib_inflate_init_raw(&stream) == Z_OK else {
      throw DatasetError(.unreadableFile, path: path, "zlib has no memory to inflate it", remedy: "free some memory")
    }
    var packed = packed
    let status = unsafe packed.withUnsafeMutableBufferPointer { input in
      unsafe content.withUnsafeMutableBufferPointer { output in
        unsafe stream.next_in = input.baseAddress
        unsafe stream.avail_in = UInt32(truncatingIfNeeded: input.count)
        unsafe stream.next_out = output.baseAddress
        unsafe stream.avail_out = size
        return unsafe inflate(&stream, Z_FINISH)
      }
    }
    unsafe inflateEnd(&stream)
    guard status == Z_STREAM_END else {
      throw DatasetError(
        .corruptGzip, path: path, offset: start, "'\(member.name)' cannot be inflated (zlib status \(status))",
        remedy: "fetch the file again")
    }
    return content
  }
}

/// Numbers of bytes that the caller knows to be there.
private struct LittleEndian {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func word16(_ place: Int) -> Int { Int(bytes[place]) | Int(bytes[place + 1]) << 8 }
  func word32(_ place: Int) -> Int { word16(place) | word16(place + 2) << 16 }
  func word64(_ place: Int) -> UInt64 { UInt64(word32(place)) | UInt64(word32(place + 4)) << 32 }

  /// A member of the directory at `place`; what does not fit its 32 bits stands in the ZIP64 field behind the name.
  func member(at place: Int, nameSize: Int, extraSize: Int) -> ZipArchive.Member {
    var sizes = [word32(place + 24), word32(place + 20), word32(place + 42)]
    var extra = place + 46 + nameSize
    let end = extra + extraSize
    while extra + 4 <= end {
      let (kind, size) = (word16(extra), word16(extra + 2))
      if kind == 1 {
        var value = extra + 4
        for index in sizes.indices where sizes[index] == 0xffff_ffff && value + 8 <= min(extra + 4 + size, end) {
          sizes[index] = Int(truncatingIfNeeded: word64(value))
          value += 8
        }
      }
      extra += 4 + size
    }
    return ZipArchive.Member(
      name: String(decoding: bytes[(place + 46)..<(place + 46 + nameSize)], as: UTF8.self),
      method: word16(place + 10), checksum: UInt32(word32(place + 16)), compressedSize: sizes[1], size: sizes[0],
      offset: sizes[2])
  }
}
