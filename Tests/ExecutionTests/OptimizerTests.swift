import Execution
import Foundation
import ModelGraph
import Models
import Safetensors
import TestSupport
import Testing

/// Three steps of each optimizer against PyTorch's, in double precision: see scripts/golden.
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
        expectClose(
          try bound.store.read(position), expected, relative: 1e-6, "\(name), step \(step + 1), \(tensor)")
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
