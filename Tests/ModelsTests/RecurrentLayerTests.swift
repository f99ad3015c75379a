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
    let y = try graph.recurrent("g", x, settings, isTraining: true).value
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
    let h = try inference.recurrent("g", input, last, isTraining: false).value
    #expect(inference[h].type.shape == [4, 7])
    #expect(inference.nodes.map(\.operation.name) == ["gru", "gru", "gru"])
  }

  @Test(arguments: [(RecurrentSettings.Returns.sequence, Shape([4, 6, 14])), (.last, Shape([4, 14]))])
  func bothDirectionsAreSideBySide(_ returns: RecurrentSettings.Returns, shape: Shape) throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([4, 6, 5]))
    let settings = RecurrentSettings(.lstm, units: 7, layers: 2, isBidirectional: true, returns: returns)
    let y = try graph.recurrent("b", x, settings, isTraining: true).value
    #expect(graph[y].type.shape == shape)
    #expect(
      graph.nodes.map(\.operation.name) == [
        "lstm", "lstm reverse", "concatenate", "lstm", "lstm reverse", "concatenate",
      ])
    let names = graph.parameters.map { graph[$0].name }
    #expect(names[4] == "b.weight_ih_l0_reverse" && names[15] == "b.bias_hh_l1_reverse")
    #expect([0, 4, 8, 12].map { graph[graph.parameters[$0]].type.shape[1] } == [5, 5, 14, 14])
  }

  /// Source and target are slices of one sample; the decoder sees the target shifted by one (teacher forcing).
  @Test func aDecoderBeginsWithItsEncodersState() throws {
    let model = classifier([
      .init(.slice(dimension: 1, start: 0, count: 5), name: "source", from: "input"),
      .init(.embedding(vocabulary: 11, width: 4)),
      .init(.recurrent(.init(.lstm, units: 7, layers: 2)), name: "encoder"),
      .init(.slice(dimension: 1, start: 5, count: 3), name: "target", from: "input"),
      .init(.embedding(vocabulary: 11, width: 6)),
      .init(.recurrent(.init(.lstm, units: 7, layers: 2, returns: .sequence, stateFrom: "encoder")), name: "decoder"),
      .init(.dense(outputs: 11)),
    ])
    #expect(model.problems.isEmpty, "\(model.problems)")
    let graph = try model.trainingGraph(
      sampleShape: tokens(8), shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    #expect(graph[graph.inputs[0]].type == TensorType([2, 8], .int32))
    #expect(graph.outputs["logits"].map { graph[$0].type.shape } == [2, 3, 11])
    let layers = graph.nodes.filter { $0.operation.name == "lstm" }
    #expect(layers.map(\.inputs.count) == [5, 5, 7, 7])
    #expect(layers[2].inputs[5...] == layers[0].outputs[1...2] && layers[3].inputs[5...] == layers[1].outputs[1...2])
  }

  @Test func aDecoderMayRunOnAnInputOfItsOwn() throws {
    let model = classifier([
      .init(.embedding(vocabulary: 11, width: 4)),
      .init(.recurrent(.init(.gru, units: 7)), name: "encoder"),
      .init(.embedding(vocabulary: 9, width: 6), from: "decoder_input"),
      .init(.recurrent(.init(.gru, units: 7, returns: .sequence, stateFrom: "encoder")), name: "decoder"),
      .init(.dense(outputs: 9)),
    ])
    #expect(model.problems.isEmpty, "\(model.problems)")
    let fields = [SampleField("input", [5], .int32), SampleField("decoder_input", [3], .int32)]
    let graph = try model.trainingGraph(
      sampleShape: SampleShape(fields: fields), shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    #expect(graph.inputs.map { graph[$0].name } == ["input", "decoder_input", "labels"])
    #expect(graph.outputs["logits"].map { graph[$0].type.shape } == [2, 3, 9])
    let error = #expect(throws: GraphError.self) {
      try model.trainingGraph(sampleShape: tokens(5), shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    }
    #expect(
      error?.description
        == "layer 'embedding2': the data have no 'decoder_input' to run on; give data of pairs, or name an "
        + "earlier layer")
  }

  @Test(arguments: [
    ("encodr", 7, "there is no earlier recurrent layer 'encodr' to take a state from; did you mean 'encoder'?"),
    (
      "encoder", 6,
      "the state of 'encoder' (gru of 7 units, 1 layer) does not fit a gru of 6 units, 1 layer; make the two alike"
    ),
  ])
  func aStateThatDoesNotFitIsRefused(_ source: String, units: Int, text: String) {
    let model = classifier([
      .init(.recurrent(.init(.gru, units: 7, returns: .sequence)), name: "encoder"),
      .init(.recurrent(.init(.gru, units: units, stateFrom: source)), name: "decoder"),
    ])
    #expect(model.problems.map(\.error.description) == ["layer 'decoder': " + text])
  }

  @Test func aModelCarriesTheStatesThatNoOtherLayerGives() throws {
    let model = classifier([
      .init(.embedding(vocabulary: 11, width: 4)),
      .init(.recurrent(.init(.lstm, units: 7, returns: .sequence)), name: "a"),
      .init(.recurrent(.init(.lstm, units: 7, returns: .sequence, stateFrom: "a")), name: "b"),
      .init(.recurrent(.init(.gru, units: 5, returns: .sequence)), name: "c"), .init(.dense(outputs: 11)),
    ])
    let graph = try model.trainingGraph(
      sampleShape: tokens(6), shardSamples: 3, globalBatch: 6, loss: .crossEntropy, carriesState: true)
    #expect(graph.carriedStates.map(\.name) == ["a.h_l0", "a.c_l0", "c.h_l0"])
    #expect(graph.inputs.map { graph[$0].name } == ["input", "a.h_l0", "a.c_l0", "c.h_l0", "labels"])
    let plain = try model.trainingGraph(
      sampleShape: tokens(6), shardSamples: 3, globalBatch: 6, loss: .crossEntropy)
    #expect(plain.carriedStates.isEmpty && plain.parameters.count == graph.parameters.count)
    #expect(plain.parameters.map { plain[$0].name } == graph.parameters.map { graph[$0].name })
  }

  @Test func whatCannotCarryAStateIsRefused() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([4, 6, 3]))
    let flat = graph.input("flat", TensorType([4, 6]))
    let before = graph
    let bidirectional = RecurrentSettings(.gru, units: 5, isBidirectional: true)
    let error = #expect(throws: GraphError.self) {
      try graph.recurrentCarryingState("g", x, bidirectional, isTraining: true)
    }
    #expect(error?.message.hasPrefix("a bidirectional layer also reads from the end") == true)
    #expect(throws: GraphError.self) {
      try graph.recurrentCarryingState("g", flat, RecurrentSettings(.gru, units: 5), isTraining: true)
    }
    #expect(throws: GraphError.self) {
      try graph.recurrentCarryingState("g", x, RecurrentSettings(.gru, units: 0), isTraining: true)
    }
    #expect(graph == before)
    let none = #expect(throws: GraphError.self) {
      try classifier([.init(.dense(outputs: 2))]).graph(
        sampleShape: [3], batch: 2, mode: .inference, carriesState: true)
    }
    #expect(none?.message.contains("no recurrent layer of the model has one") == true)
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
      { try $0.recurrent("r", x, RecurrentSettings(.rnn, units: 3), isTraining: false).value },
      { try $0.recurrent("r", x, RecurrentSettings(.rnn, units: 0), isTraining: false).value },
      { try $0.recurrent("r", x, RecurrentSettings(.rnn, units: 3, layers: 0), isTraining: false).value },
      { try $0.embedding("e", x, vocabulary: 5, width: 2) },
      { try $0.embedding("e", x, vocabulary: 0, width: 2) },
      { try $0.repeated("t", x, count: 0) },
    ] as [(inout Graph) throws -> ValueID] {
      #expect(throws: GraphError.self) { try refused(&graph) }
      #expect(graph == before)
    }
  }
}
