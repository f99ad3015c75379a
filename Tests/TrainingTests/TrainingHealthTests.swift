import Execution
import Foundation
import Jobs
import TestSupport
import Testing
import Training

private let adam = "{name: adam, learning_rate: 0.01}"
private let hidden = "    - dense: {outputs: 9, activation: relu}\n"

@Suite("Training health")
struct TrainingHealthTests {
  @Test("A healthy run has a record an epoch and no warning")
  func healthy() throws {
    let small = try SmallJob()
    let result = try train(try small.job(), run: small.path("run"), ranks: 2)
    #expect(result.warnings == [])
    #expect(try small.records("run", "warning").isEmpty)
    let records = try small.records("run", "health")
    #expect(records.compactMap { $0["step"] as? Int } == [1, 7])
    #expect(records.compactMap { $0["epoch"] as? Int } == [1, 2])
    let layers = try #require(records[1]["layers"] as? [[String: Any]])
    #expect(layers.compactMap { $0["layer"] as? String } == ["conv1", "dense1", "dense2"])
    let norms = layers.compactMap { $0["gradientNorm"] as? Double }
    #expect(norms.count == 3 && norms.allSatisfy { $0 > 0 })
    expectClose(
      [records[1]["gradientNorm"] as? Double ?? 0], [norms.reduce(0) { $0 + $1 * $1 }.squareRoot()], relative: 1e-12)
    let activations = try #require(records[1]["activations"] as? [[String: Any]])
    #expect(activations.compactMap { $0["layer"] as? String } == ["dense1"])
    #expect(activations.compactMap { $0["units"] as? Int } == [9])
    // The whole epoch: it has fewer samples than a look takes.
    #expect(activations.compactMap { $0["samples"] as? Int } == [144])
  }

  @Test("Shards of one sample, for which half of the units are 0, are no reason to warn", arguments: [1, 3])
  func smallShards(ranks: Int) throws {
    let small = try SmallJob()
    let job = try small.job(["shards: 6": "shards: 24", adam: adam + "\n  health: {every_steps: 1}"])
    #expect(try train(job, run: small.path("run"), ranks: ranks).warnings == [])
    let looks = try small.records("run", "health").compactMap { $0["activations"] as? [[String: Any]] }
    #expect(looks.count == 12 && looks.allSatisfy { $0[0]["samples"] as? Int == 24 })
  }

  @Test("Records come as often as the job says, the same on any number of ranks")
  func cadence() throws {
    let small = try SmallJob()
    let job = try small.job([adam: adam + "\n  health: {every_steps: 5}"])
    _ = try train(job, run: small.path("run"))
    _ = try train(job, run: small.path("three"), ranks: 3)
    #expect(try small.records("run", "health").compactMap { $0["step"] as? Int } == [1, 6, 11])
    let lines = try ["run", "three"].map { run in
      String(decoding: try small.bytes(run + "/records.jsonl"), as: UTF8.self).split(separator: "\n")
        .filter { $0.hasPrefix("{\"kind\":\"health\"") }
    }
    #expect(lines[0] == lines[1])
    // A look changes nothing.
    _ = try train(try small.job(named: "seldom.yaml"), run: small.path("seldom"))
    #expect(try small.newestCheckpoint("run").suffix(4000) == small.newestCheckpoint("seldom").suffix(4000))
  }

  @Test("Sigmoids one behind the other make gradients vanish: one warning, with the remedy", arguments: [1, 2])
  func vanishing(ranks: Int) throws {
    let small = try SmallJob()
    let chain = (0..<6).map { _ in "    - dense: {outputs: 9, activation: sigmoid}\n" }.joined()
    let job = try small.job([hidden: chain, adam: adam + "\n  health: {every_steps: 1}"])
    let result = try train(job, run: small.path("run"), ranks: ranks)
    #expect(result.warnings.count == 1)
    let text = try #require(result.warnings.first)
    let form =
      #/vanishing-gradients in step \d+: the gradient of '\w+\.weight' is [-.\de]+ of its weights, that of '\w+\.weight' [-.\de]+: what is far from the output hardly learns; use relu for sigmoid or tanh, fewer layers, or 'pretraining: \{epochs_per_layer: 2\}'/#
    #expect(text.wholeMatch(of: form) != nil, "\(text)")
    let records = try small.records("run", "warning")
    #expect(records.compactMap { $0["name"] as? String } == ["vanishing-gradients"])
    #expect((records.first?["message"] as? String).map { text.hasSuffix($0) } == true)
  }

  private static let images =
    "    - convolution: {channels: 3, kernel: [5, 3], activation: tanh}\n    - max_pool: {kernel: 2}\n    - flatten\n"
    + "    - dropout: 0.25\n"

  @Test("Recurrent layers one above the other make gradients vanish: the remedy is another cell")
  func vanishingRecurrence() throws {
    let small = try SmallJob()
    let job = try small.job(
      [Self.images: "    - reshape: [14, 12]\n    - rnn: {units: 4, layers: 16}\n", hidden: ""])
    let result = try train(job, run: small.path("run"))
    #expect(result.warnings.count == 1)
    let text = try #require(result.warnings.first)
    let form =
      #/vanishing-gradients in step \d+: the gradient of 'rnn1\.weight_\wh_l\d+' is [-.\de]+ of its weights, that of '[\w.]+' [-.\de]+: what is far from the output hardly learns; use lstm or gru for rnn, or fewer 'layers'/#
    #expect(text.wholeMatch(of: form) != nil, "\(text)")
  }

  @Test("Recurrent weights that grow make gradients explode, and then numbers end: the operation and step are told")
  func explodingRecurrence() throws {
    let small = try SmallJob()
    let job = try small.job(
      [
        Self.images: "    - reshape: [14, 12]\n    - rnn: {units: 16}\n", hidden: "",
        adam: "{name: sgd, learning_rate: 30, momentum: 0.9}\n  loss: mean-squared-error\n  health: {every_steps: 1}",
        "epochs: 2": "epochs: 8",
      ])
    let outcome = try #require(trainEach(job, run: small.path("run"), ranks: 1).first)
    let warnings = try small.records("run", "warning")
    #expect(warnings.contains { $0["name"] as? String == "exploding-gradients" }, "\(warnings)")
    guard case .failure(let error as TrainingError) = outcome else { return #expect(Bool(false), "it went on") }
    #expect(error.code == .numerical)
    #expect(
      error.message.firstMatch(of: /^step \d+: .*not finite.* parameter 'rnn1\.weight_\wh_l0'/) != nil,
      "\(error.message)")
  }

  @Test("Biases far below zero leave ReLUs dead")
  func dead() throws {
    let small = try SmallJob()
    let job = try small.job(
      [adam: "{name: sgd, learning_rate: 30}\n  clip_norm: 1\n  health: {every_steps: 1}", "epochs: 2": "epochs: 4"])
    let result = try train(job, run: small.path("run"))
    let text = try #require(result.warnings.first { $0.hasPrefix("dead-relus") }, "\(result.warnings)")
    let form =
      #/dead-relus in step \d+: [5-9] of 9 units of layer 'dense1' are 0 for each of 24 samples \(as most were for 144 on end\) and learn nothing; lower learning_rate \(now 30.0\), warm up, or use tanh there/#
    #expect(text.wholeMatch(of: form) != nil, "\(text)")
    #expect(result.warnings.count { $0.hasPrefix("dead-relus") } == 1)
    #expect(try small.records("run", "warning").contains { $0["name"] as? String == "dead-relus" })
  }

  @Test("A gradient that leaps is told with what it was before")
  func exploding() throws {
    let small = try SmallJob()
    let job = try small.job(
      [
        adam: "{name: sgd, learning_rate: 20, momentum: 0.9}\n  schedule: {name: constant, warmup_epochs: 3.9, "
          + "warmup_start: 1e-9}\n  loss: mean-squared-error\n  health: {every_steps: 1}", "epochs: 2": "epochs: 4",
      ])
    // It may end in numbers that are not finite, which is another matter.
    _ = try trainEach(job, run: small.path("run"), ranks: 1)
    let warnings = try small.records("run", "warning").filter { $0["name"] as? String == "exploding-gradients" }
    #expect(warnings.count == 1)
    let text = try #require(warnings.first?["message"] as? String)
    let form =
      #/the gradient's norm is [-+.\de]+, [-+.\de]+ times the mean of the \d+ looks before; set 'clip_norm' in training, or lower learning_rate \(now 20.0\)/#
    #expect(text.wholeMatch(of: form) != nil, "\(text)")
  }

  // MARK: Judgements

  private func norms(_ relative: [Double]) -> [ParameterStore.TensorNorms] {
    relative.enumerated().map { index, value in
      .init(name: "l\(relative.count - index).weight", isWeight: true, gradient: value * 4, parameter: 4)
    } + [.init(name: "l1.bias", isWeight: false, gradient: 0, parameter: 1)]
  }

  /// Relative gradients from the last layer to the first.
  @Test(arguments: [
    ([1.0, 0.1, 0.002], nil), ([1.0, 0.1, 0.0009], HealthWarning.Name.vanishingGradients),
    ([0.0009, 0.1, 1], .explodingGradients), ([1.0, 0, 0], .vanishingGradients), ([0.0, 0, 0], nil),
  ])
  func spreadOfLayersIsJudgedByItsDirection(relative: [Double], name: HealthWarning.Name?) {
    var health = TrainingHealth(state: HealthState(), learningRate: 1)
    let (record, warnings) = health.look(step: 3, epoch: 1, norms: norms(relative), activity: [], samplesOfAnEpoch: 512)
    #expect(warnings.map(\.name) == [name].compactMap(\.self))
    #expect(record.layers.map(\.layer) == ["l1", "l2", "l3"])
    #expect(
      health.look(step: 4, epoch: 1, norms: norms(relative), activity: [], samplesOfAnEpoch: 512).warnings.isEmpty,
      "told once")
  }

  @Test("A leap counts after three looks, from ten times their mean; a norm that is no number at once")
  func growth() {
    var health = TrainingHealth(state: HealthState(), learningRate: 0.5)
    for (step, value) in [1.0, 30, 2, 109].enumerated() {
      #expect(
        health.look(step: step, epoch: 1, norms: norms([value]), activity: [], samplesOfAnEpoch: 512).warnings.isEmpty,
        "\(value)")
    }
    let leap = health.look(step: 5, epoch: 1, norms: norms([356]), activity: [], samplesOfAnEpoch: 512).warnings
    #expect(
      leap.map(\.message) == [
        "the gradient's norm is 1.42e+03, 10 times the mean of the 4 looks before; set 'clip_norm' in training, or lower "
          + "learning_rate (now 0.5)"
      ])
    var other = TrainingHealth(state: HealthState(), learningRate: 0.5)
    let broken = other.look(step: 1, epoch: 1, norms: norms([.infinity]), activity: [], samplesOfAnEpoch: 512)
    #expect(broken.record.gradientNorm == nil)
    #expect(
      broken.warnings.map(\.message) == [
        "the gradient's norm is not finite; set 'clip_norm' in training, or lower learning_rate (now 0.5)"
      ])
  }

  private func activity(_ layer: String, units: Int, dead: Int, samples: Int) -> UnitActivity {
    UnitActivity(layer: layer, samples: samples, activeSamples: (0..<units).map { $0 < dead ? 0 : 1 })
  }

  @Test(arguments: [(5, false), (6, true)]) func halfOfTheUnitsMayBeDead(dead: Int, isWarned: Bool) {
    var health = TrainingHealth(state: HealthState(), learningRate: 1)
    let activity = [
      activity("a", units: 7, dead: 3, samples: 512), activity("b", units: 10, dead: dead, samples: 512),
    ]
    let (record, warnings) = health.look(
      step: 1, epoch: 1, norms: norms([1]), activity: activity, samplesOfAnEpoch: 9000)
    #expect(record.activations.map(\.deadUnits) == [3, dead] && record.activations.map(\.samples) == [512, 512])
    #expect(warnings.map(\.name) == (isWarned ? [.deadReLUs] : []))
    if isWarned {
      #expect(
        warnings.first?.message.hasPrefix("6 of 10 units of layer 'b' are 0 for each of 512 samples and ") == true)
    }
  }

  /// Looks at 100 samples each: most of the layer is dead at six of them in a row, or in the whole of a short epoch.
  @Test(arguments: [(9000, 6), (512, 6), (300, 3), (100, 1)])
  func fewSamplesAreNoProof(samplesOfAnEpoch: Int, looks: Int) throws {
    var health = TrainingHealth(state: HealthState(), learningRate: 1)
    func look(_ step: Int, dead: Int) -> [HealthWarning] {
      health.look(
        step: step, epoch: 1, norms: norms([1]), activity: [activity("b", units: 10, dead: dead, samples: 100)],
        samplesOfAnEpoch: samplesOfAnEpoch
      ).warnings
    }
    for step in 1..<looks { #expect(look(step, dead: 8).isEmpty) }
    // One that is not so bad begins the count anew.
    #expect(look(10, dead: 4).isEmpty)
    for step in 11..<10 + looks { #expect(look(step, dead: 7).isEmpty) }
    let message = try #require(look(20, dead: 9).first?.message)
    let before = looks == 1 ? "" : " (as most were for \(100 * looks) on end)"
    #expect(message.hasPrefix("9 of 10 units of layer 'b' are 0 for each of 100 samples\(before) and learn nothing; "))
  }
}
