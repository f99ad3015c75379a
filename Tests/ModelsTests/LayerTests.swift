import ModelGraph
import Testing

import Models

@Suite struct LayerTests {
  /// A graph with one float input of `shape`.
  func start(_ shape: Shape) -> (graph: Graph, x: ValueID) {
    var graph = Graph()
    let x = graph.input("input", TensorType(shape))
    return (graph, x)
  }

  @Test func denseHasTheDocumentedShapes() throws {
    var (graph, x) = start([4, 7])
    let y = try graph.dense("d", x, outputs: 3)
    #expect(graph[y].type == TensorType([4, 3]))
    #expect(graph.parameters.map { graph[$0].name } == ["d.weight", "d.bias"])
    #expect(graph.parameters.map { graph[$0].type.shape } == [[3, 7], [3]])
    let bound = Initialiser.uniform(bound: Float(1 / 7.0.squareRoot()))
    #expect(graph.parameters.map { graph[$0].role } == [.parameter(bound), .parameter(bound)])
  }

  @Test func convolutionHasTheDocumentedShapes() throws {
    var (graph, x) = start([2, 3, 11, 9])
    let y = try graph.convolution(
      "c", x, .init(channels: 5, kernel: Extent(3, 2), stride: Extent(2, 1), padding: Extent(1, 0)))
    #expect(graph[y].type == TensorType([2, 5, 6, 8]))
    #expect(graph.parameters.map { graph[$0].name } == ["c.weight", "c.bias"])
    #expect(graph.parameters.map { graph[$0].type.shape } == [[5, 3, 3, 2], [5]])
    let bound = Initialiser.uniform(bound: Float(1 / 18.0.squareRoot()))
    #expect(graph.parameters.map { graph[$0].role } == [.parameter(bound), .parameter(bound)])
  }

  @Test(arguments: [
    (Shape([2, 6, 11]), Extent(3), Shape([2, 4, 4]), Shape([4, 3, 3])),
    (Shape([2, 6, 9, 7, 11]), Extent(1, 2, 3), Shape([2, 4, 5, 3, 4]), Shape([4, 3, 1, 2, 3])),
  ])
  func convolutionTakesOneToThreeDimensionsAndGroups(x: Shape, kernel: Extent, y: Shape, weights: Shape) throws {
    var (graph, input) = start(x)
    let settings = ConvolutionSettings(channels: 4, kernel: kernel, stride: Extent(2), dilation: Extent(2), groups: 2)
    let result = try graph.convolution("c", input, settings)
    #expect(graph[graph.parameters[0]].type.shape == weights)
    #expect(graph[result].type.shape == y)
  }

  @Test func rowNormalisationsHaveTheDocumentedShapes() throws {
    var (graph, x) = start([2, 6, 5, 4])
    let layer = try graph.layerNormalisation("l", x, dimensions: 2)
    let group = try graph.groupNormalisation("g", layer, groups: 3)
    #expect(graph[group].type == TensorType([2, 6, 5, 4]))
    #expect(graph.parameters.map { graph[$0].name } == ["l.weight", "l.bias", "g.weight", "g.bias"])
    #expect(graph.parameters.map { graph[$0].type.shape } == [[5, 4], [5, 4], [6], [6]])
    let roles = [Value.Role.parameter(.constant(1)), .parameter(.zeros)]
    #expect(graph.parameters.map { graph[$0].role } == roles + roles)
  }

  @Test func rowNormalisationOfSingleValuesIsRefused() throws {
    var (graph, x) = start([8, 3, 1])
    #expect(throws: GraphError.self) { try graph.layerNormalisation("l", x) }
    #expect(throws: GraphError.self) { try graph.groupNormalisation("g", x, groups: 3) }
    #expect(throws: GraphError.self) { try graph.groupNormalisation("g", x, groups: 0) }
    #expect(graph.parameters.isEmpty)
  }

  @Test func averagesOverWindowsAndOverAllHaveTheDocumentedShapes() throws {
    var (graph, x) = start([2, 3, 11, 9])
    let half = try graph.averagePool(
      "a", x, Window(kernel: Extent(2), stride: Extent(2), roundsUp: true), countsPadding: false)
    #expect(graph[half].type == TensorType([2, 3, 6, 5]))
    let mean = try graph.globalAveragePool("g", x)
    #expect(graph[mean].type == TensorType([2, 3, 1, 1]))
  }

  @Test func biasIsLeftOutAndInitialisersAreReplacedWhenAsked() throws {
    var (graph, x) = start([2, 3, 11, 9])
    let y = try graph.convolution(
      "c", x, .init(channels: 5, kernel: Extent(3), hasBias: false), weightInitialiser: .normal(deviation: 0.1))
    let flat = try graph.flatten("f", y)
    _ = try graph.dense("d", flat, outputs: 4, biasInitialiser: .zeros)
    #expect(graph.parameters.map { graph[$0].name } == ["c.weight", "d.weight", "d.bias"])
    #expect(graph[graph.parameters[0]].role == .parameter(.normal(deviation: 0.1)))
    #expect(graph[graph.parameters[2]].role == .parameter(.zeros))
  }

  @Test func layersWithoutParametersHaveTheDocumentedShapes() throws {
    var (graph, x) = start([2, 3, 11, 9])
    let pooled = try graph.maxPool("p", x, Window(kernel: Extent(3, 2), stride: Extent(3, 2)))
    #expect(graph[pooled].type == TensorType([2, 3, 3, 4]))
    let overlapping = try graph.maxPool(
      "o", x, Window(kernel: Extent(3, 2), stride: Extent(1), padding: Extent(1)))
    #expect(graph[overlapping].type == TensorType([2, 3, 11, 10]))
    let flat = try graph.flatten("f", pooled)
    #expect(graph[flat].type == TensorType([2, 36]))
    let active = try graph.activation("t", flat, .tanh)
    let sum = try graph.add("a", [active, graph.softmax("s", graph.dropout("d", flat, rate: 0.25))])
    #expect(graph[sum].type == TensorType([2, 36]))
    #expect(graph.parameters.isEmpty)
    #expect(graph.nodes.map(\.layer) == ["p", "o", "f", "t", "d", "s", "a"])
  }

  @Test func preluAndMaxoutHaveTheDocumentedParameters() throws {
    var (graph, x) = start([2, 3, 5, 4])
    let a = try graph.prelu("p", x)
    let b = try graph.prelu("q", a, PReLUSettings(isPerChannel: true, initialSlope: 0.5))
    let y = try graph.maxout("m", graph.flatten("f", b), outputs: 7, pieces: 3)
    #expect(graph[b].type == TensorType([2, 3, 5, 4]) && graph[y].type == TensorType([2, 7]))
    #expect(graph.parameters.map { graph[$0].name } == ["p.slope", "q.slope", "m.weight", "m.bias"])
    #expect(graph.parameters.map { graph[$0].type.shape } == [[1], [3], [21, 60], [21]])
    #expect(graph[graph.parameters[0]].role == .parameter(.constant(0.25)))
    #expect(graph.initialParameterValues(graph.parameters[1], seed: 1) == [0.5, 0.5, 0.5])
    #expect(graph.nodes.suffix(2).map(\.layer) == ["m", "m"])
  }

  @Test func shapeLayersHaveTheDocumentedShapes() throws {
    var (graph, x) = start([2, 3, 5, 4])
    func shape(_ value: ValueID) -> Shape { graph[value].type.shape }
    let sum = try graph.add("a", [x, x, x])
    let parts = try graph.split("s", sum, dimension: 1, sizes: [1, 2])
    #expect(parts.map(shape) == [[2, 1, 5, 4], [2, 2, 5, 4]])
    let joined = try graph.concatenate("c", [parts[1], x], dimension: 1)
    #expect(shape(joined) == [2, 5, 5, 4])
    let gated = try graph.multiply("m", joined, parts[0])
    let sliced = try graph.slice("l", try graph.subtract("d", gated, joined), dimension: -1, start: 1, count: 2)
    #expect(shape(sliced) == [2, 5, 5, 2])
    let turned = try graph.transpose("t", sliced, order: [0, 3, 1, 2])
    #expect(shape(turned) == [2, 2, 5, 5])
    let rows = try graph.reshape("r", turned, sample: [10, 5])
    let (mean, total) = (
      try graph.reduce("e", rows, .mean, dimension: 1), try graph.reduce("f", rows, .sum, dimension: 2)
    )
    #expect(shape(mean) == [2, 5] && shape(total) == [2, 10])
    #expect(graph.parameters.isEmpty)
  }

  /// What weight decay is meant for: the parameter's role tells, not its shape.
  @Test func onlyWhatMultipliesFeaturesIsAWeight() throws {
    var (graph, x) = start([4, 6, 5, 3])
    let conv = try graph.convolution("conv", x, .init(channels: 4, kernel: Extent(3, 1), groups: 2))
    let batch = try graph.batchNormalisation("batch", conv, BatchNormalisationSettings(isTraining: true))
    let layer = try graph.layerNormalisation("layer", batch, dimensions: 3)
    let group = try graph.groupNormalisation("group", layer, groups: 2)
    let prelu = try graph.prelu("prelu", group, PReLUSettings(isPerChannel: true))
    _ = try graph.maxout("maxout", graph.flatten("flat", prelu), outputs: 7, pieces: 3)
    let tokens = graph.input("tokens", TensorType([4, 8], .int32))
    let words = try graph.embedding("words", tokens, vocabulary: 9, width: 5)
    let settings = RecurrentSettings(.gru, units: 3, layers: 2, isBidirectional: true)
    let thought = try graph.recurrent("gru", words, settings, isTraining: true).value
    _ = try graph.dense("dense", thought, outputs: 2)
    let weights = graph.parameters.filter(graph.isWeight).map { graph[$0].name }
    let cells = ["l0", "l0_reverse", "l1", "l1_reverse"].flatMap { ["gru.weight_ih_\($0)", "gru.weight_hh_\($0)"] }
    #expect(
      Set(weights) == Set(["conv.weight", "maxout.weight", "words.weight", "dense.weight"] + cells))
    #expect(graph.parameters.count > 2 * weights.count)
    #expect(graph[try #require(graph.parameters.first { graph[$0].name == "layer.weight" })].type.shape.rank == 3)
  }

  @Test func dropoutLayersAreToldApart() throws {
    var (graph, x) = start([2, 3])
    for name in ["a", "b", "c"] { x = try graph.dropout(name, x, rate: 0.25) }
    #expect(graph.nodes.map(\.operation) == (0..<3).map { .dropout(Dropout(rate: 0.25, key: $0)) })
  }

  @Test func refusedLayerLeavesTheGraphAsItWas() throws {
    let (before, x) = start([2, 3, 5, 4])
    let attempts: [(inout Graph) throws -> ValueID] = [
      { try $0.dense("d", x, outputs: 3) },
      { try $0.dense("d", x, outputs: 0) },
      { try $0.convolution("c", x, .init(channels: 0, kernel: Extent(1))) },
      { try $0.convolution("c", x, .init(channels: 2, kernel: Extent(4, 5))) },
      { try $0.convolution("c", x, .init(channels: 1 << 40, kernel: Extent(2))) },
      { try $0.maxPool("p", x, Window(kernel: Extent(6, 1), stride: Extent(1))) },
      { try $0.dropout("o", x, rate: 1) },
    ]
    for attempt in attempts {
      var graph = before
      #expect(throws: GraphError.self) { try attempt(&graph) }
      #expect(graph == before)
    }
  }

  @Test func refusalSaysWhatToDo() throws {
    var (graph, x) = start([2, 3, 5, 4])
    let rank = #expect(throws: GraphError.self) { try graph.dense("d", x, outputs: 3) }
    #expect(
      rank?.description == "layer 'd': a dense layer takes [samples, features], its input is 2×3×5×4; "
        + "put a 'flatten' layer before it")
    let size = #expect(throws: GraphError.self) {
      try graph.convolution("c", x, .init(channels: 1 << 40, kernel: Extent(2)))
    }
    #expect(
      size?.description == "layer 'c': a tensor of 2×1099511627776×4×3 has more than 2⁴⁰ elements; "
        + "use fewer or smaller ones")
  }
}
