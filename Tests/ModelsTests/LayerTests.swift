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
    let y = try graph.convolution2D(
      "c", x, channels: 5, kernel: Extent2D(3, 2), stride: Extent2D(2, 1), padding: Extent2D(1, 0))
    #expect(graph[y].type == TensorType([2, 5, 6, 8]))
    #expect(graph.parameters.map { graph[$0].name } == ["c.weight", "c.bias"])
    #expect(graph.parameters.map { graph[$0].type.shape } == [[5, 3, 3, 2], [5]])
    let bound = Initialiser.uniform(bound: Float(1 / 18.0.squareRoot()))
    #expect(graph.parameters.map { graph[$0].role } == [.parameter(bound), .parameter(bound)])
  }

  @Test func biasIsLeftOutAndInitialisersAreReplacedWhenAsked() throws {
    var (graph, x) = start([2, 3, 11, 9])
    let y = try graph.convolution2D(
      "c", x, channels: 5, kernel: Extent2D(3), hasBias: false, weightInitialiser: .normal(deviation: 0.1))
    let flat = try graph.flatten("f", y)
    _ = try graph.dense("d", flat, outputs: 4, biasInitialiser: .zeros)
    #expect(graph.parameters.map { graph[$0].name } == ["c.weight", "d.weight", "d.bias"])
    #expect(graph[graph.parameters[0]].role == .parameter(.normal(deviation: 0.1)))
    #expect(graph[graph.parameters[2]].role == .parameter(.zeros))
  }

  @Test func layersWithoutParametersHaveTheDocumentedShapes() throws {
    var (graph, x) = start([2, 3, 11, 9])
    let pooled = try graph.maxPool2D("p", x, kernel: Extent2D(3, 2))
    #expect(graph[pooled].type == TensorType([2, 3, 3, 4]))
    let overlapping = try graph.maxPool2D("o", x, kernel: Extent2D(3, 2), stride: Extent2D(1), padding: Extent2D(1))
    #expect(graph[overlapping].type == TensorType([2, 3, 11, 10]))
    let flat = try graph.flatten("f", pooled)
    #expect(graph[flat].type == TensorType([2, 36]))
    let active = try graph.activation("t", flat, .tanh)
    let sum = try graph.add("a", active, graph.softmax("s", graph.dropout("d", flat, rate: 0.25)))
    #expect(graph[sum].type == TensorType([2, 36]))
    #expect(graph.parameters.isEmpty)
    #expect(graph.nodes.map(\.layer) == ["p", "o", "f", "t", "d", "s", "a"])
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
      { try $0.convolution2D("c", x, channels: 0, kernel: Extent2D(1)) },
      { try $0.convolution2D("c", x, channels: 2, kernel: Extent2D(4, 5)) },
      { try $0.convolution2D("c", x, channels: 1 << 40, kernel: Extent2D(2)) },
      { try $0.maxPool2D("p", x, kernel: Extent2D(6, 1)) },
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
      try graph.convolution2D("c", x, channels: 1 << 40, kernel: Extent2D(2))
    }
    #expect(
      size?.description == "layer 'c': a tensor of 2×1099511627776×4×3 has more than 2⁴⁰ elements; "
        + "use fewer or smaller ones")
  }
}
