import Execution
import Foundation
import ModelGraph
import Models
import TestSupport
import Testing

/// What is done to gradients before an update and to parameters behind it.
@Suite struct RegularisationTests {
  private static let weights = (0..<21).map { Float($0 - 10) / 8 }
  private static let biases: [Float] = [0.5, -0.0625, 2, -3, 0.125, 0.25, -0.125]

  @Test func normIsThatOfAllGradientsWithoutPaddingOrTail() throws {
    let bound = try store(gradients: true)
    let expected = (Self.weights + Self.biases).reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    expectClose([bound.store.gradientNorm()], [expected], relative: 1e-12)
    let norms = bound.store.tensorNorms
    #expect(Set(norms.map(\.name)) == ["f.weight", "f.bias"])
    let bias = try #require(norms.first { $0.name == "f.bias" })
    #expect(!bias.isWeight)
    expectClose(
      [bias.gradient], [Self.biases.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()], relative: 1e-12)
    #expect(bias.parameter == 0)
  }

  @Test(arguments: [(2.0, true), (50.0, false)])
  func clippingByNormScalesAllAlike(limit: Double, isClipped: Bool) throws {
    let bound = try store(gradients: true)
    let norm = bound.store.gradientNorm()
    #expect((norm > limit) == isClipped)
    #expect(bound.store.clipGradientNorm(to: limit) == norm)
    // PyTorch's clip_grad_norm_.
    let scale = min(1, limit / (norm + 1e-6))
    expectClose(
      try bound.store.read(0, .gradient(slot: 0)), Self.weights.map { Double($0) * scale }, relative: 1e-6, "weights")
    expectClose(
      try bound.store.read(1, .gradient(slot: 0)), Self.biases.map { Double($0) * scale }, relative: 1e-6, "biases")
  }

  @Test func clippingByValueLimitsEachAndKeepsWhatIsNoNumber() throws {
    let bound = try store(gradients: true)
    try bound.store.write([.nan, .infinity, -.infinity, 0.3, -0.3, 0.1, 9], to: 1, .gradient(slot: 0))
    bound.store.clipGradientValues(to: 0.25)
    #expect(try bound.store.read(0, .gradient(slot: 0)) == Self.weights.map { max(-0.25, min(0.25, $0)) })
    let biases = try bound.store.read(1, .gradient(slot: 0))
    #expect(biases[0].isNaN)
    #expect(Array(biases.dropFirst()) == [0.25, -0.25, 0.25, -0.25, 0.1, 0.25])
  }

  @Test(arguments: [true, false])
  func softThresholdingLeavesTrueZeros(decaysBiases: Bool) throws {
    let bound = try store(gradients: false)
    #expect(bound.store.zeros == (1, 28))
    bound.store.softThreshold(by: 0.25, over: UpdateRanges(bound.store, decaysBiases: decaysBiases))
    func shrunk(_ value: Float) -> Float { value > 0.25 ? value - 0.25 : value < -0.25 ? value + 0.25 : 0 }
    #expect(try bound.store.read(0) == Self.weights.map(shrunk))
    #expect(try bound.store.read(1) == (decaysBiases ? Self.biases.map(shrunk) : Self.biases))
    #expect(bound.store.zeros == (decaysBiases ? 9 : 5, 28))
  }

  @Test func softThresholdingHidesNoBrokenNumber() throws {
    let bound = try store(gradients: false)
    try bound.store.write([.nan, .infinity, -.infinity, 0, 1, -1, 0.1], to: 1)
    bound.store.softThreshold(by: 0.5)
    let values = try bound.store.read(1)
    #expect(values[0].isNaN)
    #expect(Array(values.dropFirst()) == [.infinity, -.infinity, 0, 0.5, -0.5, 0])
  }

  /// A layer of 3 inputs and 7 outputs.
  private func store(gradients: Bool) throws -> BoundGraph {
    var graph = Graph()
    let x = graph.input("x", TensorType([4, 3]))
    let loss = try graph.meanSquared(try graph.dense("f", x, outputs: 7))
    graph.outputs["loss"] = loss
    let bound = try BoundGraph(graph.differentiated(loss), slotCount: 2)
    let section: ParameterStore.Section = gradients ? .gradient(slot: 0) : .parameters
    try bound.store.write(Self.weights, to: 0, section)
    try bound.store.write(Self.biases, to: 1, section)
    bound.store.withSlot(0) { slot in for index in bound.store.elementCount..<slot.count { slot[index] = 77 } }
    return bound
  }
}

/// A look at the ReLUs of a running program.
@Suite struct UnitActivityTests {
  @Test("Units that are 0 for every sample are counted, of fused and free ReLUs, dense, convolved and normalised")
  func counted() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([2, 3, 5, 4]))
    var y = try graph.convolution("c", x, .init(channels: 19, kernel: Extent(2, 3)))
    y = try graph.activation("c", y, .relu)
    y = try graph.maxPool("p", y, Window(kernel: Extent(2), stride: Extent(2)))
    y = try graph.activation("free", y, .relu)
    let normalised = try graph.batchNormalisation("n", y, BatchNormalisationSettings(isTraining: true))
    y = try graph.activation("behind", normalised, .relu)
    y = try graph.dense("d", graph.flatten("flat", y), outputs: 6)
    y = try graph.activation("d", y, .relu)
    y = try graph.dense("last", y, outputs: 3)
    let loss = try graph.meanSquared(graph.activation("t", y, .tanh))
    graph.outputs["loss"] = loss
    graph = try graph.differentiated(loss)
    let bound = try BoundGraph(graph)
    try bound.give(Network.given(for: graph, classes: 3))
    // Biases far below zero for 4 and 3 of 19 channels and 5 of 6 units, far above for the others.
    let biases = [
      "c.bias": (0..<19).map { Float($0 % 5 == 2 ? -1000 : 1000) },
      "n.bias": (0..<19).map { Float($0 % 7 == 3 ? -1000 : 1000) },
      "d.bias": [-1e6, -1e6, 1e6, -1e6, -1e6, -1e6],
    ]
    for (position, id) in graph.parameters.enumerated() {
      guard let values = biases[graph[id].name] else { continue }
      try bound.store.write(values, to: position)
    }
    let dropout = DropoutState(seed: 1, step: 1, firstSample: 0)
    let found = try bound.program.unitActivity(slot: 0, dropout: dropout)
    #expect(found.map(\.layer) == ["c", "free", "behind", "d"])
    #expect(found.map(\.units) == [19, 19, 19, 6] && found.map(\.dead) == [4, 4, 3, 5])
    #expect(found.map(\.samples) == [2, 2, 2, 2])
    #expect(found[0].activeSamples == (0..<19).map { $0 % 5 == 2 ? 0 : 2 })
    #expect(found[3].activeSamples == [0, 0, 2, 0, 0, 0])
    // The look has no part in what is computed.
    try bound.program.run(dropout: dropout)
    let before = bound.slot(0)
    _ = try bound.program.unitActivity(slot: 0, dropout: dropout)
    try bound.program.run(dropout: dropout)
    #expect(bound.slot(0) == before)
  }

  @Test func programWithoutReLUsHasNone() throws {
    let graph = try Network.smooth.training(batch: 2)
    let bound = try BoundGraph(graph)
    try bound.give(Network.given(for: graph, classes: 3))
    #expect(!bound.program.hasReLUs)
    #expect(try bound.program.unitActivity(slot: 0, dropout: DropoutState(seed: 1, step: 1, firstSample: 0)) == [])
  }

  /// A unit that fires for one of the samples is alive; the features of a sequence are its last dimension, the channels of
  /// a convolution over a line stand before its positions.
  @Test func unitsAreCountedBySample() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([3, 4, 2]))
    let steps = try graph.activation("steps", graph.dense("steps", x, outputs: 2, hasBias: false), .relu)
    let line = try graph.activation(
      "line", graph.convolution("line", steps, .init(channels: 1, kernel: Extent(1), hasBias: false)), .relu)
    let loss = try graph.meanSquared(line)
    graph.outputs["loss"] = loss
    let bound = try BoundGraph(try graph.differentiated(loss))
    // Feature 0 is above 0 at one step of sample 1, feature 1 at steps of samples 0 and 1.
    var input = [Float](repeating: -1, count: 24)
    input[8 + 4] = 3
    for index in [1, 3, 8 + 7] { input[index] = 2 }
    let names = bound.store.graph.parameters.map { bound.store.graph[$0].name }
    for (position, name) in names.enumerated() {
      try bound.store.write(name == "steps.weight" ? [1, 0, 0, 1] : [1, 1, 1, 1], to: position)
    }
    bound.program.set(try #require(bound.program.input("x")), input)
    let found = try bound.program.unitActivity(slot: 0, dropout: DropoutState(seed: 1, step: 1, firstSample: 0))
    #expect(found.map(\.activeSamples) == [[1, 2], [2]])
  }

  @Test func activitiesMerge() {
    var activity = UnitActivity(layer: "a", samples: 4, activeSamples: [0, 3, 0])
    activity.merge(UnitActivity(layer: "a", samples: 6, activeSamples: [2, 1, 0]))
    #expect(activity == UnitActivity(layer: "a", samples: 10, activeSamples: [2, 4, 0]))
    #expect(activity.dead == 1 && activity.units == 3)
  }
}
