import ModelGraph
import Testing
import Units

/// Three samples, 5 queries of 7 keys, 6 heads over 2 key-value heads, 4 numbers of a query and key, 10 of a value.
private struct Example {
  var graph = Graph()
  let query: ValueID
  let key: ValueID
  let value: ValueID
  let mask: ValueID

  init(queries: Int = 5, keys: Int = 7) {
    let x = graph.parameter("x", [3, queries, 24], .zeros)
    let k = graph.parameter("k", [3, keys, 8], .zeros)
    let v = graph.parameter("v", [3, keys, 20], .zeros)
    (query, key, value) = (x, k, v)
    mask = graph.input("mask", TensorType([3, keys], .int32))
  }

  mutating func differentiated(_ rule: Attention, _ inputs: [ValueID]) throws -> Graph {
    let y = try graph.append(.attention(rule), inputs, layer: "core")
    #expect(y.map { graph[$0].type } == [TensorType([3, 5, 60]), TensorType([3, 6, 5])])
    let target = graph.input("target", graph[y[0]].type)
    let loss = try graph.append(.elementLoss(ElementLoss(.squaredError, divisor: 1)), [y[0], target], layer: "loss")[0]
    return try graph.differentiated(loss)
  }
}

@Suite struct AttentionTests {
  @Test func headsShareKeysAndKeepTheirLogSumExpAlone() throws {
    var example = Example()
    let graph = try example.differentiated(
      Attention(heads: 6, keyValueHeads: 2, scale: 0.5), [example.query, example.key, example.value])
    let back = try #require(graph.nodes.first { $0.layer == "core" && $0.pass == .backward })
    #expect(back.operation.name == "attention backward")
    #expect(back.outputs.map { graph[$0].type.shape } == [[3, 5, 24], [3, 7, 8], [3, 7, 20]])
    // Both products over 5 × 7 pairs of each of 6 heads: 4 numbers of a query, 10 of a value.
    let pairs = 3 * 6 * 5 * 7
    let forward = try #require(graph.nodes.first { $0.layer == "core" })
    #expect(graph.cost(of: forward).flops == FLOPs(2 * pairs * (4 + 10)))
    #expect(graph.cost(of: back).flops == FLOPs(4 * pairs * (4 + 10)))
    // y and the log-sum-exp, no probability.
    #expect(graph.savedValues.map { graph[$0].type.shape } == [[3, 5, 60], [3, 6, 5]])
    let gradients = Dictionary(
      uniqueKeysWithValues: graph.parameterGradients.map { (graph[$0.parameter].name, graph[$0.gradient].type.shape) })
    #expect(gradients == ["x": [3, 5, 24], "k": [3, 7, 8], "v": [3, 7, 20]])
  }

  @Test func aBiasHasAGradientAndAMaskHasNone() throws {
    var example = Example()
    let rule = Attention(heads: 6, keyValueHeads: 2, scale: 1, bias: .given, hasMask: true)
    let bias = example.graph.parameter("bias", [6, 5, 7], .zeros)
    let graph = try example.differentiated(rule, [example.query, example.key, example.value, bias, example.mask])
    let gradient = graph.parameterGradients.first { graph[$0.parameter].name == "bias" }
    #expect(gradient.map { graph[$0.gradient].type.shape } == [6, 5, 7])
  }

  @Test func aCausalMaskHidesAlmostHalfOfThePairs() throws {
    let causal = Attention(heads: 2, isCausal: true, scale: 1)
    // 1 + 2 + 3 + 4 + 5 of 25.
    #expect(causal.visibleShare(queries: 5) == 0.6)
    #expect(Attention(heads: 2, scale: 1).visibleShare(queries: 5) == 1)
  }

  @Test(arguments: [
    (Attention(heads: 6, keyValueHeads: 4, scale: 1), "4 key-value heads do not divide 6 heads"),
    (Attention(heads: 3, keyValueHeads: 3, scale: 1), "do not fit 3 heads and 3 key-value heads"),
    (Attention(heads: 6, keyValueHeads: 2, isCausal: true, scale: 1), "as many keys as queries, not 7 and 5"),
    (Attention(heads: 6, keyValueHeads: 2, scale: 1, dropout: Dropout(rate: 1, key: 0)), "dropout rate 1.0"),
  ])
  func whatDoesNotFitIsRefused(_ rule: Attention, message: String) throws {
    var example = Example()
    let error = #expect(throws: GraphError.self) {
      try example.graph.append(.attention(rule), [example.query, example.key, example.value], layer: "core")
    }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func aBiasOfOtherScoresIsRefused() throws {
    var example = Example(keys: 8)
    let bias = example.graph.parameter("other", [6, 8, 5], .zeros)
    let error = #expect(throws: GraphError.self) {
      try example.graph.append(
        .attention(Attention(heads: 6, keyValueHeads: 2, scale: 1, bias: .given)),
        [example.query, example.key, example.value, bias], layer: "core")
    }
    #expect(error?.message.contains("a bias of 6×8×5 does not fit the scores 6×5×8") == true)
  }
}

@Suite struct PositionTests {
  /// Appends a squared error, so that each parameter has a gradient.
  private func gradients(_ graph: Graph, _ y: ValueID) throws -> (graph: Graph, shapes: [String: Shape]) {
    var graph = graph
    let target = graph.input("target", graph[y].type)
    let loss = try graph.append(.elementLoss(ElementLoss(.squaredError, divisor: 1)), [y, target], layer: "loss")[0]
    let done = try graph.differentiated(loss)
    let pairs = done.parameterGradients.map { (done[$0.parameter].name, done[$0.gradient].type.shape) }
    return (done, Dictionary(uniqueKeysWithValues: pairs))
  }

  @Test func aVectorForEachStepIsAddedToEverySample() throws {
    var graph = Graph()
    let x = graph.parameter("x", [3, 5, 8], .zeros)
    let table = graph.parameter("table", [9, 8], .zeros)
    let y = try graph.append(.positionEmbedding(PositionEmbedding()), [x, table], layer: "p")[0]
    let result = try gradients(graph, y)
    #expect(result.shapes == ["x": [3, 5, 8], "table": [9, 8]])
    #expect(result.graph.cost { $0.layer == "p" }.flops == FLOPs(2 * 3 * 5 * 8))
    let error = #expect(throws: GraphError.self) {
      let short = graph.parameter("short", [4, 8], .zeros)
      _ = try graph.append(.positionEmbedding(PositionEmbedding()), [x, short], layer: "p")
    }
    #expect(error?.key == "max_positions")
    let type = graph.parameter("type", [1, 8], .zeros)
    #expect(try graph.append(.positionEmbedding(PositionEmbedding(.first)), [x, type], layer: "t").count == 1)
  }

  @Test func chosenStepsGiveTheirGradientBack() throws {
    var graph = Graph()
    let x = graph.parameter("x", [3, 5, 8], .zeros)
    let steps = graph.input("steps", TensorType([3, 2], .int32))
    let y = try graph.append(.gather(Gather()), [x, steps], layer: "g")[0]
    #expect(graph[y].type.shape == [3, 2, 8])
    let result = try gradients(graph, y)
    #expect(result.shapes == ["x": [3, 5, 8]])
    #expect(result.graph.cost { $0.layer == "g" }.flops == FLOPs(3 * 2 * 8))
    let other = graph.input("other", TensorType([4, 2], .int32))
    #expect(throws: GraphError.self) { try graph.append(.gather(Gather()), [x, other], layer: "g") }
  }

  @Test func turningBackIsTheGradientOfTurning() throws {
    var graph = Graph()
    let x = graph.parameter("x", [3, 5, 24], .zeros)
    let y = try graph.append(.rotaryEmbedding(RotaryEmbedding(heads: 3, dimensions: 6)), [x], layer: "r")[0]
    let done = try gradients(graph, y).graph
    let back = try #require(done.nodes.first { $0.layer == "r" && $0.pass == .backward })
    #expect(back.operation == .rotaryEmbedding(RotaryEmbedding(heads: 3, dimensions: 6, isInverse: true)))
    // Six of eight numbers of each head, in three operations each.
    #expect(done.cost(of: back).flops == FLOPs(3 * 3 * 5 * 3 * 6))
    for rule in [RotaryEmbedding(heads: 3, dimensions: 7), RotaryEmbedding(heads: 3, dimensions: 10)] {
      #expect(throws: GraphError.self) { try graph.append(.rotaryEmbedding(rule), [x], layer: "r") }
    }
  }

  @Test func distancesHaveANumberForEachHead() throws {
    var graph = Graph()
    let table = graph.parameter("table", [32, 6], .zeros)
    let rule = RelativePositionBias(queries: 5, keys: 7, isBidirectional: true)
    let y = try graph.append(.relativePositionBias(rule), [table], layer: "b")[0]
    #expect(graph[y].type.shape == [6, 5, 7])
    let result = try gradients(graph, y)
    #expect(result.shapes == ["table": [32, 6]])
    #expect(result.graph.cost { $0.layer == "b" }.flops == FLOPs(6 * 5 * 7))
  }

  @Test func anRMSNormKeepsARootForEachRow() throws {
    var graph = Graph()
    let x = graph.parameter("x", [3, 5, 8], .zeros)
    let weight = graph.parameter("weight", [8], .zeros)
    let y = try graph.append(.rmsNormalisation(RMSNormalisation(epsilon: 1e-6)), [x, weight], layer: "n")
    #expect(y.map { graph[$0].type.shape } == [[3, 5, 8], [3, 5]])
    let result = try gradients(graph, y[0])
    #expect(result.shapes == ["x": [3, 5, 8], "weight": [8]])
    #expect(result.graph.cost { $0.layer == "n" }.flops == FLOPs((4 + 9) * 3 * 5 * 8))
    let other = graph.parameter("other", [5], .zeros)
    #expect(throws: GraphError.self) {
      try graph.append(.rmsNormalisation(RMSNormalisation(epsilon: 1e-6)), [x, other], layer: "n")
    }
  }
}

@Suite struct ExpertTests {
  /// 15 tokens of 8 features to 2 of 6 experts of width 10.
  private func graph(capacity: Double?) throws -> Graph {
    var graph = Graph()
    let x = graph.parameter("x", [3, 5, 8], .zeros)
    let logits = graph.parameter("logits", [3, 5, 6], .zeros)
    let up = graph.parameter("up", [6, 10, 8], .zeros)
    let bias = graph.parameter("bias", [6, 10], .zeros)
    let down = graph.parameter("down", [6, 8, 10], .zeros)
    let routed = try graph.append(.expertRouter(ExpertRouter(topK: 2, capacity: capacity)), [logits], layer: "route")
    let rows = try graph.append(.expertDispatch(ExpertDispatch()), [x, routed[1]], layer: "dispatch")[0]
    let wide = try graph.append(.expertDense(ExpertDense()), [rows, up, routed[2], bias], layer: "up")[0]
    let narrow = try graph.append(
      .expertDense(ExpertDense(hasBias: false)), [wide, down, routed[2]], layer: "down")[0]
    let y = try graph.append(
      .expertCombine(ExpertCombine(output: [3, 5, 8])), [narrow, routed[0], routed[1]], layer: "combine")[0]
    let target = graph.input("target", graph[y].type)
    let loss = try graph.append(.elementLoss(ElementLoss(.squaredError, divisor: 1)), [y, target], layer: "loss")[0]
    return try graph.differentiated(loss)
  }

  /// 2 · 15 rows, or ⌈1.3 · 30 / 6⌉ = 7 of each of 6 experts.
  @Test(arguments: [(nil, 30), (1.3, 42)] as [(Double?, Int)])
  func theWorkIsThatOfTheRows(capacity: Double?, rows: Int) throws {
    let graph = try graph(capacity: capacity)
    func flops(_ layer: String, _ pass: Node.Pass) -> FLOPs {
      graph.cost { $0.layer == layer && $0.pass == pass }.flops
    }
    #expect(flops("up", .forward) == FLOPs(2 * rows * 8 * 10 + rows * 10))
    #expect(flops("up", .backward) == FLOPs(4 * rows * 8 * 10 + rows * 10))
    #expect(flops("down", .forward) == FLOPs(2 * rows * 8 * 10))
    #expect(flops("down", .backward) == FLOPs(4 * rows * 8 * 10))
    #expect(flops("combine", .forward) == FLOPs(2 * rows * 8))
    #expect(flops("combine", .backward) == FLOPs(3 * rows * 8))
    #expect(flops("dispatch", .backward) == FLOPs(rows * 8))
    let shapes = Dictionary(
      uniqueKeysWithValues: graph.parameterGradients.map { (graph[$0.parameter].name, graph[$0.gradient].type.shape) })
    #expect(
      shapes == ["x": [3, 5, 8], "logits": [3, 5, 6], "up": [6, 10, 8], "bias": [6, 10], "down": [6, 8, 10]])
  }

  @Test(arguments: [
    (ExpertRouter(topK: 7), "7 of 6 experts"), (ExpertRouter(topK: 2, capacity: 0), "a capacity of 0.0"),
    (ExpertRouter(topK: 2, capacity: 6.5), "a capacity of 6.5"),
  ])
  func moreExpertsThanThereAreAreRefused(_ rule: ExpertRouter, message: String) throws {
    var graph = Graph()
    let logits = graph.parameter("logits", [3, 5, 6], .zeros)
    let error = #expect(throws: GraphError.self) { try graph.append(.expertRouter(rule), [logits], layer: "route") }
    #expect(error?.message.contains(message) == true)
  }

  @Test func weightsOfOtherRowsAreRefused() throws {
    var graph = Graph()
    let rows = graph.parameter("rows", [30, 8], .zeros)
    let counts = graph.input("counts", TensorType([6], .int32))
    for shape in [[5, 10, 8], [6, 8, 10]] as [Shape] {
      let weights = graph.parameter("w", shape, .zeros)
      #expect(throws: GraphError.self) {
        try graph.append(.expertDense(ExpertDense(hasBias: false)), [rows, weights, counts], layer: "up")
      }
    }
  }
}

@Suite struct TransformerLayerTests {
  @Test(arguments: [
    ("block3/attention/qkv", TransformerLayer(block: 3, .qkv), TransformerLayerRole.columnParallel),
    ("encoder/block11/mlp/down", TransformerLayer(stack: .encoder, block: 11, .mlpDown), .rowParallel),
    ("decoder/block0/cross/core", TransformerLayer(stack: .decoder, block: 0, .crossAttention), .between),
    ("decoder/embedding/token", TransformerLayer(stack: .decoder, .tokenEmbedding), .vocabularyParallel),
    ("block7/moe/up", TransformerLayer(block: 7, .expertUp), .expertParallel),
    ("final/norm", TransformerLayer(.finalNorm), .replicated),
  ])
  func aNameSaysWhatTheLayerIs(name: String, layer: TransformerLayer, role: TransformerLayerRole) {
    #expect(TransformerLayer(name: name) == layer)
    #expect(layer.name == name)
    #expect(layer.role == role)
  }

  @Test(arguments: [
    "conv1", "block/attention/qkv", "block-1/attention/qkv", "attention/qkv", "block1/head/output", "block1/attention",
    "Encoder/block1/mlp/up", "encoder/decoder/block1/mlp/up", "",
  ])
  func otherNamesAreNoLayerOfATransformer(name: String) { #expect(TransformerLayer(name: name) == nil) }
}

@Suite struct GraphSummaryBlockTests {
  /// Two dense layers a block, the third block wider.
  @Test func equalBlocksAreOneRowEach() throws {
    var graph = Graph()
    var x = graph.input("input", TensorType([3, 4, 8]))
    func dense(_ layer: String, _ outputs: Int) throws {
      let weights = graph.parameter(layer + ".weight", [outputs, graph[x].type.shape[2]], .zeros)
      x = try graph.append(.dense(Dense(hasBias: false)), [x, weights], layer: layer)[0]
    }
    try dense("first", 6)
    for (block, width) in [5, 5, 7, 5].enumerated() {
      try dense("encoder/block\(block)/up", width)
      try dense("encoder/block\(block)/down", 6)
    }
    try dense("decoder/block0/up", 6)
    try dense("last", 2)
    let summary = GraphSummary(graph)
    #expect(
      summary.rows.map { "\($0.name) ×\($0.count)" } == [
        "first ×1", "encoder/block0…1/up ×2", "encoder/block0…1/down ×2", "encoder/block2/up ×1",
        "encoder/block2/down ×1",
        "encoder/block3/up ×1", "encoder/block3/down ×1", "decoder/block0/up ×1", "last ×1",
      ])
    #expect(summary.rows.reduce(0) { $0 + $1.count * $1.layer.parameterCount } == graph.parameterCount)
    let blocks = summary.grouped(depth: 2)
    #expect(
      blocks.rows.map { "\($0.name) ×\($0.count) \($0.layer.parameterCount)" } == [
        "first ×1 48", "encoder/block0…1 ×2 60", "encoder/block2 ×1 84", "encoder/block3 ×1 60", "decoder/block0 ×1 36",
        "last ×1 12",
      ])
  }
}
