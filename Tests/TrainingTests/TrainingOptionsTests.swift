import Datasets
import Foundation
import Jobs
import TestSupport
import Testing
import Training

private let adam = "{name: adam, learning_rate: 0.01}"

/// Jobs that use what may be left out, trained, stopped and resumed.
@Suite("Optional parts of a training")
struct TrainingOptionsTests {
  /// Everything at once that has a state.
  private static let everything = """
    {name: rmsprop, learning_rate: 0.01, momentum: 0.5, centred: true, weight_decay: 0.01, decay_bias: false}
      schedule: {name: plateau, metric: accuracy, factor: 0.5, patience: 0, warmup_epochs: 0.5}
      label_smoothing: 0.1
      clip_norm: 0.5
      clip_value: 0.2
      l1: 0.01
      early_stopping: {metric: loss, patience: 4}
      pretraining: {epochs_per_layer: 1}
      health: {every_steps: 2}
    """

  private static func changes(_ epochs: Int = 5) -> KeyValuePairs<String, String> {
    [
      adam: everything, "epochs: 2": "epochs: \(epochs)",
      "lower, bottom]": "lower, bottom]\n  validation_fraction: 0.2",
    ]
  }

  @Test(
    "The same bits on any number of ranks, stopped or not, with every option that has a state",
    arguments: [(1, 1, 2), (5, 1, 2), (7, 2, 1), (10, 3, 2), (15, 2, 4), (22, 1, 3), (33, 2, 1)])
  func sameBits(step: Int, before: Int, after: Int) throws {
    let small = try SmallJob()
    let job = try small.job(Self.changes())
    _ = try train(job, run: small.path("whole"))
    let stopped = try train(job, run: small.path("run"), ranks: before) { _, asked in asked >= step - 1 ? SIGINT : nil }
    guard case .stopped(_, let at) = stopped.outcome else { throw Unexpected() }
    #expect(at == step)
    let resumed = try train(job, run: small.path("run"), ranks: after, resume: true)
    guard case .finished = resumed.outcome else { throw Unexpected() }
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
    for kind in ["health", "warning"] {
      #expect(try lines(small, "run", kind) == lines(small, "whole", kind), "\(kind)")
    }
    let rates = try [small.records("run", "step"), small.records("whole", "step")].map { records in
      records.compactMap { $0["learningRate"] as? Double }
    }
    #expect(rates[0] == rates[1])
    #expect(Set(rates[0]).count >= 5, "\(rates[0])")
  }

  @Test("The learning rate of each step's record is the schedule's")
  func schedule() throws {
    let small = try SmallJob()
    let job = try small.job([adam: adam + "\n  schedule: {name: cosine, minimum: 0.001, warmup_epochs: 0.5}"])
    _ = try train(job, run: small.path("run"))
    let schedule = Schedule(.cosine(minimum: 0.001), warmupEpochs: 0.5)
    let rates = try small.records("run", "step").compactMap { $0["learningRate"] as? Double }
    let expected = (0..<12).map { schedule.rate(step: $0, base: 0.01, stepsPerEpoch: 6, epochs: 2) }
    expectClose(rates, expected, relative: 1e-15)
    #expect(Set(rates).count == 12)

    let error = #expect(throws: TrainingError.self) { try train(job, run: small.path("run"), resume: true, epochs: 3) }
    #expect(
      error?.message.hasSuffix(
        "of a run of other length ('epochs: 2' then, 'epochs: 3' now), and the schedule cosine spans the whole run; "
          + "resume with as many epochs, or train anew in another --run-dir") == true, "\(error?.message ?? "")")
  }

  @Test("The rate is what the update is made with: warmed up from nearly nothing, the weights hardly move")
  func rateIsUsed() throws {
    let small = try SmallJob()
    let sgd = "{name: sgd, learning_rate: 0.1}"
    let still = try small.job(
      [adam: sgd + "\n  schedule: {name: constant, warmup_epochs: 1.9, warmup_start: 1e-6}"], named: "still.yaml")
    let moving = try small.job([adam: sgd], named: "moving.yaml")
    var losses: [Double] = []
    for (job, run) in [(still, "still"), (moving, "moving")] {
      _ = try train(job, run: small.path(run)) { _, asked in asked >= 1 ? 15 : nil }
      losses.append(try small.records(run, "step").compactMap { $0["loss"] as? Double }[1])
    }
    #expect(losses[0] != losses[1])
  }

  @Test("L1 leaves true zeros, whose share is in the records and the report; without it nothing is said")
  func sparsity() throws {
    let small = try SmallJob()
    _ = try train(try small.job([adam: adam + "\n  l1: 0.5"]), run: small.path("sparse"))
    _ = try train(try small.job(named: "dense.yaml"), run: small.path("dense"))
    let shares = try small.records("sparse", "epoch").compactMap { $0["sparsity"] as? Double }
    #expect(shares.count == 2)
    #expect(shares[0] > 0.02 && shares[1] > shares[0] && shares[1] < 1, "\(shares)")
    let report = try JSONDecoder().decode(RunReport.self, from: Data(small.bytes("sparse/report.json")))
    #expect(report.sparsity == shares[1])
    let bytes = try small.newestCheckpoint("sparse")
    #expect(bytes.count > 0)
    #expect(try small.records("dense", "epoch").allSatisfy { $0["sparsity"] == nil })
  }

  @Test("Clipping changes what is trained, and each kind otherwise")
  func clipping() throws {
    let small = try SmallJob()
    var checkpoints: Set<[UInt8]> = []
    for (index, option) in ["", "\n  clip_norm: 0.1", "\n  clip_value: 0.01"].enumerated() {
      let sgd = "{name: sgd, learning_rate: 0.1}"
      _ = try train(try small.job([adam: sgd + option], named: "\(index).yaml"), run: small.path("\(index)"))
      checkpoints.insert(Array(try small.newestCheckpoint("\(index)").suffix(1000)))
    }
    #expect(checkpoints.count == 3)
  }

  @Test("The validation samples are kept from training, the same on any ranks, others under another seed")
  func validation() throws {
    let small = try SmallJob()
    let kept: KeyValuePairs = ["lower, bottom]": "lower, bottom]\n  normalize: none\n  validation_fraction: 0.36"]
    let file = try JobFile(path: small.job(kept))
    let data = try JobData(file)
    let whole = try JobData(
      JobFile(path: small.job(["lower, bottom]": "lower, bottom]\n  normalize: none"], named: "whole.yaml")))
    #expect(data.training.count == 96)
    #expect(data.validation?.count == 54)
    #expect(whole.validation == nil)
    // Pixels as they are: statistics of other samples would make other numbers of them.
    func samples(_ source: (any SampleSource)?) throws -> [[Double]] {
      guard let source else { return [] }
      let values = try source.samples(Array(0..<UInt32(source.count))).values(0)
      return stride(from: 0, to: values.count, by: 14 * 12).map { Array(values[$0..<$0 + 14 * 12]) }
    }
    let parts = try samples(data.training) + samples(data.validation)
    #expect(try Set(parts) == Set(samples(whole.training)))
    #expect(Set(parts).count == 150)
    let other = try JobData(
      JobFile(path: small.job(["seed: 3": "seed: 4", "lower, bottom]": kept[0].value], named: "other.yaml")))
    #expect(try samples(other.validation) != samples(data.validation))

    let little = try small.job(["lower, bottom]": "lower, bottom]\n  validation_fraction: 0.001"], named: "little.yaml")
    let error = #expect(throws: InvalidJob.self) { try train(little, run: small.path("little")) }
    #expect(
      error?.problems.first?.message == "0.001 of 150 samples leaves 150 to train on and 0 to validate on; "
        + "each takes at least one")
  }

  private func lines(_ small: SmallJob, _ run: String, _ kind: String) throws -> [String] {
    String(decoding: try small.bytes(run + "/records.jsonl"), as: UTF8.self).split(separator: "\n").map(String.init)
      .filter { $0.hasPrefix("{\"kind\":\"\(kind)\"") }
  }
}

@Suite("Early stopping")
struct EarlyStoppingRunTests {
  /// Learns at a rate and under an L1 at which the test loss soon goes up and down.
  private static let spoiled: KeyValuePairs = [
    adam: """
    {name: sgd, learning_rate: 0.1, momentum: 0.9}
      schedule: {name: constant}
      l1: 0.02
      early_stopping: {patience: 3}
    """, "epochs: 2": "epochs: 40",
  ]

  @Test("The run ends once the metric gets no better, with the weights of its best epoch", arguments: [1, 2])
  func stops(ranks: Int) throws {
    let small = try SmallJob()
    let job = try small.job(Self.spoiled)
    let result = try train(job, run: small.path("run"), ranks: ranks)
    guard case .finished(let evaluation?) = result.outcome else { throw Unexpected() }
    let epochs = try small.records("run", "epoch")
    let losses = epochs.compactMap { $0["testLoss"] as? Double }
    #expect(losses.count < 40)
    let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
    #expect(losses.count == best + 4, "\(losses)")
    #expect(evaluation.loss == losses[best])
    let report = try JSONDecoder().decode(RunReport.self, from: Data(small.bytes("run/report.json")))
    #expect(
      report.earlyStopping
        == EarlyStoppingReport(
          metric: .loss, best: .init(value: losses[best], epoch: best + 1), isStopped: true, isBestRestored: true))
    #expect(report.testLoss == losses[best])
    #expect(report.epochs == losses.count)
    // The saved network is the best one, and a finished run stays finished.
    let saved = try SavedRun(directory: RunDirectory(path: small.path("run")))
    let again = try train(job, run: small.path("run"), resume: true)
    guard case .finished(let second?) = again.outcome else { throw Unexpected() }
    #expect(second.loss == losses[best])
    #expect(saved.passedOver == [])
    #expect(try small.recordedSteps("run").count == losses.count * 6)
  }

  @Test("The best weights survive a stop, on whatever ranks the run goes on", arguments: [(1, 2), (2, 1)])
  func resumed(before: Int, after: Int) throws {
    let small = try SmallJob()
    let job = try small.job(Self.spoiled)
    _ = try train(job, run: small.path("whole"))
    let steps = try small.recordedSteps("whole").count
    // In the last but one epoch, when the best one has gone by.
    _ = try train(job, run: small.path("run"), ranks: before) { _, asked in asked >= steps - 9 ? SIGTERM : nil }
    #expect(try small.recordedSteps("run").count == steps - 8)
    _ = try train(job, run: small.path("run"), ranks: after, resume: true)
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
    #expect(try small.recordedSteps("run").count == steps)
  }

  @Test("The best weights survive a kill: whichever checkpoint is the newest left", arguments: [2, 5, 9])
  func killed(left: Int) throws {
    let small = try SmallJob()
    let job = try small.job(
      KeyValuePairs(dictionaryLiteral: Self.spoiled[0], Self.spoiled[1], ("every_steps: 4, keep: 2", "keep: 99")))
    _ = try train(job, run: small.path("whole"))
    let steps = small.checkpoints("whole")
    try #require(steps.count > left)
    try FileManager.default.copyItem(atPath: small.path("whole"), toPath: small.path("run"))
    for step in steps.dropFirst(left) {
      try FileManager.default.removeItem(atPath: small.path(small.checkpointName("run", step)))
    }
    _ = try train(job, run: small.path("run"), ranks: 2, resume: true)
    #expect(small.checkpoints("run") == steps)
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
  }

  @Test("A run that came to its end goes on from its last weights if more epochs are asked for, not from the best")
  func moreEpochs() throws {
    let small = try SmallJob()
    let changes = KeyValuePairs(
      dictionaryLiteral: (Self.spoiled[0].key, Self.spoiled[0].value.replacing("patience: 3", with: "patience: 30")),
      ("epochs: 2", "epochs: 40"))
    let job = try small.job(changes)
    _ = try train(job, run: small.path("whole"), epochs: 14)
    let losses = try small.records("whole", "epoch").compactMap { $0["testLoss"] as? Double }
    let last = try #require(losses.indices.dropLast().last { losses[$0] > losses[...$0].min() ?? 0 })
    _ = try train(job, run: small.path("run"), epochs: last + 1)
    _ = try train(job, run: small.path("run"), resume: true, epochs: 14)
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
  }

  @Test("Without restore_best the run ends with its last weights, and keeps no others")
  func lastWeights() throws {
    let small = try SmallJob()
    let changes = KeyValuePairs(
      dictionaryLiteral: (
        Self.spoiled[0].key, Self.spoiled[0].value.replacing("patience: 3", with: "patience: 3, restore_best: false")
      ),
      ("epochs: 2", "epochs: 40"))
    guard case .finished(let evaluation?) = try train(small.job(changes), run: small.path("run")).outcome else {
      throw Unexpected()
    }
    let losses = try small.records("run", "epoch").compactMap { $0["testLoss"] as? Double }
    #expect(evaluation.loss == losses.last)
    #expect(!String(decoding: try small.newestCheckpoint("run").prefix(4000), as: UTF8.self).contains("best/"))
  }
}

struct Unexpected: Error {}
