import Execution
import Foundation
import Kernels
import ModelGraph
import Models
import TestSupport
import Testing

@Suite struct RecurrentTests {
  private let dropout = DropoutState(seed: 0, step: 0, firstSample: 0)

  /// Every magnitude and both signs, against the C library in double precision.
  @Test func vectorFunctionsAreAccurateOverAllMagnitudes() {
    var worst = (exponential: 0.0, sigmoid: 0.0, tangent: 0.0)
    for index in 0..<400_000 {
      let magnitude = pow(10, -20 + 21.93 * Double(index) / 400_000)
      for x in [Float(magnitude), Float(-magnitude)] {
        let exact = Double(x)
        func error(_ value: Float, _ expected: Double) -> Double { abs(Double(value) - expected) / abs(expected) }
        worst.exponential = max(worst.exponential, error(VectorFunctions.exponential(x), exp(exact)))
        worst.sigmoid = max(worst.sigmoid, error(VectorFunctions.sigmoid(x), 1 / (1 + exp(-exact))))
        worst.tangent = max(worst.tangent, error(VectorFunctions.tangent(x), tanh(exact)))
      }
    }
    #expect(worst.exponential < 4e-7 && worst.sigmoid < 4e-7 && worst.tangent < 4e-7, "\(worst)")
    #expect(worst.exponential > 0 && worst.tangent > 0)
  }

  @Test func vectorFunctionsSaturateAndKeepWhatIsNotANumber() {
    #expect(VectorFunctions.sigmoid(1000) == 1 && VectorFunctions.sigmoid(-1000) < 1e-37)
    #expect(abs(VectorFunctions.tangent(1000) - 1) < 2e-7 && abs(VectorFunctions.tangent(-.infinity) + 1) < 2e-7)
    #expect(VectorFunctions.exponential(.nan).isNaN)
    #expect(VectorFunctions.sigmoid(.nan).isNaN && VectorFunctions.tangent(.nan).isNaN)
  }

  /// Threads take samples of their own, and 61 of them do not divide by 2 or 3; 7 steps are two chunks, of 4 and 3.
  @Test(arguments: RecurrentCell.allCases, [1, 2, 3]) func threadsAndChunksChangeNothing(
    _ cell: RecurrentCell, threads: Int
  ) throws {
    let graph = try twoLayers(cell, samples: 61, steps: 7, features: 9, units: 13)
    let given = Network.given(for: graph, classes: 1)
    let expected = try ReferenceExecutor(graph).run(given, dropout: dropout)
    let bound = try BoundGraph(graph, threads: threads)
    try bound.give(given)
    try bound.program.run(dropout: dropout)
    for (name, id) in graph.outputs { expectClose(bound.program.output(name), expected[id], relative: 1e-5, name) }
    for pair in graph.parameterGradients {
      expectClose(
        try bound.gradient(of: pair.parameter), expected[pair.gradient], relative: 1e-5, graph[pair.parameter].name)
    }
  }

  private func twoLayers(_ cell: RecurrentCell, samples: Int, steps: Int, features: Int, units: Int) throws -> Graph {
    var graph = Graph()
    let x = graph.input("x", TensorType([samples, steps, features]))
    let first = try graph.append(
      .recurrent(Recurrent(cell)), [x] + graph.recurrentParameters("a.", cell, features: features, units: units),
      layer: "a")
    let second = try graph.append(
      .recurrent(Recurrent(cell, direction: .reverse, hasInitialState: true)),
      [first[0]] + graph.recurrentParameters("b.", cell, features: units, units: units)
        + first[1...(cell.hasCellState ? 2 : 1)], layer: "b")
    graph.outputs = ["y": second[0], "loss": try graph.meanSquared(second[0])]
    return try graph.differentiated(try #require(graph.outputs["loss"]))
  }

  @Test(arguments: RecurrentCell.allCases, [RecurrentSettings.Returns.last, .sequence])
  func aStackOfBothDirectionsEqualsTheReference(_ cell: RecurrentCell, _ returns: RecurrentSettings.Returns) throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([3, 6, 4]))
    let settings = RecurrentSettings(
      cell, units: 5, layers: 2, isBidirectional: true, returns: returns, dropout: 0.25)
    let y = try graph.recurrent("r", x, settings, isTraining: true).value
    graph.outputs = ["y": y, "loss": try graph.meanSquared(try graph.dense("d", y, outputs: 2))]
    let differentiated = try graph.differentiated(try #require(graph.outputs["loss"]))
    let given = Network.given(for: differentiated, classes: 1)
    let state = DropoutState(seed: 5, step: 2, firstSample: 1)
    let expected = try ReferenceExecutor(differentiated).run(given, dropout: state)
    let bound = try BoundGraph(differentiated)
    try bound.give(given)
    try bound.program.run(dropout: state)
    expectClose(bound.program.output("y"), expected[y], relative: 1e-5, "y")
    for pair in differentiated.parameterGradients {
      expectClose(
        try bound.gradient(of: pair.parameter), expected[pair.gradient], relative: 1e-5,
        differentiated[pair.parameter].name)
    }
  }

  @Test func anEncoderAndItsDecoderOnSlicesOfTokensEqualTheReference() throws {
    let model = ModelSpecification(
      name: "m",
      layers: [
        .init(.slice(dimension: 1, start: 0, count: 5), from: "input"), .init(.embedding(vocabulary: 11, width: 4)),
        .init(.recurrent(.init(.gru, units: 7, isBidirectional: true)), name: "encoder"),
        .init(.slice(dimension: 1, start: 5, count: 3), from: "input"), .init(.embedding(vocabulary: 11, width: 6)),
        .init(
          .recurrent(.init(.gru, units: 7, isBidirectional: true, returns: .sequence, stateFrom: "encoder"))),
        .init(.dense(outputs: 11)),
      ])
    let tokens = SampleShape(fields: [SampleField("input", [8], .int32)])
    let graph = try model.trainingGraph(sampleShape: tokens, shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    let given = Network.given(for: graph, classes: 11).mapValues { $0.map { $0 == -1 ? 2 : $0 } }
    let expected = try ReferenceExecutor(graph).run(given, dropout: dropout)
    let bound = try BoundGraph(graph)
    try bound.give(given)
    try bound.program.run(dropout: dropout)
    for name in ["logits", "loss"] {
      let value = try #require(graph.outputs[name])
      expectClose(bound.program.output(name), expected[value], relative: 1e-5, name)
    }
    for pair in graph.parameterGradients {
      expectClose(
        try bound.gradient(of: pair.parameter), expected[pair.gradient], relative: 1e-5, graph[pair.parameter].name)
    }
  }

  @Test func noReorderStandsBetweenEmbeddingAndRecurrence() throws {
    var graph = Graph()
    let tokens = graph.input("tokens", TensorType([4, 6], .int32))
    let x = try graph.apply(.embedding(Embedding()), tokens, graph.parameter("table", [11, 8]))
    let weights = graph.recurrentParameters("", .gru, features: 8, units: 16)
    let y = try graph.append(.recurrent(Recurrent(.gru)), [x] + weights, layer: "gru")[0]
    graph.outputs["loss"] = try graph.meanSquared(
      try graph.apply(.dense(Dense()), y, graph.parameter("weight", [3, 16]), graph.parameter("bias", [3])))
    let compiled = try CompiledGraph(graph.differentiated(try #require(graph.outputs["loss"])))
    // Only the loss is in the order of the target: one there, and one back.
    let reorders = compiled.implementations.filter { $0.operation == "reorder" }
    #expect(reorders.count <= 3, "\(reorders)")
    #expect(!reorders.contains { $0.layer == "embedding" || $0.layer == "gru" }, "\(reorders)")
  }

  @Test(arguments: [Int32(7), -1]) func aTokenOutsideTheVocabularyIsRefused(_ token: Int32) throws {
    var graph = Graph()
    let tokens = graph.input("tokens", TensorType([2, 3], .int32))
    let table = graph.parameter("table", [7, 4])
    graph.outputs["loss"] = try graph.meanSquared(try graph.apply(.embedding(Embedding()), tokens, table))
    let bound = try BoundGraph(graph.differentiated(try #require(graph.outputs["loss"])))
    var given = Network.given(for: bound.graph, classes: 7)
    given[tokens] = [0, 1, 2, 3, 4, Double(token)]
    try bound.give(given)
    let error = #expect(throws: ExecutionError.self) { try bound.program.run(dropout: dropout) }
    #expect(error?.code == .invalidToken)
    #expect(
      error?.description == "token \(token) at place 2 of sample 1 is not in the vocabulary of 7; tokens are 0 to 6: "
        + "enlarge the vocabulary or replace the token")
  }
}
