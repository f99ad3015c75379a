import Glibc

/// Files that are there whole or not at all.
package enum AtomicFile {
  /// Makes a folder if there is none.
  ///
  /// - Throws: `CatalogError` with code `.unreadable`.
  package static func makeDirectory(_ path: String) throws(CatalogError) {
    guard unsafe mkdir(path, 0o777) != 0, errno != EEXIST else { return }
    throw failure(path, "make its parent folder first")
  }

  /// Writes a file beside `path`, syncs it to disk and renames it to `path`.
  ///
  /// - Throws: `CatalogError` with code `.unreadable`; then `path` is as it was.
  package static func write(_ text: String, to path: String) throws(CatalogError) {
    let temporary = "\(path).\(getpid()).part"
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(temporary, "make the folder writable") }
    let isWritten = writeAll(Array(text.utf8), to: descriptor)
    guard isWritten, fsync(descriptor) == 0, close(descriptor) == 0, unsafe rename(temporary, path) == 0 else {
      let error = failure(path, "free some space, or name another folder")
      unsafe unlink(temporary)
      throw error
    }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private static func failure(_ path: String, _ remedy: String) -> CatalogError {
    let reason = unsafe String(cString: strerror(errno))
    return CatalogError(.unreadable, "it cannot be written: \(reason)", remedy: remedy, file: path)
  }
}
