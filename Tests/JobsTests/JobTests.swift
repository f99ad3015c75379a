import Datasets
import Foundation
import ModelGraph
import Models
import Testing

import Jobs

@Suite struct JobTests {
  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
    path: "../../cluster/jobs"
  )
  .standardizedFileURL

  func job(_ yaml: String) throws -> Job { try JobFile(yaml: yaml, file: "/jobs/job.yaml").job }

  @Test func everyKeyOfTheFormatIsRead() throws {
    let read = try job(
      """
      apus: 1
      name: a-b_c.1
      seed: 18446744073709551615
      data:
        format: idx
        train: {images: i.gz, labels: sub/../l.gz}
        test: {images: ../t.gz, labels: /abs/u.gz}
        classes: [T-shirt/top, "Ankle: boot", 7]
        normalize: none
      model: {zoo: mlp}
      training:
        epochs: 3
        batch: 60_0
        shards: 6
        loss: mean-squared-error
        optimizer: {name: sgd, learning_rate: 0.5, momentum: 0.9, weight_decay: 1e-4}
        reduction: fastest
      checkpoint: {every_steps: 500, every_epochs: 4, keep: 5}
      """)
    #expect(
      read
        == Job(
          name: "a-b_c.1", seed: .max,
          data: DataSpecification(
            .idx(
              train: ImageFiles(images: "/jobs/i.gz", labels: "/jobs/l.gz"),
              test: ImageFiles(images: "/t.gz", labels: "/abs/u.gz"),
              classes: .names(["T-shirt/top", "Ankle: boot", "7"])), normalize: .none),
          model: .zoo(.mlp),
          training: TrainingSpecification(
            epochs: 3, batch: 600, shards: 6, loss: .meanSquaredError,
            optimizer: .init(.sgd(momentum: 0.9), learningRate: 0.5, weightDecay: 1e-4), reduction: .fastest),
          checkpoint: CheckpointSpecification(everySteps: 500, everyEpochs: 4, keep: 5)))
  }

  @Test func decodedJobHoldsTheDefaults() throws {
    let read = try job(goodJob.replacing("  shards: 8\n", with: ""))
    #expect(read.seed == 1)
    #expect(read.data.normalize == .training)
    #expect(!read.data.hasTest)
    #expect(read.training.shards == 8)
    #expect(read.training.shardSamples == 16)
    #expect(read.training.loss == .crossEntropy)
    #expect(read.training.reduction == .reproducible)
    #expect(
      read.training.optimizer
        == .init(.adam(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)), learningRate: 0.001, weightDecay: 0))
    #expect(read.checkpoint == CheckpointSpecification(everySteps: nil, everyEpochs: 1, keep: 2))
    let decayed = try job(goodJob.replacing("name: adam", with: "name: adamw"))
    #expect(
      decayed.training.optimizer
        == .init(.adamw(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)), learningRate: 0.001, weightDecay: 0.01))
  }

  @Test func resolvedJobIsWrittenWithEveryDefault() throws {
    #expect(
      try job(goodJob.replacing("a.gz", with: "'a b.gz'")).yaml()
        == """
        apus: 1
        name: trial
        seed: 1
        data:
          format: idx
          train:
            images: "/jobs/a b.gz"
            labels: "/jobs/b.gz"
          classes: 10
          normalize: training
        model:
          zoo: lenet5
        training:
          epochs: 12
          batch: 128
          shards: 8
          loss: cross-entropy
          label_smoothing: 0.0
          optimizer: {name: adam, learning_rate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-08, weight_decay: 0.0, \
        decay_bias: true}
          schedule: {name: constant, warmup_epochs: 0.0, warmup_start: 0.01}
          l1: 0.0
          precision: float32
          reduction: reproducible
        checkpoint:
          every_epochs: 1
          keep: 2

        """.replacing("\"/jobs/b.gz\"", with: "/jobs/b.gz"))
  }

  /// What the data of each job in cluster/jobs are.
  static let shipped: KeyValuePairs<String, DataDescription> = [
    "lenet5-fashion-mnist": DataDescription([1, 28, 28], classes: 10),
    "mlp-fashion-mnist": DataDescription([1, 28, 28], classes: 10),
    "dropout-fashion-mnist": DataDescription([1, 28, 28], classes: 10),
    "resnet-fashion-mnist": DataDescription([1, 28, 28], classes: 10),
    "mlp-penguins": DataDescription([9], classes: 3),
    "mlp-debtags": DataDescription([241], .labels(LabelTarget(names: (0..<10).map(String.init)))),
    "lstm-seattle-weather": DataDescription(
      [28, 9], .values(ValueTarget(name: "temp_max", shape: [1], mean: 0, deviation: 1, baseline: .mean([0])))),
    "gru-next-character": DataDescription(
      tokens(64), .classes(ClassTarget(names: (0..<96).map(String.init), shape: [64])), vocabularySizes: ["input": 96]),
    "gru-pronunciation": DataDescription(
      SampleShape(fields: [SampleField("input", [12], .int32), SampleField("decoder_input", [13], .int32)]),
      .classes(ClassTarget(names: (0..<43).map(String.init), shape: [13])),
      vocabularySizes: ["input": 28, "decoder_input": 43]),
    "gpt2-planned": DataDescription(
      tokens(1024), .classes(ClassTarget(names: (0..<50_257).map(String.init), shape: [1024])),
      vocabularySizes: ["input": 50_257]),
    "lstm-fortunes": DataDescription(
      tokens(40), .classes(ClassTarget(names: (0..<6).map(String.init))), vocabularySizes: ["input": 4000]),
  ]

  private static func tokens(_ count: Int) -> SampleShape {
    SampleShape(fields: [SampleField("input", [count], .int32)])
  }

  @Test("A classifier of the zoo has the tokens and classes of its data, a forecaster its numbers")
  func recurrentZooFollowsTheData() throws {
    func job(_ zoo: String, _ loss: String) throws -> JobFile {
      try JobFile(
        yaml: """
          apus: 1
          name: zoo
          data: {format: text, train: a.csv, text: t, label: l, sequence_length: 40, test_fraction: 0.1}
          model: {zoo: \(zoo)}
          training: {epochs: 1, batch: 8, loss: \(loss), optimizer: {name: adam, learning_rate: 0.001}}
          """, file: "/jobs/zoo.yaml")
    }
    let texts = DataDescription(
      Self.tokens(40), .classes(ClassTarget(names: (0..<6).map(String.init))), vocabularySizes: ["input": 4000])
    let classifier = try job("gru-classifier", "cross-entropy").trainingGraph(for: texts)
    let shapes = classifier.parameters.map { classifier[$0].type.shape }
    #expect(shapes.first == [4000, 128] && shapes.last == [6])
    let table = DataDescription(
      [12, 3], .values(ValueTarget(name: "y", shape: [2], mean: 0, deviation: 1, baseline: .mean([0, 0]))))
    let forecaster = try job("lstm-forecaster", "huber").trainingGraph(for: table)
    #expect(forecaster.parameters.map { forecaster[$0].type.shape }.last == [2])
    // Texts are no numbers.
    #expect(throws: InvalidJob.self) { try job("lstm-forecaster", "cross-entropy").trainingGraph(for: texts) }
  }

  @Test(arguments: shipped.indices)
  func shippedJobIsReadWrittenAndBuilt(index: Int) throws {
    let (name, data) = Self.shipped[index]
    let file = try JobFile(path: Self.directory.appending(path: name + ".yaml").path)
    #expect(file.job.name == name)
    #expect(try JobFile(yaml: file.job.yaml(), file: "/elsewhere/job.yaml").job == file.job)
    #expect(try JSONDecoder().decode(Job.self, from: JSONEncoder().encode(file.job)) == file.job)
    let graph = try file.trainingGraph(for: data)
    let output = Shape([file.job.training.shardSamples] + data.target.outputShape.dimensions)
    #expect(graph.outputs["logits"].map { graph[$0].type } == TensorType(output))
    #expect(graph.parameterGradients.count == graph.parameters.count)
    #expect(throws: Never.self) { try file.job.evaluationGraph(for: data, batch: 500) }
  }

  @Test func everyShippedJobIsTested() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
    #expect(Set(files) == Set(Self.shipped.map { $0.key + ".yaml" }))
  }

  @Test(arguments: [
    "a.gz", "with space", "quote\"s and \\", "tab\tand\u{1}control", "~", "null", "- dash", "a: b", "#x", "ünïcödé 👢",
    "[x]", "{", "*star", "&and", "!tag", "'", "%", "@", "1e3", "true", "line\nbreak", "bom\u{FEFF}\u{2028}", "-", "...",
  ])
  func anyTextIsWrittenSoThatItIsReadAgain(text: String) throws {
    var job = try job(goodJob)
    job.data.source = .idx(
      train: ImageFiles(images: "/i", labels: "/l"), test: nil, classes: .names([text, "other"]))
    #expect(try self.job(job.yaml()).data == job.data)
  }

  @Test func everyKindOfLayerIsWrittenSoThatItIsReadAgain() throws {
    var job = try job(goodJob)
    job.model = .layers(
      [
        LayerSpecification(
          .convolution(.init(channels: 3, kernel: Extent(3, 5), stride: Extent(2, 1), padding: Extent(0, 2)))),
        .init(.maxPool(Window(kernel: Extent(2), stride: Extent(1, 2), padding: Extent(1)))),
        .init(.activation(.relu), from: "input"), .init(.add(["pool1", "relu1"])),
        .init(.activation(.tanh)), .init(.activation(.sigmoid)), .init(.dropout(rate: 0.125)), .init(.flatten),
        .init(.dense(outputs: 9, hasBias: false, activation: .sigmoid)), .init(.softmax()),
      ].named())
    job.checkpoint.everySteps = 7
    job.training.optimizer = .init(.adamw(.init(beta1: 0.5)), learningRate: 1e-7, weightDecay: 0.25)
    #expect(try self.job(job.yaml()) == job)
  }

  @Test func otherFormatVersionIsRefusedInJSONToo() throws {
    let text = String(decoding: try JSONEncoder().encode(job(goodJob)), as: UTF8.self)
    let other = text.replacing("\"formatVersion\":1", with: "\"formatVersion\":2")
    #expect(other != text)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(Job.self, from: Data(other.utf8)) }
  }

  @Test(arguments: [
    ("data.train.images", 5, 19), ("data.train", 5, 3), ("data.test.images", 3, 1), ("training.loss", 9, 1),
    ("training.optimizer.name", 13, 21), ("nothing", 1, 1),
  ])
  func problemWithAValueIsReportedAtItsPlace(key: String, line: Int, column: Int) throws {
    let problem = try JobFile(yaml: goodJob, file: "job.yaml").problem(at: key, "x")
    #expect(problem.place == SourcePlace(line: line, column: column))
  }

  @Test func windowsLineEndsAndByteOrderMarkAreRead() throws {
    let windows = "\u{FEFF}" + goodJob.replacing("\n", with: "\r\n")
    #expect(try job(windows) == job(goodJob))
    #expect(errors(in: windows.replacing("batch:", with: "bach:")).hasPrefix("job.yaml:11:3: unknown key 'bach'"))
  }
}
