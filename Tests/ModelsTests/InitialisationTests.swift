import ModelGraph
import Randomness
import Testing

import Models

@Suite struct InitialisationTests {
  func graph(hidden: Int = 30) throws -> Graph {
    var graph = Graph()
    var x = graph.input("input", TensorType([2, 25]))
    x = try graph.dense("a", x, outputs: hidden, biasInitialiser: .zeros)
    _ = try graph.dense("b", x, outputs: 40, biasInitialiser: .normal(deviation: 3))
    return graph
  }

  @Test func uniformValuesFillTheirInterval() throws {
    let graph = try graph()
    let values = graph.initialParameterValues(graph.parameters[0], seed: 5)
    #expect(values.count == 30 * 25)
    #expect(values.allSatisfy { $0 >= -0.2 && $0 < 0.2 })
    #expect((values.min() ?? 0) < -0.19)
    #expect((values.max() ?? 0) > 0.19)
    #expect(abs(values.reduce(0, +) / 750) < 0.02)
  }

  @Test func normalValuesHaveTheDeviationAndZerosAreZero() throws {
    let graph = try graph()
    #expect(graph.initialParameterValues(graph.parameters[1], seed: 5) == [Float](repeating: 0, count: 30))
    let values = graph.initialParameterValues(graph.parameters[3], seed: 5)
    let deviation = (values.reduce(0) { $0 + $1 * $1 } / 40).squareRoot()
    #expect(values.count == 40)
    #expect(deviation > 2 && deviation < 4)
  }

  /// With 3·5·2 numbers into an output of a group, and 4·5·2 outputs from one number.
  @Test(arguments: [
    (WeightInitialisation.uniform, Initialiser.uniform(bound: Float(1 / 30.0.squareRoot())), isBiasDrawn: true),
    (.heNormal, .normal(deviation: Float((2 / 40.0).squareRoot())), false),
    (.xavierUniform, .uniform(bound: Float((6 / 70.0).squareRoot())), false),
    (.normal(deviation: 0.3), .normal(deviation: 0.3), false),
  ])
  func weightsAreDrawnByFanInAndFanOut(_ rule: WeightInitialisation, expected: Initialiser, isBiasDrawn: Bool) throws {
    var graph = Graph()
    let image = graph.input("image", TensorType([2, 6, 9, 8]))
    _ = try graph.convolution("c", image, .init(channels: 8, kernel: Extent(5, 2), groups: 2, initialisation: rule))
    let row = graph.input("row", TensorType([2, 30]))
    _ = try graph.dense("d", row, outputs: 40, initialisation: rule)
    let drawn = graph.parameters.map { graph[$0].initialiser }
    #expect(drawn == [expected, isBiasDrawn ? expected : .zeros, expected, isBiasDrawn ? expected : .zeros])
  }

  @Test func valuesAreDrawnFromTheStreamOfTheParametersPosition() throws {
    let graph = try graph()
    var stream = RandomStream(seed: 9, purpose: .initialisation, stream: 2)
    let bound = Float(1 / 30.0.squareRoot())
    let expected = (0..<40 * 30).map { _ in stream.uniform(in: -bound..<bound) }
    #expect(graph.initialParameterValues(graph.parameters[2], seed: 9) == expected)
  }

  @Test func valuesDependOnSeedAndPositionOnly() throws {
    let graph = try graph()
    let first = graph.initialParameterValues(graph.parameters[0], seed: 5)
    #expect(graph.initialParameterValues(graph.parameters[0], seed: 5) == first)
    #expect(graph.initialParameterValues(graph.parameters[0], seed: 6) != first)
    let wider = try self.graph(hidden: 31)
    #expect(
      wider.initialParameterValues(wider.parameters[3], seed: 5)
        == graph.initialParameterValues(graph.parameters[3], seed: 5))
    var twins = Graph()
    var x = twins.input("input", TensorType([2, 25]))
    for name in ["a", "b"] { x = try twins.dense(name, x, outputs: 25) }
    #expect(
      twins.initialParameterValues(twins.parameters[0], seed: 5)
        != twins.initialParameterValues(twins.parameters[2], seed: 5))
  }
}
