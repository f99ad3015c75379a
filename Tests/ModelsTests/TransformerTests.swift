import ModelGraph
import Testing
import Units

import Models

extension Zoo {
  /// Forward, loss and backward of `samples` samples.
  fileprivate func training(samples: Int = 1) throws -> Graph {
    try model().trainingGraph(
      sampleShape: sampleShape(), shardSamples: samples, globalBatch: samples, loss: .crossEntropy)
  }
}

extension TransformerSpecification {
  fileprivate func training(samples: Int) throws -> Graph {
    try ModelSpecification(name: "model", transformer: self).trainingGraph(
      sampleShape: sampleShape, shardSamples: samples, globalBatch: 4 * samples, loss: .crossEntropy)
  }
}

@Suite struct TransformerTests {
  /// As Hugging Face's `num_parameters` has them: GPT-2, T5 and Llama-2 with their language-model heads (the first two
  /// tied), BERT, RoBERTa and DistilBERT with those of masked language models.
  @Test(arguments: [
    (Zoo.gpt2, 124_439_808), (.gpt2Medium, 354_823_168), (.gpt2Large, 774_030_080), (.gpt2XL, 1_557_611_200),
    (.bertBase, 109_514_298), (.robertaBase, 124_697_433), (.distilbert, 66_985_530),
    (.t5Small, 60_506_624), (.t5Base, 222_903_552), (.t5Large, 737_668_096), (.t5x3B, 2_851_598_336),
    (.t5x11B, 11_307_321_344), (.llama2x7B, 6_738_415_616), (.llama2x13B, 13_015_864_320),
    (.llama2x70B, 68_976_648_192),
  ])
  func hasAsManyParametersAsPublished(_ zoo: Zoo, count: Int) throws {
    let graph = try zoo.training()
    #expect(graph.parameterCount == count)
    #expect(graph.parameterGradients.count == graph.parameters.count)
    #expect(graph.blockedParameters.isEmpty)
  }

  /// Published for the encoders: BERT's and RoBERTa's with their poolers; a classifier of 2 adds 2·(h + 1) numbers, and
  /// DistilBERT's h·(h + 1) more, for it has no pooler of its own.
  @Test(arguments: [
    (Zoo.bertBase, 109_482_240 + 2 * 769), (.bertLarge, 335_141_888 + 2 * 1025), (.robertaBase, 124_645_632 + 2 * 769),
    (.robertaLarge, 355_359_744 + 2 * 1025), (.distilbert, 66_362_880 + 768 * 769 + 2 * 769),
  ])
  func encodersAreOfThePublishedSizeUnderAClassifier(_ zoo: Zoo, count: Int) throws {
    let classifier = try #require(zoo.transformer).reading(classes: 2)
    let graph = try classifier.training(samples: 3)
    #expect(graph.parameterCount == count)
    #expect(graph.outputs["logits"].map { graph[$0].type.shape } == [3, 2])
  }

  /// Table 2.1 of the paper, in millions.
  @Test(arguments: [
    (Zoo.gpt3x125M, 125.0), (.gpt3x350M, 356), (.gpt3x760M, 760), (.gpt3x1B, 1320), (.gpt3x2B, 2650), (.gpt3x6B, 6660),
    (.gpt3x13B, 13_000), (.gpt3x175B, 175_000),
  ])
  func sizesOfGPT3AreThoseOfThePaper(_ zoo: Zoo, millions: Double) throws {
    let count = Double(try zoo.training().parameterCount) / 1e6
    #expect(abs(count / millions - 1) < 0.012, "\(count)")
  }

  /// Ψ = 12 L h² (1 + 13/(12h) + (V + s)/(12 L h)) + 2h of the last norm (Narayanan et al. 2021, eq. 2).
  @Test func gpt3HasTheParametersOfTheFormula() throws {
    let (l, h, s, v) = (96, 12_288, 2048, 51_200)
    let model = try #require(Zoo.gpt3x175B.transformer).reading(vocabulary: v)
    let count = try model.training(samples: 1).parameterCount
    #expect(count == 12 * l * h * h + 13 * l * h + (v + s) * h + 2 * h)
    #expect((Double(count) / 1e8).rounded() == 1746)
  }

  /// 24 b s h² (1 + s/6h) a layer and 2 b s h V of the logits, forward; twice that backward.
  @Test(arguments: [(1, 2048), (3, 512)])
  func gpt3CostsWhatTheFormulaSays(samples b: Int, sequence s: Int) throws {
    let (l, h, v) = (96, 12_288, 51_200)
    let model = try #require(Zoo.gpt3x175B.transformer).reading(sequence: s, vocabulary: v)
    let graph = try model.training(samples: b)
    let layer = 24 * b * s * h * h + 4 * b * s * s * h
    for (pass, times) in [(Node.Pass.forward, 1), (.backward, 2)] {
      let products = graph.nodes.filter { $0.pass == pass }.map { ($0, productWork($0, graph)) }
      for block in [0, 1, l - 1] {
        let work = products.filter { TransformerLayer(name: $0.0.layer)?.block == block }.map { $0.1 }.reduce(0, +)
        #expect(work == times * layer, "block \(block), \(pass)")
      }
      let logits = products.filter { TransformerLayer(name: $0.0.layer)?.part == .output }.map { $0.1 }.reduce(0, +)
      #expect(logits == times * 2 * b * s * h * v)
      #expect(products.map { $0.1 }.reduce(0, +) == times * (l * layer + 2 * b * s * h * v))
    }
  }

  /// The matrix products of a node: without the additions of biases.
  private func productWork(_ node: Node, _ graph: Graph) -> Int {
    let shapes = node.inputs.map { graph[$0].type.shape }
    switch node.operation {
    case .dense, .denseBackwardInput, .denseBackwardWeights, .expertDense, .expertDenseBackwardInput,
      .expertDenseBackwardWeights:
      let outputs = graph[node.outputs[0]].type.shape.elementCount
      return switch node.operation {
      case .dense: 2 * outputs * shapes[1][1]
      case .denseBackwardInput: 2 * outputs * shapes[1][0]
      case .denseBackwardWeights: 2 * shapes[1].elementCount * shapes[0][shapes[0].rank - 1]
      case .expertDense, .expertDenseBackwardInput: 2 * outputs * shapes[0][1]
      default: 2 * shapes[1].elementCount * shapes[0][1]
      }
    case .attention, .attentionBackward: return Int(graph.cost(of: node).flops.count)
    default: return 0
    }
  }

  /// Korthikanti et al. 2022 count 34 s b h bytes in two-byte elements, two of them dropout masks, which are computed
  /// again here: 16 elements. Of the probabilities a log-sum-exp is left, of each norm two numbers a row.
  @Test func aBlockKeepsWhatThePaperCounts() throws {
    let (b, s, h, a, l) = (3, 40, 64, 4, 5)
    var model = TransformerSpecification(layers: l, hidden: h, heads: a, vocabulary: 100, sequence: s)
    model.dropout = 0.1
    let graph = try model.training(samples: b)
    let saved = graph.savedValues.filter { value in
      graph[value].producer.flatMap { TransformerLayer(name: graph[$0].layer) }?.block == 2
    }
    let elements = saved.reduce(0) { $0 + graph[$1].type.shape.elementCount }
    #expect(elements == 16 * s * b * h + a * s * b + 2 * 2 * s * b)
  }

  /// h² (2 + 2g/a) + 3hf with two norms of h; 4 b s h² (1 + g/a) + 4 b s² h + 6 b s h f.
  @Test func groupedQueriesAndGatesCostWhatTheFormulaSays() throws {
    let (b, s, h, a, g, f, l) = (2, 24, 48, 6, 2, 80, 3)
    var model = TransformerSpecification(
      layers: l, hidden: h, heads: a, keyValueHeads: g, feedForward: f, vocabulary: 90, sequence: s)
    (model.norm, model.isGated, model.activation, model.positions) = (.rms, true, .swish, .rotary)
    (model.hasBias, model.isTied) = (false, false)
    let graph = try model.training(samples: b)
    #expect(graph.parameterCount == l * (2 * h * h + 2 * h * h * g / a + 3 * h * f + 2 * h) + 2 * 90 * h + h)
    let forward = graph.nodes.filter { $0.pass == .forward }.reduce(0) { $0 + productWork($1, graph) }
    #expect(
      forward == l * (4 * b * s * h * h + 4 * b * s * h * h * g / a + 4 * b * s * s * h + 6 * b * s * h * f)
        + 2 * b * s * h * 90)
  }

  /// E·3·h·fₑ + h·E for the router and 3·h·n·fₑ for n shared experts; k·6·b·s·h·fₑ + 2·b·s·h·E + 6·b·s·h·n·fₑ.
  @Test func expertsCostWhatTheFormulaSays() throws {
    let (b, s, h, f, l) = (2, 24, 48, 80, 5)
    let (e, k, fe, n) = (6, 2, 20, 3)
    var model = TransformerSpecification(layers: l, hidden: h, heads: 6, feedForward: f, vocabulary: 90, sequence: s)
    (model.norm, model.isGated, model.activation, model.positions) = (.rms, true, .swish, .rotary)
    (model.hasBias, model.isTied) = (false, false)
    var experts = TransformerSpecification.Experts(count: e, topK: k, feedForward: fe)
    (experts.shared, experts.every, experts.first) = (n, 2, 1)
    model.experts = experts
    let graph = try model.training(samples: b)
    let isMixed = [false, false, true, false, true]
    let routers = Set(
      graph.nodes.compactMap { TransformerLayer(name: $0.layer) }.filter { $0.part == .router }.map(\.block))
    #expect(routers == [2, 4])
    let dense = isMixed.count { !$0 }
    let mixed = l - dense
    #expect(
      graph.parameterCount == l * (4 * h * h + 2 * h) + dense * 3 * h * f
        + mixed * (e * 3 * h * fe + h * e + 3 * h * n * fe) + 2 * 90 * h + h)
    for (pass, times) in [(Node.Pass.forward, 1), (.backward, 2)] {
      let work = graph.nodes.filter { $0.pass == pass }.reduce(0) { $0 + productWork($1, graph) }
      #expect(
        work == times
          * (l * (8 * b * s * h * h + 4 * b * s * s * h) + dense * 6 * b * s * h * f
            + mixed * (k * 6 * b * s * h * fe + 2 * b * s * h * e + 6 * b * s * h * n * fe) + 2 * b * s * h * 90))
    }
    #expect(graph.parameterGradients.count == graph.parameters.count)
  }

  /// DeepSeek-V3 (2412.19437): 671B parameters without the extra prediction layer; 61 blocks, the first 3 dense.
  @Test func latentAttentionWithManyExpertsIsOfThePublishedSize() throws {
    var model = TransformerSpecification(
      layers: 61, hidden: 7168, heads: 128, feedForward: 18_432, vocabulary: 129_280, sequence: 4096)
    (model.norm, model.isGated, model.activation, model.positions) = (.rms, true, .swish, .rotary)
    (model.hasBias, model.isTied) = (false, false)
    model.latent = .init(query: 1536, keyValue: 512, plain: 128, rotary: 64, value: 128)
    var experts = TransformerSpecification.Experts(count: 256, topK: 8, feedForward: 2048)
    (experts.shared, experts.first) = (1, 3)
    model.experts = experts
    let graph = try model.training(samples: 1)
    let attention =
      1536 * (7168 + 128 * (128 + 64) + 1) + 512 * (7168 + 128 * (128 + 128) + 1) + 7168 * 64 + 128 * 128 * 7168
    let dense = 3 * 7168 * 18_432
    let mixed = 257 * 3 * 7168 * 2048 + 7168 * 256
    let total = 61 * (attention + 2 * 7168) + 3 * dense + 58 * mixed + 2 * 129_280 * 7168 + 7168
    #expect(graph.parameterCount == total)
    #expect((Double(total) / 1e9).rounded() == 671)
  }

  /// 2 · P · h · (h + V) in place of 2 · s · h · (h + V), the blocks as before.
  @Test func aMaskedLanguageModelFindsTheStepsThatItIsAskedFor() throws {
    var model = try #require(Zoo.bertBase.transformer)
    let all = try model.training(samples: 3)
    model.predictions = 76
    let some = try model.training(samples: 3)
    #expect(some.parameterCount == all.parameterCount)
    #expect(some.outputs["logits"].map { some[$0].type.shape } == [3, 76, 30_522])
    #expect(some.inputs.map { some[$0].name } == ["input", "predicted_steps", "labels"])
    func products(_ graph: Graph, _ parts: Set<TransformerPart>) -> Int {
      graph.nodes.filter { TransformerLayer(name: $0.layer).map { parts.contains($0.part) } ?? false }
        .reduce(0) { $0 + productWork($1, graph) }
    }
    let head: Set<TransformerPart> = [.transform, .output]
    #expect(products(some, head) == 3 * 2 * 3 * 76 * 768 * (768 + 30_522))
    #expect(products(all, head) == 3 * 2 * 3 * 512 * 768 * (768 + 30_522))
    let rest = Set(TransformerPart.allCases).subtracting(head)
    #expect(products(some, rest) == products(all, rest))
    let error = #expect(throws: GraphError.self) {
      let short = model.reading(sequence: 60).sampleShape
      return try ModelSpecification(name: "x", transformer: model).graph(sampleShape: short, batch: 1, mode: .training)
    }
    #expect(error?.key == "predictions")
  }

  /// Tables of the two stacks' relative positions and the token table they share.
  @Test func encoderAndDecoderShareTheirTokens() throws {
    let graph = try Zoo.t5Small.training(samples: 2)
    #expect(graph.parameters.count { graph[$0].name.hasSuffix("relative.weight") } == 2)
    let tokens = graph.parameters.filter { graph[$0].name == "embedding/token.weight" }
    #expect(tokens.count == 1)
    let readers = graph.nodes.filter { $0.pass == .forward && $0.inputs.contains(tokens[0]) }.map(\.layer)
    #expect(readers == ["encoder/embedding/token", "decoder/embedding/token", "head/output"])
    #expect(graph.inputs.map { graph[$0].type.shape } == [[2, 512], [2, 114], [2, 114]])
    let cross = graph.nodes.first { $0.layer == "decoder/block4/cross/core" }
    #expect(cross.map { $0.inputs.map { graph[$0].type.shape } } == [[2, 114, 512], [2, 512, 512], [2, 512, 512]])
  }

  @Test(arguments: Zoo.allCases.filter { $0.transformer != nil })
  func everyLayerIsNamedByTheScheme(_ zoo: Zoo) throws {
    for node in try zoo.training().nodes where node.layer != ModelSpecification.lossName {
      let layer = try #require(TransformerLayer(name: node.layer), "\(node.layer)")
      #expect(layer.name == node.layer)
      guard case .dense = node.operation else { continue }
      let isSplit: Set<TransformerLayerRole> = [.columnParallel, .rowParallel, .vocabularyParallel]
      #expect(isSplit.contains(layer.role) || layer.part == .transform, "\(node.layer)")
    }
  }

  /// A dropout's mask is told from others by its key.
  @Test func dropoutsDifferAndEndWithTraining() throws {
    var keys: [Int] = []
    for node in try Zoo.bertBase.training().nodes where node.pass == .forward {
      switch node.operation {
      case .dropout(let rule): keys.append(rule.key)
      case .attention(let rule): keys += rule.dropout.map { [$0.key] } ?? []
      default: break
      }
    }
    #expect(keys.count == 1 + 3 * 12)
    #expect(Set(keys).count == keys.count)
    let inference = try Zoo.bertBase.model().evaluationGraph(
      sampleShape: Zoo.bertBase.sampleShape(), batch: 1, loss: .crossEntropy)
    for node in inference.nodes {
      switch node.operation {
      case .dropout: Issue.record("\(node.layer)")
      case .attention(let rule): #expect(rule.dropout == nil)
      default: break
      }
    }
  }

  private static func sizes(_ change: (inout TransformerSpecification) -> Void) -> TransformerSpecification {
    var model = TransformerSpecification(layers: 24, hidden: 1024, heads: 16, vocabulary: 100, sequence: 128)
    change(&model)
    return model
  }

  static let wrongSizes: [(TransformerSpecification, key: String, message: String)] = [
    (sizes { $0.keyValueHeads = 5 }, "kv_heads", "5 key-value heads do not divide 16 heads; use 4 or 8"),
    (sizes { $0.head = .maskedLanguageModel }, "head", "masked_language_model is for 'kind: encoder', not decoder"),
    (sizes { $0.maximumPositions = 100 }, "max_positions", "100 positions are fewer than the 128 tokens of a sequence"),
    (
      sizes {
        $0.headWidth = 5
        $0.positions = .rotary
      }, "positions", "use an even head_width"
    ),
    (
      sizes { $0.experts = .init(count: 4, topK: 5, feedForward: 9) }, "experts", "5 of 4 experts; use 1 to 4"
    ),
    (
      sizes {
        $0.experts = .init(count: 4, topK: 2, feedForward: 9)
        $0.experts?.first = 24
      }, "experts", "none of the 24 blocks"
    ),
    (
      sizes { $0.latent = .init(query: nil, keyValue: 8, plain: 4, rotary: 4, value: 4) }, "positions",
      "latent attention has rotary"
    ),
    (sizes { $0.dropout = 1 }, "dropout", "use the share to drop"),
    (sizes { $0.layers = 0 }, "layers", "use a whole number from 1"),
  ]

  @Test(arguments: wrongSizes)
  func sizesThatDoNotFitAreRefused(_ model: TransformerSpecification, key: String, message: String) throws {
    let error = #expect(throws: GraphError.self) { try model.training(samples: 1) }
    #expect(error?.key == key)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func sizesThatFitAreNot() { #expect(Self.sizes { _ in }.problems.isEmpty) }

  @Test func longerSequencesThanPositionsAreRefused() throws {
    let error = #expect(throws: GraphError.self) {
      try Zoo.gpt2.model().graph(sampleShape: Zoo.gpt2.sampleShape([1025]), batch: 1, mode: .training)
    }
    #expect(error?.layer == "embedding/position")
    #expect(error?.message.contains("1025 steps are more than the 1024 positions") == true)
  }
}
