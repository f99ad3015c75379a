import CZlib
import Glibc

/// The bytes of a file from its start to its end, inflated on the way if its first two bytes are gzip's (1f 8b).
///
/// zlib checks each member's CRC-32 and length; members one after another are one stream, as `gzip -d` reads them.
@safe struct InflatingFile: ~Copyable {
  private let path: String
  private let descriptor: Int32
  /// On the heap because zlib keeps its address; nil for a plain file.
  private var stream: UnsafeMutablePointer<z_stream>? = nil
  private var input = [UInt8](repeating: 0, count: 1 << 17)
  private var inputRange = 0..<0
  private var fileOffset = 0
  private var memberEnded = false
  /// Set when the stream proved corrupt, which is final: what follows would be misread.
  private var corruption: DatasetError?
  private var chunk = [UInt8](repeating: 0, count: 1 << 18)
  private var chunkRange = 0..<0

  init(path: String) throws(DatasetError) {
    self.path = path
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    let openError = errno
    guard descriptor >= 0 else {
      let reason = unsafe String(cString: strerror(openError))
      throw openError == ENOENT
        ? DatasetError(.missingFile, path: path, "there is no such file", remedy: "give the path of a data file")
        : DatasetError(.unreadableFile, path: path, reason, remedy: "make the file readable for this user")
    }
    try refill()
    guard input[inputRange].starts(with: [0x1f, 0x8b]) else { return }
    let inflater = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe inflater.initialize(to: z_stream())
    guard unsafe czlib_inflate_init_gzip(inflater) == Z_OK else {
      unsafe inflater.deallocate()
      throw DatasetError(.unreadableFile, path: path, "zlib has no memory to inflate it", remedy: "free some memory")
    }
    unsafe stream = inflater
  }

  deinit {
    if let stream = unsafe stream {
      unsafe inflateEnd(stream)
      unsafe stream.deallocate()
    }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Appends the next `count` bytes to `bytes`, fewer at the end of the file.
  mutating func append(_ count: Int, to bytes: inout [UInt8]) throws(DatasetError) {
    var missing = count
    while missing > 0 {
      if chunkRange.isEmpty {
        try fillChunk()
        if chunkRange.isEmpty { return }
      }
      let taken = chunkRange.prefix(missing)
      bytes.append(contentsOf: chunk[taken])
      chunkRange = taken.upperBound..<chunkRange.upperBound
      missing -= taken.count
    }
  }

  /// Reads to the end, so that every check of gzip has been made, and returns how many bytes were left.
  mutating func drain() throws(DatasetError) -> Int {
    var count = 0
    repeat {
      count += chunkRange.count
      try fillChunk()
    } while !chunkRange.isEmpty
    return count
  }

  /// The next bytes of the file, up to a buffer full; none at its end.
  private mutating func refill() throws(DatasetError) {
    var count: Int
    repeat {
      count = unsafe input.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
    } while count < 0 && errno == EINTR
    guard count >= 0 else {
      throw DatasetError(
        .unreadableFile, path: path, offset: fileOffset, unsafe String(cString: strerror(errno)),
        remedy: "give the path of a readable file")
    }
    fileOffset += count
    inputRange = 0..<count
  }

  /// The next inflated bytes, some of them; none at the end.
  private mutating func fillChunk() throws(DatasetError) {
    guard let stream = unsafe stream else {
      if inputRange.isEmpty { try refill() }
      chunk[0..<inputRange.count] = input[inputRange]
      chunkRange = 0..<inputRange.count
      inputRange = 0..<0
      return
    }
    if let corruption { throw corruption }
    chunkRange = 0..<0
    while chunkRange.isEmpty {
      if inputRange.isEmpty { try refill() }
      if inputRange.isEmpty {
        if memberEnded { return }
        throw DatasetError(
          .truncatedGzip, path: path, offset: fileOffset, "the gzip stream ends before its trailer",
          remedy: "the copy is incomplete: fetch the file again")
      }
      if memberEnded {
        unsafe inflateReset(stream)
        memberEnded = false
      }
      try unsafe inflateOnce(stream)
    }
  }

  private mutating func inflateOnce(_ stream: UnsafeMutablePointer<z_stream>) throws(DatasetError) {
    let pending = inputRange
    let status = unsafe input.withUnsafeMutableBufferPointer { input in
      unsafe stream.pointee.next_in = input.baseAddress! + pending.lowerBound
      unsafe stream.pointee.avail_in = UInt32(pending.count)
      return unsafe chunk.withUnsafeMutableBufferPointer { chunk in
        unsafe stream.pointee.next_out = chunk.baseAddress!
        unsafe stream.pointee.avail_out = UInt32(chunk.count)
        return unsafe inflate(stream, Z_NO_FLUSH)
      }
    }
    inputRange = (pending.upperBound - Int(unsafe stream.pointee.avail_in))..<pending.upperBound
    chunkRange = 0..<(chunk.count - Int(unsafe stream.pointee.avail_out))
    switch status {
    case Z_OK, Z_BUF_ERROR: return
    case Z_STREAM_END: memberEnded = true
    default:
      let reason = unsafe stream.pointee.msg.map { unsafe String(cString: $0) } ?? "zlib status \(status)"
      let error = DatasetError(
        .corruptGzip, path: path, offset: fileOffset - inputRange.count, "the gzip stream is corrupt (\(reason))",
        remedy: "fetch the file again")
      corruption = error
      throw error
    }
  }
}
