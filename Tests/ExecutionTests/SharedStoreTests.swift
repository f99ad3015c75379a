import CMalloc
import Execution
import Kernels
import ModelGraph
import Models
import TestSupport
import Testing

/// Programs that share memory, slots of gradients, and what a run leaves behind.
@Suite struct SharedStoreTests {
  private let dropout = DropoutState(seed: 5, step: 9, firstSample: 40)

  @Test(arguments: [Network.stridedBlocks, .pooledChain, .fanOut, .smooth], [1, 6, 19])
  func inferenceSharesStoreAndWorkspaceWithTraining(_ network: Network, batch: Int) throws {
    Threads.use(1)
    let training = try CompiledGraph(network.training(batch: 8))
    let graph = try network.inference(batch: batch)
    let inference = try CompiledGraph(graph, sharing: training)
    #expect(inference.parameterLayouts == training.parameterLayouts)
    #expect(!inference.implementations.contains { $0.implementation.hasPrefix("ref") }, "a plain loop")
    let store = try ParameterStore(training, slotCount: 1, stateCount: 0)
    let workspace = try Arena(byteCount: max(training.workspaceByteCount, inference.workspaceByteCount))
    let trainer = try Program(training, store, workspace: workspace)
    let predictor = try Program(inference, store, workspace: workspace)

    let given = Network.given(for: training.graph, classes: 3)
    let asked = Network.given(for: graph, classes: 3)
    for (index, id) in training.graph.parameters.enumerated() {
      // The two graphs number their values differently.
      #expect(training.graph[id].name == graph[graph.parameters[index]].name)
      try store.write(try #require(asked[graph.parameters[index]]).map(Float.init), to: index)
    }
    var same = given
    for (id, other) in zip(training.graph.parameters, graph.parameters) { same[id] = asked[other] }
    let logits = try ReferenceExecutor(graph).run(asked, dropout: dropout)[try #require(graph.outputs["logits"])]
    let trained = try ReferenceExecutor(training.graph).run(same, dropout: dropout)
    for _ in 0..<2 {
      try trainer.give(given)
      try trainer.run(dropout: dropout)
      expectClose(store.withSlot(0) { [$0[store.elementCount]] }, trained[try loss(of: training)], relative: 1e-5)
      try predictor.give(asked)
      try predictor.run(dropout: dropout)
      expectClose(predictor.output("logits"), logits, relative: 1e-5, "logits")
    }
    for pair in training.graph.parameterGradients {
      let index = try #require(training.graph.parameters.firstIndex(of: pair.parameter))
      expectClose(try store.read(index, .gradient(slot: 0)), trained[pair.gradient], relative: 1e-5, "gradient")
    }
  }

  /// An auxiliary head's parameters lie between the model's and the statistics, and evaluation knows nothing of them.
  @Test func inferenceFindsItsStatisticsBehindTheParametersOfAnAuxiliaryHead() throws {
    let head = AuxiliaryHead(
      weight: 0.4,
      layers: [
        .init(.convolution(.init(channels: 20, kernel: Extent(2))), name: "h.c", from: "n"),
        .init(.batchNormalisation(), name: "h.n"), .init(.flatten, name: "h.f"),
        .init(.dense(outputs: 3), name: "h.d"),
      ])
    let model = ModelSpecification(
      name: "headed",
      layers: [
        .init(.convolution(.init(channels: 17, kernel: Extent(3))), name: "c"),
        .init(.batchNormalisation(activation: .relu), name: "n"), .init(.globalAveragePool, name: "p"),
        .init(.flatten, name: "f"), .init(.dense(outputs: 3), name: "d"),
      ], auxiliaryHeads: [head])
    let training = try CompiledGraph(
      model.trainingGraph(sampleShape: [2, 6, 5], shardSamples: 4, globalBatch: 4, loss: .crossEntropy))
    let graph = try model.evaluationGraph(sampleShape: [2, 6, 5], batch: 3, loss: .crossEntropy)
    let inference = try CompiledGraph(graph, sharing: training)
    let store = try ParameterStore(training, slotCount: 1, stateCount: 0)
    let predictor = try Program(inference, store, workspace: Arena(byteCount: inference.workspaceByteCount))
    var given = Network.given(for: graph, classes: 3)
    for id in graph.stored where graph[id].name.hasSuffix("var") { given[id] = given[id]?.map { 1.5 + $0 } }
    for (index, id) in training.graph.stored.enumerated() {
      let name = training.graph[id].name
      let kept = graph.stored.first { graph[$0].name == name }
      #expect((kept == nil) == name.hasPrefix("h."))
      let count = training.graph[id].type.shape.elementCount
      let values = kept.flatMap { given[$0] } ?? Array(repeating: 9, count: count)
      try store.write(values.map(Float.init), to: index)
    }
    try predictor.give(given)
    try predictor.run(dropout: dropout)
    let logits = try #require(graph.outputs["logits"])
    expectClose(
      predictor.output("logits"), try ReferenceExecutor(graph).run(given, dropout: dropout)[logits], relative: 1e-5)
  }

  private func loss(of compiled: CompiledGraph) throws -> ValueID { try #require(compiled.graph.outputs["loss"]) }

  @Test func aSlotIsWrittenByItsOwnRunsOnly() throws {
    let graph = try Network.pooledChain.training(batch: 4)
    let bound = try BoundGraph(graph, slotCount: 3)
    var given = Network.given(for: graph, classes: 5)
    try bound.give(given)
    try bound.program.run(slot: 0, dropout: dropout)
    let first = bound.slot(0)
    #expect(first.contains { $0 != 0 } && bound.slot(1).allSatisfy { $0 == 0 })
    try bound.program.run(slot: 1, dropout: dropout)
    #expect(bound.slot(1) == first)

    given[graph.inputs[0]] = given[graph.inputs[0]]?.map { 0.5 - $0 }
    try bound.program.give(given)
    try bound.program.run(slot: 1, dropout: dropout)
    #expect(bound.slot(0) == first)
    #expect(bound.slot(1) != first && bound.loss(slot: 1) != bound.loss(slot: 0))
    #expect(bound.slot(2).allSatisfy { $0 == 0 })

    let second = bound.slot(1)
    bound.store.addSlot(1, to: 0)
    #expect(bound.slot(0) == zip(first, second).map { $0 + $1 } && bound.slot(1) == second)
  }

  @Test(arguments: Network.all) func twoRunsGiveTheSameBits(_ network: Network) throws {
    let graph = try network.training(batch: 5)
    let given = Network.given(for: graph, classes: 3)
    func bits(_ bound: BoundGraph) throws -> [UInt32] {
      try bound.program.run(dropout: dropout)
      return (bound.slot(0) + bound.program.output("logits")).map(\.bitPattern)
    }
    let bound = try BoundGraph(graph)
    try bound.give(given)
    let first = try bits(bound)
    #expect(try bits(bound) == first)
    let again = try BoundGraph(graph)
    try again.give(given)
    #expect(try bits(again) == first)
    #expect(again.store.fingerprint == bound.store.fingerprint)
    #expect(again.compiled.workspaceByteCount == bound.compiled.workspaceByteCount)
  }

  /// Other tests run beside this one, so a window that they disturb is measured again.
  @Test(arguments: [Network.pooledChain, .dropouts]) func fiftyRunsLeaveTheHeapAsItWas(_ network: Network) throws {
    let graph = try network.training(batch: 3)
    let bound = try BoundGraph(graph)
    try bound.give(Network.given(for: graph, classes: 3))
    try bound.program.run(dropout: dropout)
    var growths: [Int] = []
    for _ in 0..<200 where growths.last != 0 {
      let before = mallinfo2().uordblks
      for _ in 0..<50 { try bound.program.run(dropout: dropout) }
      growths.append(Int(mallinfo2().uordblks) - Int(before))
    }
    #expect(growths.last == 0, "bytes that 50 runs left allocated: \(growths)")
  }

  @Test func elementsOfTheWrongNumberAreRefused() throws {
    let bound = try BoundGraph(Network.pooledChain.training(batch: 2))
    let error = #expect(throws: ExecutionError.self) { try bound.store.write([1, 2, 3], to: 1) }
    #expect(error?.code == .parameterMismatch)
    #expect(error?.description == "parameter 'c1.bias' is 6, given 3 elements")
  }

  @Test func sectionsOfAStoreKeepWhatIsWrittenToThem() throws {
    let bound = try BoundGraph(Network.smooth.training(batch: 2), slotCount: 2, stateCount: 2)
    let sections: [ParameterStore.Section] = [
      .parameters, .state(0), .state(1), .gradient(slot: 0), .gradient(slot: 1),
    ]
    func elements(_ parameter: Int, _ section: Int) -> [Float] {
      let count = bound.graph[bound.graph.parameters[parameter]].type.shape.elementCount
      return Example.pattern(count, salt: 10 * parameter + section).map(Float.init)
    }
    for parameter in bound.graph.parameters.indices {
      for (index, section) in sections.enumerated() {
        try bound.store.write(elements(parameter, index), to: parameter, section)
      }
    }
    for parameter in bound.graph.parameters.indices {
      for (index, section) in sections.enumerated() {
        #expect(try bound.store.read(parameter, section) == elements(parameter, index), "\(parameter) \(section)")
      }
    }
  }
}
