import Execution
import ModelGraph
import Models
import TestSupport
import Testing

/// The float32 programs against PyTorch and against the reference executor.
@Suite struct ProgramTests {
  private let dropout = DropoutState(seed: 77, step: 3, firstSample: 5)

  @Test(arguments: GoldenCase.names) func programEqualsPyTorch(name: String) throws {
    let golden = try GoldenCase(name)
    let bound = try BoundGraph(golden.graph)
    try bound.give(golden.given)
    try bound.program.run(dropout: dropout)
    for expected in golden.outputs {
      expectClose(bound.program.output(expected.name), expected.elements, relative: 1e-5, "\(name) \(expected.name)")
    }
    for (pair, expected) in zip(golden.graph.parameterGradients, golden.gradients) {
      expectClose(
        expected.stored(of: try bound.gradient(of: pair.parameter)), expected.elements, relative: 1e-5,
        "\(name) gradient of \(expected.name)")
    }
    let loss = try #require(golden.outputs.first { $0.name == "loss" })
    expectClose([bound.loss()], loss.elements, relative: 1e-5, "\(name) loss behind the gradients")
  }

  @Test(arguments: try Example.operations()) func programEqualsReferenceForEveryOperation(_ example: Example) throws {
    var graph = example.graph
    graph.outputs["loss"] = example.loss
    let last = try #require(graph.nodes.last { $0.outputs.contains(example.loss) })
    graph.outputs["last"] = last.inputs[0]
    try expectReference(graph, example.given.mapValues { $0.map { Double(Float($0)) } }, example.dropout)
  }

  @Test(arguments: Network.all, [1, 3, 17]) func programEqualsReferenceForNetworks(
    _ network: Network, batch: Int
  ) throws {
    let graph = try network.training(batch: max(batch, network.smallestBatch))
    try expectReference(graph, Network.given(for: graph, classes: 3), dropout)
  }

  @Test func aPreActivationThatIsAnOutputIsNotFused() throws {
    func graph(isAsked: Bool) throws -> Graph {
      var graph = Graph()
      let x = graph.input("x", TensorType([2, 3, 6, 5]))
      let first = try graph.convolution("c", x, .init(channels: 16, kernel: Extent(3, 2)))
      let flat = try graph.flatten("flat", graph.activation("r", first, .relu))
      let second = try graph.dense("f", flat, outputs: 7)
      graph.outputs["logits"] = try graph.activation("t", second, .tanh)
      if isAsked { graph.outputs.merge(["first": first, "second": second]) { $1 } }
      graph.outputs["loss"] = try graph.meanSquared(try #require(graph.outputs["logits"]))
      return try graph.differentiated(try #require(graph.outputs["loss"]))
    }
    let fused = try BoundGraph(graph(isAsked: false)).compiled.implementations.map(\.operation)
    #expect(!fused.contains("relu") && !fused.contains("tanh"))
    let asked = try graph(isAsked: true)
    let apart = try BoundGraph(asked).compiled.implementations.map(\.operation)
    #expect(apart.contains("relu") && apart.contains("tanh"))
    try expectReference(asked, Network.given(for: asked, classes: 1), dropout)
  }

  /// The mask must be applied to the pooled gradient, and only where nothing else reads the ReLU's gradient.
  @Test func reluMasksAreAppliedToThePooledGradient() throws {
    let chain = try BoundGraph(Network.pooledChain.training(batch: 3)).compiled.implementations
    let operations = chain.map(\.operation)
    #expect(!operations.contains("relu"))
    let unpool = try #require(operations.firstIndex(of: "max-pool backward"))
    #expect(operations[..<unpool].last { $0 != "reorder" } == "relu backward")
    let fanOut = try BoundGraph(Network.fanOut.training(batch: 3)).compiled.implementations.map(\.operation)
    let unpooled = try #require(fanOut.firstIndex(of: "max-pool backward"))
    #expect(fanOut[..<unpooled].last { $0 != "reorder" } != "relu backward")
  }

  @Test func normalisationsTakeOverAdditionsAndReLUs() throws {
    let operations = try BoundGraph(Network.residualBlocks.training(batch: 3)).compiled.implementations.map(\.operation)
    #expect(!operations.contains("relu") && !operations.contains("relu backward"))
    // One gradient sum is of the input of the second block, taken over too, one of the pool's output.
    #expect(operations.count { $0 == "add" } == 1)
  }

  /// Channels far from 0: the mean must not swallow the variance.
  @Test func aVarianceFarFromZeroIsExact() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([4, 19, 30, 25]))
    let scale = graph.parameter("scale", [19])
    let y = try graph.append(
      .batchNormalisation(BatchNormalisation(epsilon: 1e-5)), [x, scale, graph.parameter("shift", [19])], layer: "n")
    graph.outputs = ["mean": y[1], "inverse": y[2]]
    var given = Network.given(for: graph, classes: 1)
    given[x] = given[x]?.map { Double(Float($0 + 1000)) }
    let expected = try ReferenceExecutor(graph).run(given, dropout: dropout)
    let bound = try BoundGraph(graph)
    try bound.give(given)
    try bound.program.run(dropout: dropout)
    expectClose(bound.program.output("mean"), expected[y[1]], relative: 1e-7, "mean")
    expectClose(bound.program.output("inverse"), expected[y[2]], relative: 1e-6, "1 / deviation")
  }

  /// Two branches of whole blocks are put together and cut apart again as they lie.
  @Test func channelsOfBlockedConvolutionsAreConcatenatedWhereTheyLie() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([2, 16, 8, 7]))
    let narrow = try graph.activation("r1", graph.convolution("c1", x, .init(channels: 32, kernel: Extent(1))), .relu)
    let wide = try graph.convolution("c2", x, .init(channels: 48, kernel: Extent(3), padding: Extent(1)))
    let both = try graph.concatenate("both", [narrow, wide], dimension: 1)
    let y = try graph.convolution("c3", both, .init(channels: 16, kernel: Extent(1)))
    graph.outputs["loss"] = try graph.meanSquared(y)
    let whole = try graph.differentiated(try #require(graph.outputs["loss"]))
    let kernels = try CompiledGraph(whole).implementations
    let place = try #require(kernels.firstIndex { $0.operation == "concatenate" })
    #expect(kernels[place - 1].operation == "convolution" && kernels[place + 1].operation == "convolution")
    #expect(!kernels[place].implementation.hasPrefix("ref"))
    let slices = kernels.filter { $0.operation == "slice" }
    #expect(slices.count == 2 && slices.allSatisfy { !$0.implementation.hasPrefix("ref") }, "\(slices)")
    // Nothing but the input, the gradient of the loss and the weights changes its order.
    #expect(
      !kernels.contains { $0.operation == "reorder" && ["both", "r1", "c1", "c2"].contains($0.layer) }, "\(kernels)")
  }

  @Test(arguments: [0, 1], [false, true]) func softmaxOfLargeScoresDoesNotOverflow(
    dimension: Int, isLogarithm: Bool
  ) throws {
    var graph = Graph()
    let x = graph.parameter("x", [3, 40])
    let y = try graph.apply(.softmax(Softmax(dimension: dimension, isLogarithm: isLogarithm)), x)
    graph.outputs = ["y": y, "loss": try graph.meanSquared(y)]
    let whole = try graph.differentiated(try #require(graph.outputs["loss"]))
    let scores = Example.pattern(120, salt: 3).map { Double(Float(900 + 2 * $0)) }
    try expectReference(whole, [x: scores, whole.inputs[0]: Example.pattern(120, salt: 4)], dropout)
  }

  @Test(arguments: Network.all) func noKernelIsAPlainLoop(_ network: Network) throws {
    let compiled = try CompiledGraph(network.training(batch: 17))
    for kernel in compiled.implementations {
      #expect(!kernel.implementation.hasPrefix("ref"), "\(kernel)")
    }
  }

  @Test func aLabelBeyondTheLastClassIsRefused() throws {
    let graph = try Network.stridedBlocks.training(batch: 3)
    var given = Network.given(for: graph, classes: 7)
    let labels = try #require(graph.inputs.last)
    given[labels] = [6, -1, 7]
    let bound = try BoundGraph(graph)
    try bound.give(given)
    let error = #expect(throws: ExecutionError.self) { try bound.program.run(dropout: dropout) }
    #expect(error?.code == .invalidLabel)
    #expect(
      error?.description == "label 7 of sample 2 is no class of the model's 7; use 0 to 6, or a negative label to "
        + "leave the sample out")
  }

  /// Outputs, loss and every gradient within 10⁻⁵ of the largest magnitude of the tensor.
  private func expectReference(
    _ graph: Graph, _ given: [ValueID: [Double]], _ dropout: DropoutState,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let expected = try ReferenceExecutor(graph).run(given, dropout: dropout)
    let bound = try BoundGraph(graph)
    try bound.give(given)
    try bound.program.run(dropout: dropout)
    for (name, id) in graph.outputs {
      expectClose(
        bound.program.output(name), expected[id], relative: 1e-5, name, sourceLocation: sourceLocation)
    }
    #expect(!graph.parameterGradients.isEmpty)
    for pair in graph.parameterGradients {
      expectClose(
        try bound.gradient(of: pair.parameter), expected[pair.gradient], relative: 1e-5,
        "gradient of \(graph[pair.parameter].name)", sourceLocation: sourceLocation)
    }
    for (index, observation) in graph.observations.enumerated() {
      let position = try #require(graph.statistics.firstIndex(of: observation.statistic))
      expectClose(
        try bound.store.read(graph.parameters.count + position, .gradient(slot: 0)), expected[observation.value],
        relative: 1e-5, "observation \(index)", sourceLocation: sourceLocation)
    }
    if let loss = graph.outputs["loss"] {
      expectClose([bound.loss()], expected[loss], relative: 1e-5, "loss", sourceLocation: sourceLocation)
    }
  }
}
