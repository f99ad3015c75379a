import Foundation
import Glibc
package import Jobs

/// Appends one JSON object a line to the run's records; each line names its kind. Lines are written once a second, and
/// before each checkpoint and at the end: a crash loses no record of a step that a checkpoint has.
package final class RecordWriter {
  private let file: Int32
  private let path: String
  private var pending: [UInt8] = []
  private var lastWrite = ContinuousClock.now
  private let encoder: JSONEncoder
  /// Of the records kept; nil if none is of an epoch.
  package let lastEpoch: EpochRecord?

  /// - Parameter keepingSteps: records of later steps are dropped: a resumed run writes them again. Nil for a new file.
  /// - Throws: `TrainingError` with `.storage`.
  package init(path: String, keepingSteps: Int?) throws {
    self.path = path
    var lastEpoch: EpochRecord?
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if let last = keepingSteps {
      let kept = try Self.lines(upTo: last, in: path)
      try AtomicFile.write(Array(kept.map { $0 + "\n" }.joined().utf8).span, to: path)
      lastEpoch = kept.last { $0.hasPrefix(Self.head("epoch")) }.flatMap {
        try? JSONDecoder().decode(EpochRecord.self, from: Data($0.utf8))
      }
    }
    self.lastEpoch = lastEpoch
    file = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (keepingSteps == nil ? O_TRUNC : O_APPEND), 0o644)
    guard file >= 0 else { throw Self.failure("write", path) }
  }

  deinit {
    try? flush()
    if file >= 0 { close(file) }
  }

  private static func head(_ kind: String) -> String { "{\"kind\":\"\(kind)\"," }

  private static func failure(_ action: String, _ path: String) -> TrainingError {
    let reason = unsafe String(cString: strerror(errno))
    return TrainingError(.storage, "cannot \(action) \(path): \(reason); free space or choose another --run-dir")
  }

  /// A line that cannot be written now waits for the next `flush()`, which all ranks hear of.
  package func append(_ kind: String, _ record: some Encodable) throws {
    let body = try encoder.encode(record)
    pending += Array(Self.head(kind).utf8) + body.dropFirst() + [UInt8(ascii: "\n")]
    if ContinuousClock.now - lastWrite > .seconds(1) { try? flush() }
  }

  /// Hands all lines to the kernel.
  /// - Throws: `TrainingError` with `.storage`.
  package func flush() throws {
    lastWrite = .now
    while !pending.isEmpty {
      let count = unsafe pending.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Self.failure("write", path) }
      pending.removeFirst(count)
    }
  }

  private struct StepOnly: Decodable {
    let step: Int?
  }

  /// The whole lines of `path` whose step is `last` or earlier; a crash may have torn the last line.
  private static func lines(upTo last: Int, in path: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    guard let bytes = FileManager.default.contents(atPath: path) else { throw failure("read", path) }
    let decoder = JSONDecoder()
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
      guard let record = try? decoder.decode(StepOnly.self, from: line), (record.step ?? 0) <= last else { return nil }
      return String(decoding: line, as: UTF8.self)
    }
  }
}
