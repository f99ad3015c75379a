import Execution
import Foundation
import ModelGraph
import Models
import Safetensors
import TestSupport
import Testing

/// Three steps of each optimizer against PyTorch's, of LARS and LAMB against loops after their papers, in double
/// precision: see scripts/golden.
@Suite struct OptimizerTests {
  private static let rates: [Float] = [0.1, 0.03, 0.2]

  private static let optimizers: [(name: String, rule: Optimizer, stateCount: Int)] = [
    ("sgd", .sgd(momentum: 0, weightDecay: 0, nesterov: false), 0),
    ("sgd with weight decay", .sgd(momentum: 0, weightDecay: 0.3, nesterov: false), 0),
    ("momentum", .sgd(momentum: 0.8, weightDecay: 0.3, nesterov: false), 1),
    ("nesterov", .sgd(momentum: 0.8, weightDecay: 0.3, nesterov: true), 1),
    ("adam", .adam(beta1: 0.7, beta2: 0.95, epsilon: 1e-3, weightDecay: 0, decoupled: false), 2),
    ("adam with weight decay", .adam(beta1: 0.7, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.3, decoupled: false), 2),
    ("adam of long memory", .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false), 2),
    ("adamw", .adam(beta1: 0.7, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.3, decoupled: true), 2),
    ("adagrad", .adagrad(epsilon: 1e-3, weightDecay: 0), 1),
    ("adagrad with weight decay", .adagrad(epsilon: 1e-3, weightDecay: 0.3), 1),
    ("rmsprop", .rmsprop(smoothing: 0.8, epsilon: 1e-3, momentum: 0, weightDecay: 0.3, centred: false), 1),
    (
      "rmsprop with momentum", .rmsprop(smoothing: 0.8, epsilon: 1e-3, momentum: 0.7, weightDecay: 0, centred: false),
      2
    ),
    ("centred rmsprop", .rmsprop(smoothing: 0.8, epsilon: 1e-3, momentum: 0, weightDecay: 0, centred: true), 2),
    (
      "centred rmsprop with momentum",
      .rmsprop(smoothing: 0.8, epsilon: 1e-3, momentum: 0.7, weightDecay: 0.3, centred: true), 3
    ),
    ("lars", .lars(momentum: 0.8, trust: 0.02, weightDecay: 0.3), 1),
    ("lamb", .lamb(beta1: 0.7, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.3), 2),
  ]

  @Test(arguments: optimizers.indices) func threeStepsEqualPyTorch(index: Int) throws {
    let (name, rule, stateCount) = Self.optimizers[index]
    #expect(rule.stateCount == stateCount)
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    let data = try Data(contentsOf: folder.appending(path: "optimizers.safetensors"))
    let file = try SafetensorsFile(decoding: [UInt8](data))
    let bound = try BoundGraph(dense(), slotCount: 2, stateCount: stateCount)
    let tensors = ["weight", "bias"]
    for (position, tensor) in tensors.enumerated() {
      try bound.store.write(file.tensor("parameter.\(tensor)").elements(), to: position)
    }
    for (step, rate) in Self.rates.enumerated() {
      for (position, tensor) in tensors.enumerated() {
        let gradient: [Float] = try file.tensor("gradient.\(step + 1).\(tensor)").elements()
        try bound.store.write(gradient, to: position, .gradient(slot: 0))
        // What lies in another slot has no part in it.
        try bound.store.write(gradient.map { 9 - $0 }, to: position, .gradient(slot: 1))
      }
      rule.update(bound.store, step: step + 1, learningRate: rate)
      for (position, tensor) in tensors.enumerated() {
        let expected: [Double] = try file.tensor("\(name).\(step + 1).\(tensor)").elements()
        // A variance that is a difference of two near numbers keeps fewer digits.
        let relative = name.hasPrefix("centred") ? 1e-5 : 1e-6
        expectClose(
          try bound.store.read(position), expected, relative: relative, "\(name), step \(step + 1), \(tensor)")
      }
    }
  }

  /// Padding of blocked layouts and between tensors is zero, and no update makes it anything else.
  @Test(arguments: optimizers.indices) func paddingStaysZero(index: Int) throws {
    let rule = Self.optimizers[index].rule
    let graph = try Network.smooth.training(batch: 3)
    let bound = try BoundGraph(graph, stateCount: rule.stateCount)
    try bound.give(Network.given(for: graph, classes: 3))
    let elements = graph.parameterCount
    for step in 1...3 {
      try bound.program.run(dropout: DropoutState(seed: 1, step: 1, firstSample: 0))
      rule.update(bound.store, step: step, learningRate: 0.01)
    }
    let nonZero = bound.store.withParameters { span in span.indices.count { span[$0] != 0 } }
    #expect(bound.store.elementCount > elements, "a store without padding proves nothing")
    #expect(nonZero <= elements && nonZero > elements * 9 / 10)
  }

  /// λ p alone moves a parameter whose gradient is zero.
  @Test(arguments: optimizers.filter { $0.name == "sgd with weight decay" || $0.name == "adamw" || $0.name == "lamb" })
  func biasesAreExemptFromDecay(name: String, rule: Optimizer, stateCount: Int) throws {
    let bound = try BoundGraph(dense(), stateCount: stateCount)
    let start: [[Float]] = [(1...15).map { Float($0) / 4 }, [3, -2, 1, 5, -4]]
    for decaysBiases in [true, false] {
      for position in 0...1 {
        try bound.store.write(start[position], to: position)
        try bound.store.write(start[position].map { _ in 0 }, to: position, .gradient(slot: 0))
      }
      let ranges = UpdateRanges(bound.store, decaysBiases: decaysBiases)
      rule.update(bound.store, step: 1, learningRate: 0.1, over: ranges)
      #expect(try bound.store.read(0) != start[0], "\(name)")
      #expect(try (bound.store.read(1) != start[1]) == decaysBiases, "\(name)")
    }
  }

  /// The gains of a normalisation over an image have three dimensions, and are no weights.
  @Test(arguments: optimizers.filter { ["sgd with weight decay", "adamw", "lamb", "lars"].contains($0.name) })
  func gainsOfManyDimensionsAreExemptFromDecay(name: String, rule: Optimizer, stateCount: Int) throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([4, 2, 3, 5]))
    let normalised = try graph.layerNormalisation("n", x, dimensions: 3)
    graph.outputs["loss"] = try graph.meanSquared(
      try graph.dense("f", graph.flatten("flat", normalised), outputs: 3, hasBias: false))
    let bound = try BoundGraph(
      try graph.differentiated(#require(graph.outputs["loss"])), stateCount: stateCount)
    let names = bound.store.graph.parameters.map { bound.store.graph[$0].name }
    #expect(names == ["n.weight", "n.bias", "f.weight"])
    let start = [30, 30, 90].map { count in (1...count).map { Float($0) / 4 } }
    for decaysBiases in [false, true] {
      for (position, values) in start.enumerated() {
        try bound.store.write(values, to: position)
        try bound.store.write(values.map { _ in 0 }, to: position, .gradient(slot: 0))
      }
      rule.update(
        bound.store, step: 1, learningRate: 0.1, over: UpdateRanges(bound.store, decaysBiases: decaysBiases))
      for position in 0...1 {
        #expect(try (bound.store.read(position) != start[position]) == decaysBiases, "\(name): \(names[position])")
      }
      #expect(try bound.store.read(2) != start[2], "\(name)")
    }
  }

  @Test(arguments: optimizers.indices) func onlyTheNamedParametersAreUpdated(index: Int) throws {
    let rule = Self.optimizers[index].rule
    let bound = try BoundGraph(dense(), stateCount: rule.stateCount)
    let start: [[Float]] = [(1...15).map { Float($0) / 4 }, [3, -2, 1, 5, -4]]
    for position in 0...1 {
      try bound.store.write(start[position], to: position)
      try bound.store.write(start[position].map { 1 - $0 }, to: position, .gradient(slot: 0))
    }
    let ranges = UpdateRanges(bound.store) { $0 == "f.bias" }
    rule.update(bound.store, step: 1, learningRate: 0.1, over: ranges)
    #expect(try bound.store.read(0) == start[0])
    #expect(try bound.store.read(1) != start[1])
  }

  @Test func optimizersSurviveJSON() throws {
    for (_, rule, _) in Self.optimizers {
      #expect(try JSONDecoder().decode(Optimizer.self, from: JSONEncoder().encode(rule)) == rule)
    }
  }

  /// A layer with the parameters of the file: weight [5, 3] and bias [5].
  private func dense() throws -> Graph {
    var graph = Graph()
    let x = graph.input("x", TensorType([4, 3]))
    let loss = try graph.meanSquared(try graph.dense("f", x, outputs: 5))
    graph.outputs["loss"] = loss
    return try graph.differentiated(loss)
  }
}
