import CZlib
import Glibc

/// The bytes of a file, of standard input or of memory, one after the other in constant memory; gzip is inflated on the
/// way. Keeps count of the place.
@safe package struct ByteReader: ~Copyable {
  let name: String
  /// Of the byte that `peek` returns.
  private(set) var line = 1
  private(set) var column = 1
  /// Bytes taken, after inflation.
  private(set) var offset = 0

  private var stream: gzFile? = nil
  private var buffer: [UInt8]
  private var next = 0
  private var end: Int

  /// - Parameter path: "-" is standard input.
  /// - Throws: `CatalogError` with code `.unreadable`.
  package init(path: String) throws(CatalogError) {
    name = path == "-" ? "standard input" : path
    buffer = [UInt8](repeating: 0, count: 1 << 18)
    end = 0
    // All is initialised by now, as a type that cannot be copied must be where its initialiser throws.
    unsafe stream = try Self.open(path, name)
    try skipMark()
  }

  private static func open(_ path: String, _ name: String) throws(CatalogError) -> gzFile {
    let descriptor = path == "-" ? dup(STDIN_FILENO) : unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let reason = errno == ENOENT ? "there is no such file" : unsafe String(cString: strerror(errno))
      throw CatalogError(
        .unreadable, reason, remedy: "give the path of a readable file, or - for standard input", file: name)
    }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
      close(descriptor)
      throw CatalogError(.unreadable, "this is a folder", remedy: "give the path of a file", file: name)
    }
    guard let stream = unsafe gzdopen(descriptor, "rb") else {
      close(descriptor)
      throw CatalogError(.unreadable, "zlib has no memory to read it", remedy: "free some memory", file: name)
    }
    unsafe gzbuffer(stream, 1 << 18)
    return unsafe stream
  }

  package init(_ bytes: [UInt8], name: String) {
    self.name = name
    buffer = bytes
    end = bytes.count
    if buffer.starts(with: Self.mark) { next = 3 }
  }

  deinit {
    if let stream = unsafe stream { unsafe gzclose(stream) }
  }

  var place: Place { Place(file: name, line: line, column: column) }

  /// The next byte, which stays; nil at the end.
  mutating func peek() throws(CatalogError) -> UInt8? {
    if next == end { try refill() }
    return next < end ? buffer[next] : nil
  }

  /// Takes the byte that `peek` returned.
  mutating func advance() {
    let byte = buffer[next]
    next += 1
    offset += 1
    if byte == UInt8(ascii: "\n") {
      line += 1
      column = 1
    } else if byte & 0xC0 != 0x80 {
      // Bytes after the first of a scalar in UTF-8 are 10xxxxxx.
      column += 1
    }
  }

  /// Takes bytes into `text` until one of `stops` comes next, the end, or `text` has `limit` bytes.
  @inline(__always)
  mutating func take(into text: inout [UInt8], until stops: (UInt8) -> Bool, limit: Int) throws(CatalogError) {
    while text.count < limit {
      if next == end { try refill() }
      let last = min(end, next + limit - text.count)
      var index = next
      while index < last, case let byte = buffer[index], !stops(byte) {
        if byte == UInt8(ascii: "\n") {
          line += 1
          column = 1
        } else if byte & 0xC0 != 0x80 {
          column += 1
        }
        index += 1
      }
      text.append(contentsOf: buffer[next..<index])
      offset += index - next
      next = index
      if index < last || index == end && end == 0 { return }
      if index == end, try peek() == nil { return }
    }
  }

  private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Skips the byte order mark that Windows puts before UTF-8.
  private mutating func skipMark() throws(CatalogError) {
    try refill()
    if buffer[..<end].starts(with: Self.mark) { next = 3 }
  }

  private mutating func refill() throws(CatalogError) {
    guard let stream = unsafe stream else { return }
    let count = unsafe buffer.withUnsafeMutableBytes { unsafe gzread(stream, $0.baseAddress, UInt32($0.count)) }
    var code: Int32 = 0
    let text = unsafe gzerror(stream, &code).map { unsafe String(cString: $0) } ?? ""
    // Z_BUF_ERROR after a read is a gzip stream without its end.
    guard count >= 0, code == Z_OK || code == Z_STREAM_END else {
      throw CatalogError(
        .unreadable, "the file cannot be read to its end (\(text))", remedy: "fetch the file again", file: name,
        line: line, column: column)
    }
    next = 0
    end = Int(count)
  }
}
