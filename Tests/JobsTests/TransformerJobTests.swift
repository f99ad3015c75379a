import Datasets
import Jobs
import ModelGraph
import Models
import Testing

@Suite struct TransformerJobTests {
  private static func yaml(
    model: String, data: String = "{format: planned, tokens: 300e9}", training: String = "batch: 64"
  ) -> String {
    """
    apus: 1
    name: trial
    data: \(data)
    model: \(model)
    training:
      epochs: 1
      \(training)
      optimizer: {name: adam, learning_rate: 0.001}

    """
  }

  private static func errors(model: String, data: String = "{format: planned, tokens: 300e9}") -> [String] {
    do {
      _ = try JobFile(yaml: yaml(model: model, data: data), file: "job.yaml")
      return []
    } catch {
      return error.problems.map { "\($0.line ?? 0):\($0.column ?? 0): \($0.message)" }
    }
  }

  private static let small = """

      transformer:
        layers: 3
        hidden: 48
        heads: 6
        vocabulary: 90
        sequence: 32
    """

  @Test func aModelOfTheZooIsNamedInAWord() throws {
    let job = try JobFile(yaml: Self.yaml(model: "gpt3-13b"), file: "job.yaml").job
    #expect(job.model == .zoo(.gpt3x13B))
    // 300e9 tokens in sequences of 2,048.
    #expect(job.plannedSampleCount == 146_484_375)
    let data = try #require(job.plannedDescription)
    #expect(data.sampleShape.fields == [SampleField("input", [2048], .int32)])
    let graph = try job.trainingGraph(for: data)
    #expect(graph.outputs["logits"].map { graph[$0].type.shape } == [8, 2048, 50_257])
    #expect(
      graph.parameterCount
        == (try Zoo.gpt3x13B.model().trainingGraph(
          sampleShape: Zoo.gpt3x13B.sampleShape(), shardSamples: 1, globalBatch: 1, loss: .crossEntropy)).parameterCount
    )
  }

  @Test func sizesThatAreLeftOutFollowFromTheOthers() throws {
    let job = try JobFile(yaml: Self.yaml(model: Self.small), file: "job.yaml").job
    let expected = TransformerSpecification(layers: 3, hidden: 48, heads: 6, vocabulary: 90, sequence: 32)
    #expect(job.model == .transformer(expected))
    #expect(expected.keyValueHeads == 6 && expected.headWidth == 8 && expected.feedForward == 192)
  }

  @Test(arguments: [
    "",
    "\n    kv_heads: 2\n    norm: rms_norm\n    activation: swish\n    gated: true\n    positions: rotary\n    bias: false",
    "\n    kind: encoder\n    norm_place: after\n    token_types: 2\n    embedding_norm: true\n    activation: {gelu: tanh}\n    predictions: 5",
    "\n    kind: encoder_decoder\n    positions: relative\n    target_sequence: 12\n    dropout: 0.1\n    attention_dropout: 0",
    "\n    experts: {count: 8, top_k: 2, ffn: 64, shared: 1, every: 2, first: 1, capacity: 1.25}\n    tied: false",
    "\n    positions: rotary\n    latent: {query: 24, key_value: 16, plain: 8, rotary: 4, value: 6}\n    rotary_base: 500000",
    "\n    head: classifier\n    epsilon: 1e-12\n    max_positions: 40\n    head_width: 10\n    ffn: 100",
  ])
  func aTransformerIsWrittenAsItIsRead(_ lines: String) throws {
    let job = try JobFile(yaml: Self.yaml(model: Self.small + lines), file: "/a/job.yaml").job
    #expect(try JobFile(yaml: job.yaml(), file: "/a/job.yaml").job == job)
  }

  @Test(arguments: [
    ("    heads: 6", "    heads: 7", "8:12: 7 heads do not divide hidden 48; use 6 or 8, or give 'head_width'"),
    ("    heads: 6", "    heds: 6", "8:5: unknown key 'heds' in model.transformer; did you mean 'heads'?"),
    (
      "    heads: 6", "    heads: 6\n    kv_heads: 4",
      "9:15: 4 key-value heads do not divide 6 heads; use 3 or 6"
    ),
    (
      "    heads: 6", "    heads: 6\n    norm: rmsnorm",
      "9:11: 'norm' in model.transformer must be one of layer_norm, rms_norm, not 'rmsnorm'; did you mean 'rms_norm'?"
    ),
    (
      "    heads: 6", "    heads: 6\n    experts: {count: 8, topk: 2, ffn: 64}",
      "9:25: unknown key 'topk' in model.transformer.experts; did you mean 'top_k'?"
    ),
    (
      "    heads: 6", "    heads: 6\n    experts: {count: 8, top_k: 9, ffn: 64}",
      "9:5: each token goes to 9 of 8 experts; use 1 to 8"
    ),
    (
      "    heads: 6", "    heads: 6\n    kind: encoder\n    head: language_model",
      "10:11: an encoder sees the token that it is to find; use masked_language_model or classifier"
    ),
    (
      "    heads: 6", "    heads: 6\n    predictions: 5",
      "9:18: a masked_language_model finds 1 to 32 steps of a sequence, other heads say nothing of predictions; leave it "
        + "out for all steps"
    ),
    (
      "    heads: 6", "    heads: 6\n    max_positions: 31",
      "9:20: 31 positions are fewer than the 32 tokens of a sequence; use at least as many"
    ),
    ("    hidden: 48\n", "", "5:3: missing key 'hidden' in model.transformer; add 'hidden: 1024'"),
    (
      "    heads: 6", "    heads: 6\n    activation: linear",
      "9:17: a feed-forward layer without an activation is a single linear one; use 'gelu'"
    ),
  ])
  func sizesThatDoNotFitAreReportedAtTheirLine(line: String, wrong: String, error: String) {
    #expect(Self.errors(model: Self.small.replacing(line, with: wrong)) == [error])
  }

  @Test(arguments: [
    ("gpt4", "{format: planned, tokens: 1e9}", "4:8: unknown zoo model 'gpt4'; did you mean 'gpt2'?"),
    (
      "{zoo: gpt2, layers: [flatten]}", "{format: planned, tokens: 1e9}",
      "4:20: model has both 'zoo' and 'layers'; remove one of the two"
    ),
    (
      "gpt2", "{format: planned, tokens: 1e9, samples: 5}",
      "3:25: data has both 'samples' and 'tokens'; remove one of the two"
    ),
    ("gpt2", "{format: planned}", "3:1: missing key 'samples' in data; add 'samples: 1_000_000'"),
    (
      "gpt2", "{format: planned, tokens: 0.5}",
      "3:33: 'tokens' in data must be a whole number from 1 to 1e15, not '0.5'; for example 'tokens: 300e9'"
    ),
    (
      "gpt2", "{format: planned, tokens: 65000}",
      "3:1: 63 planned samples of 1024 int32 to train on are less than a batch of 64; plan more, or use a smaller batch"
    ),
    (
      "lstm-classifier", "{format: planned, samples: 1000}",
      "3:1: the model does not say how long a sequence of planned data is; add 'sequence: 100' and 'vocabulary: 10000' to "
        + "data, or give the 'shape' of a sample"
    ),
    (
      "resnet50", "{format: planned, tokens: 1e9, shape: [3, 224, 224], classes: 1000}",
      "3:25: 'tokens' in data counts tokens, and samples with a 'shape' have none; use 'samples'"
    ),
    (
      "resnet50", "{format: planned, samples: 1000, shape: [3, 224, 224]}",
      "3:1: missing key 'classes' in data; add 'classes: 1000'"
    ),
  ])
  func wrongModelsAndPlannedDataAreReportedAtTheirLine(model: String, data: String, error: String) {
    #expect(Self.errors(model: model, data: data) == [error])
  }

  static let plannedShapes: [(String, String, SampleShape, Shape, Int)] = [
    (
      "resnet50", "{format: planned, samples: 1281167, shape: [3, 160, 128], classes: 17}", SampleShape([3, 160, 128]),
      [8, 17] as Shape, 1_281_167
    ),
    (
      "lstm-classifier", "{format: planned, samples: 5000, sequence: 30, vocabulary: 700, classes: 4}",
      SampleShape(fields: [SampleField("input", [30], .int32)]), [8, 4], 5000
    ),
    (
      "bert-base",
      "{format: planned, samples: 5000, sequence: 30, classes: 4, test_fraction: 0.2, validation_fraction: 0.1}",
      SampleShape(fields: [SampleField("input", [30], .int32)]), [8, 4], 3500
    ),
    (
      "bert-base", "{format: planned, samples: 5000, sequence: 30}",
      SampleShape(fields: [SampleField("input", [30], .int32)]), [8, 30, 30_522], 5000
    ),
    (
      "t5-small", "{format: planned, tokens: 640_000, sequence: 64, target_sequence: 10, vocabulary: 99}",
      SampleShape(fields: [SampleField("input", [64], .int32), SampleField("decoder_input", [10], .int32)]),
      [8, 10, 99], 10_000
    ),
  ]

  @Test(arguments: plannedShapes)
  func plannedDataGiveTheModelItsShape(
    model: String, data: String, sample: SampleShape, logits: Shape, count: Int
  ) throws {
    let file = try JobFile(yaml: Self.yaml(model: model, data: data), file: "/a/job.yaml")
    let description = try #require(file.job.plannedDescription)
    #expect(description.sampleShape == sample)
    let graph = try file.trainingGraph(for: description)
    #expect(graph.outputs["logits"].map { graph[$0].type.shape } == logits)
    #expect(file.job.plannedSampleCount == count)
    #expect(try JobFile(yaml: file.job.yaml(), file: "/a/job.yaml").job == file.job)
  }

  @Test func numbersToFindArePlannedToo() throws {
    let yaml = Self.yaml(
      model: "gru-forecaster", data: "{format: planned, samples: 900, shape: [24, 8], values: 3}",
      training: "batch: 64\n  loss: mean-squared-error")
    let file = try JobFile(yaml: yaml, file: "/a/job.yaml")
    let graph = try file.trainingGraph(for: #require(file.job.plannedDescription))
    #expect(graph.outputs["logits"].map { graph[$0].type.shape } == [8, 3])
    #expect(try JobFile(yaml: file.job.yaml(), file: "/a/job.yaml").job == file.job)
  }

  @Test(arguments: [
    (
      "    heads: 6", "    heads: 6", "{format: planned, samples: 900, vocabulary: 91}", "9:17: ",
      "write 'vocabulary: 91'"
    ),
    (
      "    heads: 6", "    heads: 6", "{format: planned, samples: 900, classes: 3}", "5:3: ", "write 'head: classifier'"
    ),
    (
      "    heads: 6", "    heads: 6\n    head: classifier", "{format: planned, samples: 900}", "9:11: ",
      "write 'head: language_model'"
    ),
    (
      "    heads: 6", "    heads: 6", "{format: planned, samples: 900, sequence: 33}", "5:3: ",
      "33 steps are more than the 32 positions"
    ),
    (
      "    heads: 6", "    heads: 6\n    max_positions: 32", "{format: planned, samples: 900, sequence: 33}", "9:20: ",
      "33 steps are more than the 32 positions"
    ),
    (
      "    heads: 6", "    heads: 6", "{format: planned, samples: 900, shape: [32], classes: 3}", "5:3: ",
      "write 'head: classifier'"
    ),
  ])
  func dataThatDoNotFitTheTransformerAreReportedAtItsLine(
    line: String, replacement: String, data: String, place: String, message: String
  ) throws {
    let model = Self.small.replacing(line, with: replacement)
    let file = try JobFile(yaml: Self.yaml(model: model, data: data), file: "job.yaml")
    let description = try #require(file.job.plannedDescription)
    do {
      _ = try file.trainingGraph(for: description)
      Issue.record("no error")
    } catch {
      #expect(error.description.hasPrefix("job.yaml:\(place)"), "\(error)")
      #expect(error.description.contains(message), "\(error)")
    }
  }
}
