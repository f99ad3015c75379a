import Execution
import ModelGraph
import Models
import Testing

@Suite struct FirstNonFiniteTests {
  private let dropout = DropoutState(seed: 1, step: 1, firstSample: 0)

  private func bound() throws -> (BoundGraph, [ValueID: [Double]]) {
    let graph = try Network.pooledChain.training(batch: 2)
    let bound = try BoundGraph(graph)
    let given = Network.given(for: graph, classes: 5)
    try bound.give(given)
    return (bound, given)
  }

  /// The place as text, after a run that ends in a loss that is not finite.
  private func place(_ bound: BoundGraph) throws -> String? {
    try bound.program.run(dropout: dropout)
    return try bound.program.firstNonFinite(dropout: dropout).map { "\($0.layer): \($0.operation)" }
  }

  @Test func finiteNumbersHaveNoPlace() throws {
    let (bound, _) = try bound()
    #expect(try place(bound) == nil)
  }

  @Test(arguments: [("c1", "convolution"), ("c2", "convolution"), ("f1", "dense"), ("f2", "dense")])
  func anOverflowIsTracedToItsLayer(layer: String, operation: String) throws {
    let (bound, _) = try bound()
    let index = try #require(
      bound.graph.parameters.firstIndex { bound.graph[$0].name == layer + ".weight" })
    let weights = try bound.store.read(index)
    // Finite weights whose products overflow: the activations before them are of the order of 1.
    try bound.store.write(weights.map { $0 < 0 ? -3e38 : 3e38 }, to: index)
    #expect(try place(bound) == "\(layer): \(operation)")
  }

  @Test func anOverflowInBackwardIsTracedToItsOperation() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([2, 3]))
    let first = try graph.dense("small", x, outputs: 4)
    let second = try graph.dense("large", first, outputs: 5)
    graph.outputs["loss"] = try graph.meanSquared(second)
    let bound = try BoundGraph(graph.differentiated(try #require(graph.outputs["loss"])))
    var given = Network.given(for: bound.graph, classes: 1)
    // Nothing reaches the second layer, but its weights carry the gradient back.
    for id in bound.graph.parameters {
      let name = bound.graph[id].name
      if name.hasPrefix("small") { given[id] = given[id]?.map { _ in 0 } }
      if name == "large.weight" { given[id] = given[id]?.map { $0 < 0 ? -3e38 : 3e38 } }
      if name == "large.bias" { given[id] = given[id]?.enumerated().map { 1000 + Double($0.offset) } }
    }
    try bound.give(given)
    #expect(try place(bound) == "large: dense backward input")
  }

  @Test func aNumberThatIsNoneInAnInputIsNamedByTheInput() throws {
    var (bound, given) = try bound()
    given[bound.graph.inputs[0]]?[41] = .nan
    try bound.program.give(given)
    #expect(try place(bound) == "x: input")
  }

  @Test func anInfiniteParameterIsNamed() throws {
    let (bound, _) = try bound()
    var bias = try bound.store.read(3)
    bias[2] = .infinity
    try bound.store.write(bias, to: 3)
    #expect(try place(bound) == "c2.bias: parameter")
  }
}
