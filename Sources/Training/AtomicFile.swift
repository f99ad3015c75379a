import Glibc

/// Files that are either whole or not there.
enum AtomicFile {
  static let partialSuffix = ".partial"

  /// Writes `bytes` under a temporary name, syncs, renames, and syncs the directory: after a crash at any moment the
  /// file at `path` is the old one or the new one.
  /// - Throws: `TrainingError` with `.storage`.
  static func write(_ bytes: Span<UInt8>, to path: String) throws {
    let temporary = path + partialSuffix
    let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw failure("create", temporary) }
    do {
      try writeAll(bytes, to: file, temporary)
      guard fsync(file) == 0 else { throw failure("sync", temporary) }
    } catch {
      close(file)
      unsafe unlink(temporary)
      throw error
    }
    close(file)
    guard unsafe rename(temporary, path) == 0 else {
      let error = failure("replace", path)
      unsafe unlink(temporary)
      throw error
    }
    syncDirectory(of: path)
  }

  private static func writeAll(_ bytes: Span<UInt8>, to file: Int32, _ path: String) throws {
    var written = 0
    while written < bytes.count {
      let rest = bytes.extracting(written..<bytes.count)
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw failure("write", path) }
      written += count
    }
  }

  private static func syncDirectory(of path: String) {
    let slash = path.lastIndex(of: "/")
    let directory = slash.map { String(path[..<$0]) } ?? "."
    let file = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { return }
    fsync(file)
    close(file)
  }

  private static func failure(_ action: String, _ path: String) -> TrainingError {
    let reason = unsafe String(cString: strerror(errno))
    return TrainingError(.storage, "cannot \(action) \(path): \(reason); free space or choose another --run-dir")
  }
}
