import ModelGraph
import Models
import Testing

@Suite struct RecurrentLayerTests {
  private func classifier(_ layers: [LayerSpecification]) -> ModelSpecification {
    ModelSpecification(name: "m", layers: layers)
  }

  private func tokens(_ count: Int) -> SampleShape {
    SampleShape(fields: [SampleField("input", [count], .int32)])
  }

  /// The counts of PyTorch's modules: Γ (I H + H² + 2 H), the table, and the dense layer.
  @Test(arguments: [(RecurrentCell.lstm, 1_675_778), (.gru, 1_576_962), (.rnn, 1_379_330)])
  func aTokenClassifierHasPyTorchsParameters(_ cell: RecurrentCell, count: Int) throws {
    let model = classifier([
      .init(.embedding(vocabulary: 10_000, width: 128)), .init(.recurrent(.init(cell, units: 256))),
      .init(.dense(outputs: 2)),
    ])
    let graph = try model.trainingGraph(
      sampleShape: tokens(100), shardSamples: 3, globalBatch: 6, loss: .crossEntropy)
    #expect(graph.parameterCount == count)
    #expect(graph[graph.inputs[0]].type == TensorType([3, 100], .int32))
    #expect(graph.outputs["logits"].map { graph[$0].type.shape } == [3, 2])
    #expect(
      graph.parameters.map { graph[$0].name }
        == [
          "embedding1.weight", "\(cell).weight_ih_l0", "\(cell).weight_hh_l0", "\(cell).bias_ih_l0",
          "\(cell).bias_hh_l0", "dense1.weight", "dense1.bias",
        ].map { $0.replacing("\(cell).", with: "\(cell)1.") })
    let bound = Initialiser.uniform(bound: 1 / 16)
    #expect(graph.parameters[1...4].allSatisfy { graph[$0].role == .parameter(bound) })
    #expect(graph[graph.parameters[0]].role == .parameter(.normal(deviation: 1)))
  }

  @Test func aStackFeedsEachLayerWithTheOneBelow() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([4, 6, 5]))
    let settings = RecurrentSettings(.gru, units: 7, layers: 3, returns: .sequence, dropout: 0.25)
    let y = try graph.recurrent("g", x, settings, isTraining: true)
    #expect(graph[y].type.shape == [4, 6, 7])
    #expect(graph.nodes.map(\.operation.name) == ["gru", "dropout", "gru", "dropout", "gru"])
    #expect(graph.parameters.map { graph[$0].type.shape[0] } == Array(repeating: 21, count: 12))
    #expect(
      graph.parameters.filter { graph[$0].name.hasPrefix("g.weight_ih") }.map { graph[$0].type.shape[1] } == [5, 7, 7])
    #expect(graph[graph.parameters[11]].name == "g.bias_hh_l2")

    var inference = Graph()
    let input = inference.input("x", TensorType([4, 6, 5]))
    var last = settings
    last.returns = .last
    let h = try inference.recurrent("g", input, last, isTraining: false)
    #expect(inference[h].type.shape == [4, 7])
    #expect(inference.nodes.map(\.operation.name) == ["gru", "gru", "gru"])
  }

  @Test func aVectorBecomesASequenceAndADenseLayerActsAtEachStep() throws {
    let model = classifier([
      .init(.repeated(count: 6)), .init(.recurrent(.init(.lstm, units: 7, returns: .sequence))),
      .init(.dense(outputs: 3)),
    ])
    let graph = try model.graph(sampleShape: [5], batch: 2, mode: .inference)
    #expect(graph.outputs["logits"].map { graph[$0].type.shape } == [2, 6, 3])
    #expect(graph[graph.inputs[0]].type == TensorType([2, 5]))
  }

  @Test func whatDoesNotFitIsRefusedAndLeavesTheGraphAsItWas() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([4, 6]))
    let before = graph
    for refused in [
      { try $0.recurrent("r", x, RecurrentSettings(.rnn, units: 3), isTraining: false) },
      { try $0.recurrent("r", x, RecurrentSettings(.rnn, units: 0), isTraining: false) },
      { try $0.recurrent("r", x, RecurrentSettings(.rnn, units: 3, layers: 0), isTraining: false) },
      { try $0.embedding("e", x, vocabulary: 5, width: 2) },
      { try $0.embedding("e", x, vocabulary: 0, width: 2) },
      { try $0.repeated("t", x, count: 0) },
    ] as [(inout Graph) throws -> ValueID] {
      #expect(throws: GraphError.self) { try refused(&graph) }
      #expect(graph == before)
    }
  }
}
