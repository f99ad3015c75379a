import Execution
import ModelGraph
import Models
import Testing

@Suite("When gradients are whole")
struct GradientOrderTests {
  /// A chain with a branch, batch norms and two layers that share nothing: gradients of all kinds.
  private static let model = ModelSpecification(
    name: "branched",
    layers: [
      .init(.convolution(.init(channels: 3, kernel: Extent(3), padding: Extent(1))), name: "c1"),
      .init(.batchNormalisation(activation: .relu), name: "b1"),
      .init(.convolution(.init(channels: 3, kernel: Extent(3), padding: Extent(1))), name: "c2"),
      .init(.add(["b1", "c2"]), name: "sum"), .init(.flatten),
      .init(.dense(outputs: 7, activation: .tanh), name: "d1"), .init(.dense(outputs: 4), name: "d2"),
    ])

  @Test("Behind the step that is named for a gradient nothing of it changes any more, and it was not whole before")
  func whole() throws {
    let graph = try Self.model.trainingGraph(
      sampleShape: [2, 6, 5], shardSamples: 4, globalBatch: 4, loss: .crossEntropy)
    let bound = try BoundGraph(graph)
    var given: [ValueID: [Double]] = [:]
    for id in graph.inputs + graph.stored {
      let count = graph[id].type.shape.elementCount
      given[id] = (0..<count).map {
        graph[id].type.elementType == .int32 ? Double($0 % 4) : Double(($0 * 7 + id.index) % 11) / 9 - 0.4
      }
    }
    try bound.give(given)
    try bound.program.run(dropout: DropoutState(seed: 1, step: 1, firstSample: 0))
    let final = bound.slot(0)
    let steps = bound.compiled.gradientSteps
    #expect(steps.allSatisfy { $0 != nil } && steps.count == graph.stored.count)
    let loss = try #require(bound.compiled.lossStep)
    for (index, step) in steps.enumerated() {
      let step = try #require(step)
      let count = graph[graph.stored[index]].type.shape.elementCount
      let range = bound.store.offsets[index]..<bound.store.offsets[index] + count
      var before: [Float] = []
      var behind: [Float] = []
      var reached: [Int] = []
      bound.store.withSlot(0) { slot in for place in slot.indices { slot[place] = 1e9 } }
      try bound.program.run(
        dropout: DropoutState(seed: 1, step: 1, firstSample: 0), marks: [0, max(step - 1, 0), step, step]
      ) { mark in
        reached.append(mark)
        if mark == 1 { before = Array(bound.slot(0)[range]) }
        if mark == 2 { behind = Array(bound.slot(0)[range]) }
      }
      #expect(reached == [0, 1, 2, 3])
      #expect(behind == Array(final[range]), "\(graph[graph.stored[index]].name)")
      if step > 0 { #expect(before != behind, "\(graph[graph.stored[index]].name)") }
      if index < graph.parameters.count { #expect(step > loss) } else { #expect(step < loss) }
    }
  }
}
