import ModelGraph
import Models
import Testing
import Units

@Suite struct PublishedTransformerTests {
  private func count(_ description: ModelDescription) throws -> Int {
    try PublishedModel(description).parameterCount()
  }

  /// The parameters of the published weights, from names alone.
  @Test(arguments: [
    ("Llama-2-7B", 6_738_415_616), ("Llama2-70B pre-training", 68_976_648_192), ("Llama-3.1-8B", 8_030_261_248),
    ("Llama-3.1-405B", 405_853_388_800), ("Mixtral-8x7B", 46_702_792_704), ("T5-v1.1-large", 783_150_080),
    ("T5-v1.1-xxl", 11_135_332_352), ("Falcon-40B", 41_303_293_952), ("Stable Diffusion 2 (U-Net)", 865_910_724),
    ("mistral-7b", 7_241_732_096),
  ])
  func aNameHasTheParametersOfItsWeights(_ name: String, parameters: Int) throws {
    #expect(try count(ModelDescription(name: name)) == parameters)
  }

  /// Billions as published, within what norms of queries, biases and rounding make.
  @Test(arguments: [
    ("DeepSeek-V3-671B", 671.0), ("Kimi-K2", 1026), ("Qwen3-30B-A3B", 30.53), ("Qwen3-235B-A22B", 235.1),
    ("GPT-OSS-20B", 20.91), ("GPT-OSS-120B", 116.8), ("Llama-4-Maverick-400B", 400.7), ("Grok-1 314B", 314),
    ("Nemotron4 340B", 341), ("Nemotron-22B", 21.3), ("phi-1.5", 1.418), ("BERT-large", 0.3358), ("GPT3-175B", 174.6),
    ("GNMT v2", 0.1605), ("Transformer-XL base", 0.192), ("ViT-B/16", 0.08657), ("ViT-G/14", 1.844),
    ("Nemotron-H 56B", 56.3), ("Nemotron-3-Nano-30B", 31.6), ("Imagen-base-500M", 0.509), ("NCF", 0.03184),
    ("BART-large", 0.4063), ("Transformer-big (WMT14 en-de)", 0.2109),
  ])
  func aNameHasTheBillionsThatArePublished(_ name: String, billions: Double) throws {
    let count = try count(ModelDescription(name: name))
    #expect(abs(Double(count) / 1e9 / billions - 1) < 0.006, "\(count)")
  }

  /// Jaegle et al. 2022, table 1 and table 6 (configuration A), but for what their decoders differ in.
  @Test(arguments: [
    ("HuggingFace Language-Perceiver fine-tuning", 201.0), ("HuggingFace Vision-Perceiver-Conv fine-tuning", 48.4),
  ])
  func perceiversHaveAboutTheParametersOfTheirPaper(_ name: String, millions: Double) throws {
    #expect(abs(Double(try count(ModelDescription(name: name))) / 1e6 / millions - 1) < 0.015)
  }

  /// Rows with shapes; the parameters that their sources print.
  @Test(arguments: [
    (
      ModelDescription(
        name: "GPT 39B", family: "gpt-dense", parameters: "39.1", layers: "48", hidden: "8192", heads: "64",
        feedForward: "32768", vocabulary: "51200", sequence: "2048"), 39.1
    ),
    // An output of its own: only so the printed number comes out.
    (
      ModelDescription(
        name: "GPT 7.1B", family: "gpt-dense", parameters: "7.1", layers: "30", hidden: "4096", heads: "32",
        vocabulary: "131072", sequence: "4096"), 7.13
    ),
    // The blocks follow from the parameters.
    (
      ModelDescription(
        name: "GPT 183B (BLOOM prequel)", family: "bloom", parameters: "183", hidden: "14400", feedForward: "57600",
        vocabulary: "250k (250880)", sequence: "2048"), 182.8
    ),
    (
      ModelDescription(
        name: "mT5 390M", family: "t5", parameters: "0.39", layers: "12+12", hidden: "768", heads: "12",
        feedForward: "2048", sequence: "512"), 0.390
    ),
    // So do the experts.
    (
      ModelDescription(
        name: "GShard-MoE-2.4B (Alpa)", family: "moe", parameters: "2.4", layers: "16", hidden: "1024", heads: "16",
        feedForward: "8192", vocabulary: "32000", sequence: "1024"), 2.384
    ),
    (
      ModelDescription(
        name: "GShard-MoE-12L-h1280-e16 (Alpa weak scaling)", family: "moe", parameters: "2.786934", layers: "12",
        hidden: "1280", heads: "10", vocabulary: "25600", sequence: "1024"), 2.787
    ),
    (
      ModelDescription(
        name: "Grok-1 314B proxy 4L", family: "moe", layers: "4", hidden: "6144", heads: "48", keyValueHeads: "8",
        feedForward: "32768", vocabulary: "131072", sequence: "4096"), 20.48
    ),
  ])
  func shapesOfTheRowComeFirst(_ description: ModelDescription, billions: Double) throws {
    let count = try count(description)
    #expect(abs(Double(count) / 1e9 / billions - 1) < 0.004, "\(count)")
  }

  /// 2 · parameters · tokens and the attention's products, of the blocks and the output (Narayanan et al. 2021, eq. 3).
  @Test func aStepOfGPTCostsWhatThePaperSays() throws {
    let (batch, steps, layers, hidden, vocabulary) = (3, 256, 6, 512, 51_200)
    let model = try PublishedModel(
      ModelDescription(
        name: "GPT", family: "gpt-dense", layers: "\(layers)", hidden: "\(hidden)", heads: "8",
        vocabulary: "\(vocabulary)", sequence: "\(steps)"))
    let graph = try model.parts(microBatch: batch)[0].graph
    let work = graph.cost { node in
      switch node.operation {
      case .dense, .attention: true
      default: false
      }
    }.flops.count
    let tokens = Double(batch * steps)
    let expected =
      24 * tokens * Double(layers * hidden * hidden) * (1 + Double(steps) / Double(6 * hidden))
      + 2 * tokens * Double(hidden * vocabulary)
    // Biases are additions.
    #expect(abs(work / expected - 1) < 0.002)
  }

  @Test(arguments: [
    ("HuggingFace BERT-Large Ph1 pre-training", "", "128", 128), ("BERT-large", "MLM pre-training", "512", 77),
    ("BERT-base", "", "128", 20),
  ])
  func thePretrainingHeadSeesTheMaskedTokens(_ name: String, task: String, sequence: String, masked: Int) throws {
    let graph = try PublishedModel(ModelDescription(name: name, sequence: sequence, task: task)).parts(microBatch: 3)[0]
      .graph
    let logits = graph.nodes.filter { node in
      if case .softmaxCrossEntropy = node.operation { true } else { false }
    }.map { graph[$0.inputs[0]].type.shape }
    #expect(logits == [[3, masked, 30_522], [3, 1, 2]])
  }

  @Test func fineTuningFindsAnswers() throws {
    let model = try PublishedModel(ModelDescription(name: "BERT-large", sequence: "384", task: "SQuAD fine-tuning"))
    let graph = try model.parts(microBatch: 2)[0].graph
    #expect(try model.parameterCount() < 335_200_000)
    #expect(graph.nodes.last.map { graph[$0.inputs[0]].type.shape } == [2, 2, 384])
  }

  @Test func electraIsAGeneratorAndADiscriminator() throws {
    let model = try PublishedModel(ModelDescription(name: "ELECTRA-base", sequence: "128", task: "MLM pre-training"))
    let parts = try model.parts(microBatch: 4)
    #expect(parts.map(\.name) == ["generator", "discriminator"])
    let work = parts.map { $0.graph.cost().flops.count }
    #expect(work[0] < 0.3 * work[1] && parts.allSatisfy(\.isTrained))
  }

  @Test(arguments: [
    ("Transformer-big (WMT14 en-de)", SampleUnit.token), ("Transformer-XL base", .sequence), ("GNMT v2", .sequence),
    ("Jasper 10x5dr", .utterance), ("NCF", .interaction), ("ViT-B/16", .image), ("GPT3-175B", .sequence),
  ])
  func aSampleIsWhatTheModelReads(_ name: String, unit: SampleUnit) throws {
    #expect(try PublishedModel(ModelDescription(name: name)).samplesUnit == unit)
  }

  @Test(arguments: [
    "Llama-2-7B", "GNMT v2", "Transformer-XL base", "Transformer-XL large", "ViT-B/16",
    "HuggingFace CLIP-Base fine-tuning",
    "Stable Diffusion 2 (U-Net)", "Imagen-base-500M", "HuggingFace Language-Perceiver fine-tuning",
    "Nemotron-3-Nano-30B",
    "Nemotron-H 56B", "HuggingFace Vision-Perceiver-Conv fine-tuning", "T5 220M", "BART-large", "NCF", "ELECTRA-base",
    "GPT-OSS-20B",
  ])
  func everyPartHasAStep(_ name: String) throws {
    for part in try PublishedModel(ModelDescription(name: name)).parts(microBatch: 2) {
      let step = try part.stepGraph()
      #expect(step.parameterGradients.count == step.parameters.count)
      #expect(step.blockedParameters.isEmpty)
    }
  }

  @Test(arguments: [
    ("Nemotron-3-Super-120B", PublishedModelError.Code.unsupported), ("RWKV-7B", .unsupported),
    ("Imagen-SR1-600M-EffUNet", .inconsistentShapes), ("Llama-3.1-405B proxy", .missingShape),
    ("GPT 22B", .missingShape),
    ("Llama 1.8B", .missingShape), ("DLRM", .unsupported),
  ])
  func whatCannotBeBuiltIsRefusedWithItsReason(_ name: String, code: PublishedModelError.Code) {
    let error = #expect(throws: PublishedModelError.self) { try PublishedModel(ModelDescription(name: name)) }
    #expect(error?.code == code, "\(String(describing: error))")
    #expect(error?.reason.contains(name) == true)
  }

  @Test func aSequenceOfTheRunComesBeforeTheRows() throws {
    let model = try PublishedModel(ModelDescription(name: "MPT-7b", sequence: "2048"))
    func tokens(_ sequence: Int?) throws -> TensorType? {
      let graph = try model.parts(microBatch: 3, sequence: sequence)[0].graph
      return graph.inputs.first.map { graph[$0].type }
    }
    #expect(try tokens(nil) == TensorType([3, 2048], .int32))
    #expect(try tokens(8192) == TensorType([3, 8192], .int32))
  }
}
