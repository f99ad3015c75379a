import Collectives
import Foundation
import Jobs
import TestSupport
import Testing
import Training

@Suite("A run that is stopped and goes on")
struct StopTests {
  @Test(
    "The same bits as an undisturbed run, wherever it stopped and on whatever ranks it goes on",
    arguments: [(1, 1, 1), (3, 1, 2), (5, 2, 2), (6, 2, 1), (7, 3, 2), (11, 2, 4)])
  func sameBits(step: Int, before: Int, after: Int) throws {
    let small = try SmallJob()
    let job = try small.job()
    _ = try train(job, run: small.path("whole"))
    // One rank alone has the signal, the last.
    let stopped = try train(job, run: small.path("run"), ranks: before) { rank, asked in
      rank == before - 1 && asked >= step - 1 ? SIGINT : nil
    }
    guard case .stopped(let signal, let at) = stopped.outcome else { throw StopFailed() }
    #expect(at == step)
    #expect(signal == (before == 1 ? SIGINT : SIGTERM))
    #expect(small.checkpoints("run").last == step)
    #expect(try small.recordedSteps("run") == Array(1...step))

    let resumed = try train(job, run: small.path("run"), ranks: after, resume: true)
    guard case .finished(let report) = resumed.outcome else { throw StopFailed() }
    #expect(report?.step == 12)
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
    #expect(try small.recordedSteps("run") == Array(1...12))
    let epochs = try [small.records("run", "epoch"), small.records("whole", "epoch")].map { records in
      records.map { [$0["trainingLoss"], $0["testLoss"], $0["testAccuracy"]].compactMap { $0 as? Double } }
    }
    #expect(epochs[0] == epochs[1])
    #expect(epochs[0].count == 2)
  }

  @Test("A stop at the last step is an end")
  func lastStep() throws {
    let small = try SmallJob()
    let result = try train(try small.job(), run: small.path("run")) { _, asked in asked == 11 ? SIGTERM : nil }
    guard case .finished = result.outcome else { throw StopFailed() }
  }

  @Test("A finished run that is resumed tests again and changes nothing; more epochs go on")
  func finished() throws {
    let small = try SmallJob()
    let job = try small.job()
    guard case .finished(let first?) = try train(job, run: small.path("run")).outcome else { throw StopFailed() }
    let report = try small.bytes("run/report.json")
    let checkpoint = try small.newestCheckpoint("run")
    for ranks in 1...2 {
      let again = try train(job, run: small.path("run"), ranks: ranks, resume: true)
      guard case .finished(let second?) = again.outcome else { throw StopFailed() }
      #expect(second.text == first.text)
      #expect(try small.bytes("run/report.json") == report)
      #expect(try small.newestCheckpoint("run") == checkpoint)
    }
    _ = try train(job, run: small.path("run"), resume: true, epochs: 3)
    _ = try train(job, run: small.path("whole"), epochs: 3)
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
    #expect(try small.recordedSteps("run") == Array(1...18))
    // The job of the directory is the one that was trained.
    #expect(try small.bytes("run/job.yaml") == small.bytes("whole/job.yaml"))
  }

  @Test("A report that the first process did not come to write is written by the next")
  func missingReport() throws {
    let small = try SmallJob()
    let job = try small.job()
    _ = try train(job, run: small.path("run"))
    func facts() throws -> [String] {
      let report = try JSONDecoder().decode(RunReport.self, from: Data(small.bytes("run/report.json")))
      return [report.finalTrainingLoss, report.testLoss, report.testAccuracy].map { "\($0 ?? .nan)" }
    }
    let before = try facts()
    try FileManager.default.removeItem(atPath: small.path("run/report.json"))
    _ = try train(job, run: small.path("run"), resume: true)
    #expect(try facts() == before)
    #expect(!before.contains("nan"))
  }

  @Test("A run that was ended before its first checkpoint begins anew, under its own job only")
  func noCheckpoint() throws {
    let small = try SmallJob()
    let job = try small.job()
    _ = try train(job, run: small.path("whole"))
    _ = try train(job, run: small.path("run"))
    try FileManager.default.removeItem(atPath: small.path("run/checkpoints"))
    let other = try small.job(["seed: 3": "seed: 5"], named: "other.yaml")
    let error = #expect(throws: TrainingError.self) { try train(other, run: small.path("run"), resume: true) }
    #expect(error?.message.contains("holds a run of another job ('seed: 3' then, 'seed: 5' now)") == true)
    _ = try train(job, run: small.path("run"), ranks: 2, resume: true)
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
    #expect(try small.recordedSteps("run") == Array(1...12))
  }

  private struct StopFailed: Error {}
}
