import Foundation

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

  package func create() throws {
    do {
      try FileManager.default.createDirectory(atPath: checkpoints, withIntermediateDirectories: true)
    } catch {
      throw TrainingError(
        .storage, "cannot create \(checkpoints): \(error.localizedDescription); choose another --run-dir")
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
      newest = candidate
      candidate = RunDirectory(path: "\(parent)/\(name)-\(number)")
      number += 1
    }
    return newest
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

  /// Deletes all but the newest `keep` checkpoints, and what torn writes left.
  func prune(keep: Int) {
    for step in checkpointSteps.dropFirst(max(1, keep)) {
      try? FileManager.default.removeItem(atPath: checkpoint(step: step))
    }
  }
}
