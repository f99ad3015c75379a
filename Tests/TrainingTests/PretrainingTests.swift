import Collectives
import Foundation
import Jobs
import TestSupport
import Testing
import Training

@Suite("Layer-wise pre-training")
struct PretrainingTests {
  private static let optimizer = "optimizer: {name: adam, learning_rate: 0.01}"
  private static let option = optimizer + "\n  pretraining: {epochs_per_layer: 2}"

  @Test("Layer after layer is trained under a temporary output; what is trained before stays as it is")
  func layerByLayer() throws {
    let small = try SmallJob()
    let job = try small.job([Self.optimizer: Self.option, "keep: 2": "keep: 9", "every_steps: 4, ": ""])
    _ = try train(job, run: small.path("run"))
    // 2 epochs of 6 steps for conv1, as many for dense1, then the job's own 2.
    #expect(try small.recordedSteps("run") == Array(1...36))
    let weights = try [6, 12, 18, 24, 30].map { try tensors(small, "run", $0) }
    #expect(
      Set(weights[0].keys) == ["conv1.weight", "conv1.bias", "pretraining-output.weight", "pretraining-output.bias"])
    #expect(Set(weights[2].keys) == Set(weights[0].keys).union(["dense1.weight", "dense1.bias"]))
    #expect(
      Set(weights[4].keys)
        == ["conv1.weight", "conv1.bias", "dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"])
    #expect(weights[0]["conv1.weight"] != weights[1]["conv1.weight"])
    #expect(weights[1]["conv1.weight"] == weights[3]["conv1.weight"])
    #expect(weights[2]["dense1.weight"] != weights[3]["dense1.weight"])
    #expect(weights[3]["conv1.weight"] != weights[4]["conv1.weight"])
    #expect(weights[3]["dense1.weight"] != weights[4]["dense1.weight"])
    let losses = try small.records("run", "epoch").compactMap { $0["trainingLoss"] as? Double }
    #expect(losses.count == 6)
    #expect(losses[1] < losses[0] && losses[5] < losses[0])
  }

  @Test(
    "The same bits as undisturbed, stopped within a phase or between two",
    arguments: [(3, 1, 2), (12, 2, 1), (13, 1, 1), (24, 1, 3), (29, 2, 2)])
  func resumed(step: Int, before: Int, after: Int) throws {
    let small = try SmallJob()
    let job = try small.job([Self.optimizer: Self.option])
    _ = try train(job, run: small.path("whole"))
    _ = try train(job, run: small.path("run"), ranks: before) { _, asked in asked >= step - 1 ? SIGTERM : nil }
    #expect(small.checkpoints("run").last == step)
    // A run in its pre-training can be tested too.
    let report = try SavedRun(directory: RunDirectory(path: small.path("run"))).evaluate(
      on: InProcessGroup.solo(), threads: 1)
    #expect(report.samples == 50)
    _ = try train(job, run: small.path("run"), ranks: after, resume: true)
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
    #expect(try small.recordedSteps("run") == Array(1...36))
  }

  @Test("Networks that are no chain, or have one layer only, are refused at the key")
  func refused() throws {
    let small = try SmallJob()
    let branched = try small.job(
      [
        Self.optimizer: Self.option,
        "    - dense: {outputs: 9, activation: relu}\n":
          "    - dense: {name: a, outputs: 9, activation: relu}\n    - dense: {name: b, outputs: 9}\n    - add: [a, b]\n",
      ], named: "branched.yaml")
    let first = #expect(throws: InvalidJob.self) { try train(branched, run: small.path("branched")) }
    #expect(
      first?.problems.map(\.message) == [
        "layer-wise pre-training takes a plain chain of layers, and 'add1' takes its input from a; remove 'pretraining'"
      ])
    #expect(first?.problems.first?.sourceLine == "  pretraining: {epochs_per_layer: 2}")
    let single = try small.job(
      [
        Self.optimizer: Self.option, "    - convolution: {channels: 3, kernel: [5, 3], activation: tanh}\n": "",
        "    - dense: {outputs: 9, activation: relu}\n": "",
      ], named: "single.yaml")
    let second = #expect(throws: InvalidJob.self) { try train(single, run: small.path("single")) }
    #expect(
      second?.problems.map(\.message) == [
        "layer-wise pre-training takes at least two layers with weights, and the network has 1; remove 'pretraining'"
      ])
  }

  /// The parameters of a checkpoint by name, as bytes.
  private func tensors(_ small: SmallJob, _ run: String, _ step: Int) throws -> [String: [UInt8]] {
    let bytes = try small.bytes(small.checkpointName(run, step))
    let count = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let object = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + count])) as? [String: [String: Any]]
    return try #require(object).filter { !$0.key.hasPrefix("optimizer.") && !$0.key.hasPrefix("__") }.mapValues {
      entry in
      let offsets = entry["data_offsets"] as? [Int] ?? [0, 0]
      return Array(bytes[8 + count + offsets[0]..<8 + count + offsets[1]])
    }
  }
}
