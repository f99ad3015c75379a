import Foundation
import Glibc
import Jobs

/// The files of one run: the job as resolved, records, checkpoints, the report.
package struct RunDirectory: Hashable, Sendable {
  package let path: String

  package init(path: String) { self.path = path }

  package var job: String { path + "/job.yaml" }
  package var records: String { path + "/records.jsonl" }
  package var report: String { path + "/report.json" }
  package var checkpoints: String { path + "/checkpoints" }

  /// Whether a run has left anything here.
  package var isUsed: Bool { FileManager.default.fileExists(atPath: job) }

  /// Makes the directory, and removes what torn writes left in one that was there.
  /// - Throws: `TrainingError` with `.storage`.
  package func create() throws {
    let parts = checkpoints.split(separator: "/")
    for count in 1...parts.count {
      let part = (checkpoints.hasPrefix("/") ? "/" : "") + parts.prefix(count).joined(separator: "/")
      if isDirectory(part) { continue }
      if unsafe mkdir(part, 0o777) == 0 { continue }
      let reason = unsafe String(cString: strerror(errno))
      throw TrainingError(.storage, "cannot create the directory \(part): \(reason); choose another --run-dir")
    }
    removePartialFiles(in: path)
    removePartialFiles(in: checkpoints)
  }

  private func isDirectory(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  private func removePartialFiles(in directory: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    for name in names where name.hasSuffix(AtomicFile.partialSuffix) {
      try? FileManager.default.removeItem(atPath: "\(directory)/\(name)")
    }
  }

  /// `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3` … that no run has used: a second run of a job never
  /// overwrites the first.
  package static func unused(for name: String, in parent: String = "runs") -> RunDirectory {
    var candidate = RunDirectory(path: "\(parent)/\(name)")
    var number = 2
    while candidate.isUsed {
      candidate = RunDirectory(path: "\(parent)/\(name)-\(number)")
      number += 1
    }
    return candidate
  }

  /// The newest run of the job `name`: what `--resume` goes on with; nil if there is none.
  package static func newest(for name: String, in parent: String = "runs") -> RunDirectory? {
    var newest: RunDirectory?
    var candidate = RunDirectory(path: "\(parent)/\(name)")
    var number = 2
    while candidate.isUsed {
      if candidate.isOf(name) { newest = candidate }
      candidate = RunDirectory(path: "\(parent)/\(name)-\(number)")
      number += 1
    }
    return newest
  }

  /// False if the run here is one of a job of another name, such as `NAME-2`.
  private func isOf(_ name: String) -> Bool {
    guard let other = try? JobFile(path: job).job.name else { return true }
    return other == name
  }

  /// Steps that have a checkpoint, newest first.
  package var checkpointSteps: [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), name.hasSuffix(".safetensors") else { return nil }
      return Int(name.dropFirst(5).dropLast(12))
    }.sorted(by: >)
  }

  package func checkpoint(step: Int) -> String {
    let digits = String(step)
    let padding = String(repeating: "0", count: max(0, 8 - digits.count))
    return "\(checkpoints)/step-\(padding)\(digits).safetensors"
  }

  /// Deletes all but the newest `keep` checkpoints up to `newest`. Later ones go too: the run has passed them over as
  /// damaged, and must not be held up by them when it is resumed again.
  func prune(keep: Int, newest: Int) {
    let steps = checkpointSteps
    for step in steps.filter({ $0 > newest }) + steps.filter({ $0 <= newest }).dropFirst(max(1, keep)) {
      try? FileManager.default.removeItem(atPath: checkpoint(step: step))
    }
  }
}
