import Foundation
import TestSupport
import Testing
import Training

@Suite("All-reduce beside backward")
struct OverlapTests {
  static let small = "shards: 8\n  bucket: 1 KiB"

  @Test(
    "The same checkpoint, byte for byte, on 1, 2, 3, 4 and 8 ranks, for every bucket size, with overlap and without",
    arguments: ["shards: 8", small, "shards: 8\n  bucket: 2600 B"])
  func sameBits(training: String) throws {
    let small = try SmallJob()
    _ = try train(try small.job(["shards: 6": "shards: 8"]), run: small.path("one"))
    let one = try checkpointNumbers(small, "one")
    let job = try small.job(["shards: 6": training], named: "buckets.yaml")
    for ranks in [1, 2, 3, 4, 8] {
      for overlaps in [false, true] {
        let run = "run-\(ranks)-\(overlaps)"
        _ = try train(job, run: small.path(run), ranks: ranks, overlaps: overlaps)
        #expect(try checkpointNumbers(small, run) == one, "\(run)")
      }
    }
    #expect(try #require(communication(small, "run-2-true")["isOverlapped"] as? Bool) == (training != "shards: 8"))
    #expect(try #require(communication(small, "run-8-false")["isOverlapped"] as? Bool) == false)
    #expect(try runReport(small, "run-1-true")["communication"] == nil)
  }

  @Test("Fastest: the same bits with overlap and without, for every bucket size, on one number of ranks")
  func fastest() throws {
    let small = try SmallJob()
    let plain = try small.job(["shards: 6": "shards: 8\n  reduction: fastest"])
    let buckets = try small.job(["shards: 6": "shards: 8\n  reduction: fastest\n  bucket: 1 KiB"], named: "b.yaml")
    _ = try train(plain, run: small.path("a"), ranks: 3)
    _ = try train(buckets, run: small.path("b"), ranks: 3, overlaps: true)
    #expect(try checkpointNumbers(small, "a") == checkpointNumbers(small, "b"))
    #expect(try #require(communication(small, "b")["buckets"] as? Int) == 5)
  }

  @Test("A run that was stopped goes on with another bucket size on another number of ranks, to the same bits")
  func resumed() throws {
    let small = try SmallJob()
    let job = try small.job(["shards: 6": Self.small])
    _ = try train(job, run: small.path("whole"))
    _ = try train(job, run: small.path("run"), ranks: 4, overlaps: true) { _, asked in asked == 6 ? 15 : nil }
    let other = try small.job(["shards: 6": "shards: 8\n  bucket: 2 KiB"], named: "other.yaml")
    _ = try train(other, run: small.path("run"), ranks: 3, resume: true, overlaps: true)
    #expect(try checkpointNumbers(small, "run") == checkpointNumbers(small, "whole"))
    #expect(try small.recordedSteps("run") == Array(1...12))
  }

  @Test("Records and report tell what was exposed: never more than a step, and no more in sum than its steps")
  func exposed() throws {
    let small = try SmallJob()
    _ = try train(try small.job(["shards: 6": Self.small]), run: small.path("run"), ranks: 2, overlaps: true)
    var (exposed, all) = (0.0, 0.0)
    for record in try small.records("run", "step") {
      let wait = try #require(record["exposedSeconds"] as? Double)
      #expect(wait > 0 && wait < (record["seconds"] as? Double ?? 0))
      exposed += wait
      all += try #require(record["reductionSeconds"] as? Double)
    }
    let told = try communication(small, "run")
    #expect(told["buckets"] as? Int == 5 && told["isOverlapped"] as? Bool == true)
    expectClose([try #require(told["exposedSeconds"] as? Double)], [exposed], relative: 1e-9)
    expectClose([try #require(told["seconds"] as? Double)], [all], relative: 1e-9)
    expectClose([try #require(told["hiddenShare"] as? Double)], [max(0, 1 - exposed / all)], relative: 1e-9)
  }

  @Test("A rank that fails in backward ends the others, which are in an all-reduce")
  func failure() throws {
    let small = try SmallJob()
    let job = try small.job(["shards: 6": Self.small, "learning_rate: 0.01": "learning_rate: 1.0e+38"])
    let results = try trainEach(job, run: small.path("run"), ranks: 3, overlaps: true)
    for result in results { #expect(throws: (any Error).self) { try result.get() } }
  }

  private func communication(_ small: SmallJob, _ run: String) throws -> [String: Any] {
    try #require(runReport(small, run)["communication"] as? [String: Any])
  }
}
