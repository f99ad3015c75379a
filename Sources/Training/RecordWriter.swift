import Foundation
import Glibc

/// Appends one JSON object a line to the run's records; each line names its kind. Lines are written once a second and
/// at the end, so a crash loses a second of records and no checkpoint.
final class RecordWriter {
  private let file: Int32
  private let path: String
  private var pending: [UInt8] = []
  private var lastWrite = ContinuousClock.now
  private let encoder: JSONEncoder

  /// - Parameter keepingSteps: records of later steps are dropped: a resumed run writes them again. Nil for a new file.
  init(path: String, keepingSteps: Int?) throws {
    self.path = path
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if let last = keepingSteps {
      let kept = try Self.lines(upTo: last, in: path)
      try AtomicFile.write(Array(kept.utf8).span, to: path)
    }
    file = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (keepingSteps == nil ? O_TRUNC : O_APPEND), 0o644)
    guard file >= 0 else {
      throw TrainingError(.storage, "cannot write \(path): choose another --run-dir")
    }
  }

  deinit {
    try? flush()
    close(file)
  }

  func append(_ kind: String, _ record: some Encodable) throws {
    let body = try encoder.encode(record)
    pending += Array("{\"kind\":\"\(kind)\",".utf8) + body.dropFirst() + [UInt8(ascii: "\n")]
    if ContinuousClock.now - lastWrite > .seconds(1) { try flush() }
  }

  func flush() throws {
    lastWrite = .now
    while !pending.isEmpty {
      let count = unsafe pending.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw TrainingError(.storage, "cannot write \(path); free space or choose another --run-dir")
      }
      pending.removeFirst(count)
    }
  }

  private struct StepOnly: Decodable {
    let step: Int?
  }

  /// The whole lines of `path` whose step is `last` or earlier.
  private static func lines(upTo last: Int, in path: String) throws -> String {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return "" }
    let decoder = JSONDecoder()
    return text.split(separator: "\n").filter { line in
      guard let record = try? decoder.decode(StepOnly.self, from: Data(line.utf8)) else { return false }
      return (record.step ?? 0) <= last
    }.map { $0 + "\n" }.joined()
  }
}
