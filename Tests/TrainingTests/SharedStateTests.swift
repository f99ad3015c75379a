import Foundation
import TestSupport
import Testing
import Training

@Suite("Optimizer states shared among ranks, gradients that travel rounded, uneven shares")
struct SharedStateTests {
  private static let adam = "{name: adam, learning_rate: 0.01}"
  private static let optimizers = [
    adam, "{name: lamb, learning_rate: 0.01, weight_decay: 0.1, decay_bias: false}",
    "{name: lars, learning_rate: 0.5, weight_decay: 0.01}", "{name: sgd, learning_rate: 0.05, momentum: 0.9}",
    "{name: adagrad, learning_rate: 0.02}",
    "{name: rmsprop, learning_rate: 0.002, momentum: 0.5, centred: true}", "{name: sgd, learning_rate: 0.05}",
  ]

  /// A layer whose weights several ranks share, and all that is done to gradients and parameters besides the update.
  private func job(_ small: SmallJob, _ optimizer: String, _ training: String = "") throws -> String {
    let keys = "shards: 8\n  clip_norm: 0.4\n  clip_value: 0.1\n  l1: 0.0001" + training
    return try small.job(
      [Self.adam: optimizer, "outputs: 9": "outputs: 230", "shards: 6": keys], named: "\(UUID().uuidString).yaml")
  }

  @Test("ZeRO-1: the bits of ranks that keep all states, on 1 to 4 and 8 ranks", arguments: optimizers)
  func zero(optimizer: String) throws {
    let small = try SmallJob()
    _ = try train(try job(small, optimizer), run: small.path("all"))
    let all = try checkpointNumbers(small, "all")
    let shared = try job(small, optimizer, "\n  zero: 1")
    for ranks in [1, 2, 3, 4, 8] {
      _ = try train(shared, run: small.path("run-\(ranks)"), ranks: ranks)
      #expect(try checkpointNumbers(small, "run-\(ranks)") == all, "\(ranks) ranks")
    }
  }

  @Test("ZeRO-1: a stopped run goes on on another number of ranks, or with all states on each, to the same bits")
  func resumed() throws {
    let small = try SmallJob()
    let lamb = Self.optimizers[1]
    let shared = try job(small, lamb, "\n  zero: 1")
    _ = try train(shared, run: small.path("whole"))
    for (name, ranks, file) in [("a", 2, shared), ("b", 1, shared), ("c", 3, try job(small, lamb))] {
      _ = try train(shared, run: small.path(name), ranks: 4) { _, asked in asked == 6 ? 15 : nil }
      _ = try train(file, run: small.path(name), ranks: ranks, resume: true)
      #expect(try checkpointNumbers(small, name) == checkpointNumbers(small, "whole"), "\(name)")
    }
  }

  @Test("ZeRO-1: a rank keeps its share of the states and nothing else less")
  func memory() throws {
    let small = try SmallJob()
    func memory(_ training: String, ranks: Int) throws -> (states: Int, planned: Int) {
      let run = "run-\(UUID().uuidString)"
      _ = try train(try job(small, Self.adam, training), run: small.path(run), ranks: ranks)
      let memory = try #require(runReport(small, run)["memory"] as? [String: Any])
      return (try #require(memory["optimizerStates"] as? Int), try #require(memory["planned"] as? Int))
    }
    for ranks in [2, 4] {
      let all = try memory("", ranks: ranks)
      let shared = try memory("\n  zero: 1", ranks: ranks)
      #expect(all.planned - shared.planned == all.states - shared.states)
      // Two states, and a share to within a block of 2,048 parameters.
      #expect(abs(shared.states - all.states / ranks) <= 2 * 4 * 2048, "\(shared.states) of \(all.states)")
      #expect(shared.states < all.states)
    }
  }

  @Test("Gradients in bfloat16: the same bits on 1, 2, 3, 4 and 8 ranks, however they go out, and not those of float32")
  func rounded() throws {
    let small = try SmallJob()
    let optimizer = Self.optimizers[1]
    _ = try train(try job(small, optimizer, "\n  gradient_precision: bfloat16"), run: small.path("one"))
    let one = try checkpointNumbers(small, "one")
    let keys = "\n  gradient_precision: bfloat16\n  bucket: 5 KiB\n  zero: 1"
    let parts = try job(small, optimizer, keys)
    let plain = try job(small, optimizer, "\n  gradient_precision: bfloat16")
    for ranks in [2, 3, 4, 8] {
      _ = try train(parts, run: small.path("parts-\(ranks)"), ranks: ranks, overlaps: true)
      #expect(try checkpointNumbers(small, "parts-\(ranks)") == one, "\(ranks) ranks, beside backward")
      _ = try train(plain, run: small.path("plain-\(ranks)"), ranks: ranks)
      #expect(try checkpointNumbers(small, "plain-\(ranks)") == one, "\(ranks) ranks")
    }
    _ = try train(try job(small, optimizer), run: small.path("exact"))
    #expect(try checkpointNumbers(small, "exact") != one)
    let losses = try ["one", "exact"].map { run in
      try #require(small.records(run, "step").last?["loss"] as? Double)
    }
    expectClose([losses[0]], [losses[1]], relative: 0.02)
  }

  @Test("Fastest in bfloat16: near the sum in float32, the same on every rank")
  func fastestRounded() throws {
    let small = try SmallJob()
    let keys = "\n  reduction: fastest\n  gradient_precision: bfloat16"
    for ranks in [1, 3] {
      _ = try train(try job(small, Self.adam, keys), run: small.path("run-\(ranks)"), ranks: ranks)
    }
    _ = try train(try job(small, Self.adam), run: small.path("exact"))
    for run in ["run-1", "run-3"] {
      let losses = try [run, "exact"].map { try #require(small.records($0, "step").last?["loss"] as? Double) }
      expectClose([losses[0]], [losses[1]], relative: 0.05)
    }
  }

  @Test(
    "Ranks that take more shards than others: the bits of one rank",
    arguments: [[3.0, 1.0], [1, 5, 2], [0.1, 1, 1, 9]])
  func uneven(shares: [Double]) throws {
    let small = try SmallJob()
    let job = try small.job(["shards: 6": "shards: 8\n  bucket: 1 KiB\n  zero: 1"])
    _ = try train(job, run: small.path("one"))
    _ = try train(job, run: small.path("run"), ranks: shares.count, overlaps: true, shares: shares)
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("one"))
    let placement = try #require(runReport(small, "run")["placement"] as? [String: Any])
    let counts = try #require(placement["ranks"] as? [[String: Any]]).compactMap { $0["shardCount"] as? Int }
    #expect(counts == [[3, 1]: [6, 2], [1, 5, 2]: [1, 5, 2], [0.1, 1, 1, 9]: [1, 1, 1, 5]][shares])
    let error = #expect(throws: TrainingError.self) {
      try train(job, run: small.path("wrong"), ranks: shares.count + 1, shares: shares)
    }
    #expect(error?.code == .invalidInput)
  }
}
