import CZlib
import Datasets
import Foundation

/// A file that lives as long as this value.
final class TemporaryFile: Sendable {
  let path: String

  init(_ bytes: [UInt8], name: String = "data") throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("apus-\(UUID().uuidString)-\(name)")
    try Data(bytes).write(to: url)
    path = url.path
  }

  /// Reads it as IDX, and lives until that is done.
  func read(dimensionCount: Int) throws -> IDX {
    try withExtendedLifetime(self) { try IDX(path: path, dimensionCount: dimensionCount) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// The bytes of an IDX file: 00 00 `type`, the dimensions, the elements.
func idx(_ dimensions: [Int], _ elements: [UInt8], type: UInt8 = 8) -> [UInt8] {
  [0, 0, type, UInt8(dimensions.count)]
    + dimensions.flatMap { dimension in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: dimension >> $0) } }
    + elements
}

/// A gzip member of `bytes`, made by zlib.
func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
  let file = try TemporaryFile([], name: "gz")
  let handle = unsafe gzopen(file.path, "wb")
  let written = unsafe gzwrite(handle, bytes, UInt32(bytes.count))
  let status = unsafe gzclose(handle)
  guard written == bytes.count, status == Z_OK else { throw CocoaError(.fileWriteUnknown) }
  return try withExtendedLifetime(file) { [UInt8](try Data(contentsOf: URL(fileURLWithPath: file.path))) }
}

/// Bytes that do not compress to almost nothing, so that a cut or a flip lands in real data.
func noise(_ count: Int) -> [UInt8] {
  var state: UInt32 = 12345
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return UInt8(state >> 24)
  }
}
