import Collectives
import Jobs

/// How a run's directory is chosen, and the checkpoint that a resumed run goes on from. The coordinator decides and
/// reads; the others are sent what it found, so they need no shared disk.
struct RunOpening {
  struct Opened {
    let directory: RunDirectory
    let checkpoint: Checkpoint?
    /// On the coordinator.
    let isResumed: Bool
    /// What the user should know, on the coordinator.
    let warnings: [String]
  }

  private let trainer: Trainer

  init(_ trainer: Trainer) { self.trainer = trainer }

  /// Collective.
  func open() throws -> Opened {
    let found = try trainer.together { trainer.isCoordinator ? try find() : nil }
    let path = try trainer.group.broadcastMessage(Array((found?.directory.path ?? "").utf8), root: 0)
    let bytes = try trainer.group.broadcastMessage(found?.bytes ?? [], root: 0)
    let directory = RunDirectory(path: String(decoding: path, as: UTF8.self))
    return Opened(
      directory: directory, checkpoint: bytes.isEmpty ? nil : try Checkpoint(decoding: bytes),
      isResumed: found?.isResumed ?? false, warnings: found?.warnings ?? [])
  }

  private struct Found {
    let directory: RunDirectory
    let bytes: [UInt8]
    let isResumed: Bool
    let warnings: [String]
  }

  private func find() throws -> Found {
    let directory = try chosenDirectory()
    let found = directory.isUsed ? try resumed(directory) : fresh(directory)
    try directory.create()
    // Resumed runs too: epochs and checkpoints may be asked for otherwise now.
    try AtomicFile.write(Array(trainer.job.yaml().utf8).span, to: directory.job)
    return found
  }

  private func fresh(_ directory: RunDirectory) -> Found {
    let warning = "there is no run in \(directory.path) to resume: it begins anew"
    return Found(directory: directory, bytes: [], isResumed: false, warnings: trainer.options.resume ? [warning] : [])
  }

  private func resumed(_ directory: RunDirectory) throws -> Found {
    let (checkpoint, path, damaged) = directory.newestCheckpoint()
    if checkpoint == nil, !damaged.isEmpty {
      throw TrainingError(
        .invalidInput,
        "no checkpoint of \(directory.path) is whole:\n" + damaged.joined(separator: "\n")
          + "\nrestore one, or train anew without --resume")
    }
    if let checkpoint, let path {
      try checkJob(checkpoint.header.job, "\(path) is a checkpoint")
    } else {
      let before = try String(decoding: RunDirectory.bytes(at: directory.job), as: UTF8.self)
      try checkJob(before, "\(directory.path) holds a run")
    }
    return Found(
      directory: directory, bytes: checkpoint?.encoded ?? [], isResumed: true,
      warnings: damaged.map { "passed over a damaged checkpoint: \($0)" })
  }

  private func chosenDirectory() throws -> RunDirectory {
    if let path = trainer.options.runDirectory {
      let directory = RunDirectory(path: path)
      guard !directory.isUsed || trainer.options.resume else {
        throw TrainingError(
          .invalidInput,
          "\(path) already holds a run; go on with it by --resume, or give another --run-dir")
      }
      return directory
    }
    if trainer.options.resume, let newest = RunDirectory.newest(for: trainer.job.name) { return newest }
    return RunDirectory.unused(for: trainer.job.name)
  }

  /// A run goes on under the job that began it; only how long it trains and what it keeps may change.
  private func checkJob(_ job: String, _ place: String) throws {
    let before = comparableLines(job)
    let now = comparableLines(trainer.job.yaml())
    guard before != now else { return }
    let change = zip(before, now).first { $0 != $1 }
    if let change, change.0.hasPrefix("epochs:"), change.1.hasPrefix("epochs:") {
      throw TrainingError(
        .invalidInput,
        "\(place) of a run of other length ('\(change.0)' then, '\(change.1)' now), and the schedule "
          + "\(trainer.job.training.schedule.name.rawValue) spans the whole run; resume with as many epochs, or train anew "
          + "in another --run-dir")
    }
    let text = change.map { "'\($0.0)' then, '\($0.1)' now" } ?? "more or fewer keys"
    throw TrainingError(
      .invalidInput,
      "\(place) of another job (\(text)); resume with the job it began with, or train anew in "
        + "another --run-dir")
  }

  private func comparableLines(_ yaml: String) -> [String] {
    let free =
      (trainer.job.training.schedule.spansTheRun ? [] : ["epochs:"]) + [
        "every_steps:", "every_epochs:", "keep:", "bucket:", "zero:", "images:", "labels: /", "labels: \"/", "inputs:",
        "targets:",
        "folder:", "train:",
        "test:",
      ]
    return yaml.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }.map(String.init)
      .filter { line in !free.contains { line.hasPrefix($0) } }
  }
}
