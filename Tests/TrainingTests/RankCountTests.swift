import Execution
import Foundation
import ModelGraph
import Safetensors
import TestSupport
import Testing
import Training

@Suite("Any number of ranks")
struct RankCountTests {
  static let adam = "{name: adam, learning_rate: 0.01}"
  static let optimizers = [
    adam, "{name: sgd, learning_rate: 0.05, momentum: 0.9, weight_decay: 0.01}", "{name: adamw, learning_rate: 0.01}",
  ]

  @Test("The same checkpoint, byte for byte, on 1 to 4 ranks", arguments: optimizers)
  func sameBits(optimizer: String) throws {
    let small = try SmallJob()
    let job = try small.job([Self.adam: optimizer])
    for ranks in 1...4 { _ = try train(job, run: small.path("run-\(ranks)"), ranks: ranks) }
    let one = try small.newestCheckpoint("run-1")
    for ranks in 2...4 { #expect(try small.newestCheckpoint("run-\(ranks)") == one, "\(ranks) ranks") }
    #expect(small.checkpoints("run-1") == [8, 12])
  }

  @Test(
    "Batch norms and what they observe are the same on any number of ranks", arguments: [Precision.float32, .bfloat16])
  func statistics(precision: Precision) throws {
    guard precision.isSupported else { return }
    let small = try SmallJob()
    let job = try small.job([
      "activation: tanh}": "bias: false}\n    - batch_norm: {activation: relu}",
      "shards: 6": "shards: 6\n  precision: \(precision.rawValue)",
    ])
    for ranks in 1...3 { _ = try train(job, run: small.path("run-\(ranks)"), ranks: ranks) }
    let one = try small.newestCheckpoint("run-1")
    for ranks in 2...3 { #expect(try small.newestCheckpoint("run-\(ranks)") == one, "\(ranks) ranks") }
    let file = try SafetensorsFile(decoding: one, checksum: .required)
    let mean = try #require(file.tensors.first { $0.name == "norm1.running_mean" }).elements(as: Float.self)
    let variance = try #require(file.tensors.first { $0.name == "norm1.running_var" }).elements(as: Float.self)
    // Twelve steps of a tenth of the way each.
    #expect(mean.allSatisfy { $0 != 0 && abs($0) < 3 } && variance.allSatisfy { $0 > 0.28 && $0 != 1 })
    #expect(!file.tensors.contains { $0.name == "optimizer.0.norm1.running_mean" })
    // The test set is normalised with the running values: the bands are found nevertheless.
    let report = try #require(try small.records("run-1", "epoch").last)
    #expect(try #require(report["testAccuracy"] as? Double) > 0.5)
  }

  @Test("The same bits with a squared error on another seed, and other bits than with the first seed")
  func squaredError() throws {
    let small = try SmallJob()
    let job = try small.job(["seed: 3": "seed: 4", "shards: 6": "shards: 6\n  loss: mean-squared-error"])
    _ = try train(job, run: small.path("a"), ranks: 1)
    _ = try train(job, run: small.path("b"), ranks: 3)
    _ = try train(try small.job(), run: small.path("c"))
    #expect(try small.newestCheckpoint("a") == small.newestCheckpoint("b"))
    #expect(try weights(small, "a") != weights(small, "c"))
  }

  @Test("Fastest: the same bits twice on one number of ranks, close ones on another")
  func fastest() throws {
    let small = try SmallJob()
    let reproducible = try small.job()
    let fastest = try small.job(["shards: 6": "shards: 6\n  reduction: fastest"], named: "fastest.yaml")
    _ = try train(reproducible, run: small.path("tree"))
    for (run, ranks) in [("a", 2), ("b", 2), ("c", 3)] { _ = try train(fastest, run: small.path(run), ranks: ranks) }
    #expect(try weights(small, "a") == weights(small, "b"))
    for run in ["a", "c"] { expectClose(try weights(small, run), try weights(small, "tree"), relative: 1e-4, run) }
  }

  /// The numbers behind the header of the newest checkpoint.
  private func weights(_ small: SmallJob, _ run: String) throws -> [Float] {
    let bytes = try small.newestCheckpoint(run)
    let header = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let data = Array(bytes[(8 + header)...])
    return (0..<data.count / 4).map { index in
      Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[4 * index + $1]) << (8 * $1) })
    }
  }
}
