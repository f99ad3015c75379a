import Execution
import Kernels
import ModelGraph
import TestSupport
import Testing

/// Programs that compute in bfloat16 against the reference: 8 bits of precision, sums in float32.
@Suite(.enabled(if: Precision.bfloat16.isSupported, "this processor has no bfloat16 instructions"))
struct BFloat16Tests {
  private let dropout = DropoutState(seed: 77, step: 3, firstSample: 5)

  @Test(arguments: Network.all) func gradientsPointWhereTheReferencesDo(_ network: Network) throws {
    let graph = try network.training(batch: 17)
    let given = Network.given(for: graph, classes: 3)
    let expected = try ReferenceExecutor(graph).run(given, dropout: dropout)
    let bound = try BoundGraph(graph, precision: .bfloat16)
    try bound.give(given)
    try bound.program.run(dropout: dropout)
    let loss = try #require(graph.outputs["loss"])
    expectClose([bound.loss()], expected[loss], relative: 0.02, "loss")
    for pair in graph.parameterGradients {
      let (found, wanted) = (try bound.gradient(of: pair.parameter), expected[pair.gradient])
      // Rounding moves some elements to the other side of a ReLU or a pool's maximum, so single ones may differ.
      let product = zip(found, wanted).reduce(0) { $0 + Double($1.0) * $1.1 }
      let sizes = (found.reduce(0) { $0 + Double($1) * Double($1) }, wanted.reduce(0) { $0 + $1 * $1 })
      let name = graph[pair.parameter].name
      #expect(product / (sizes.0 * sizes.1).squareRoot() > 0.95, "direction of the gradient of \(name)")
      #expect(abs((sizes.0 / sizes.1).squareRoot() - 1) < 0.1, "size of the gradient of \(name)")
    }
  }

  /// The parameters stay float32, and so does what a checkpoint holds of them.
  @Test func parametersKeepEveryBit() throws {
    let graph = try Network.residualBlocks.training(batch: 3)
    let bound = try BoundGraph(graph, precision: .bfloat16)
    let given = Network.given(for: graph, classes: 3)
    try bound.give(given)
    try bound.program.run(dropout: dropout)
    for (index, parameter) in graph.parameters.enumerated() {
      #expect(try bound.store.read(index).map(Double.init) == given[parameter])
    }
  }

  @Test func convolutionsDenseLayersAndNormsComputeInIt() throws {
    let kernels = try CompiledGraph(Network.residualBlocks.training(batch: 3), precision: .bfloat16).implementations
    for kernel in kernels where kernel.operation.hasPrefix("convolution") || kernel.operation.hasPrefix("dense") {
      #expect(kernel.implementation.contains("bf16"), "\(kernel)")
    }
    // No reorder between a convolution and the norm behind it: only inputs, weights, gradients and the logits change.
    #expect(!kernels.contains { $0.operation == "reorder" && $0.layer.hasPrefix("n") })
  }

  /// NaN in bfloat16 is found where it appears.
  @Test func theFirstNumberThatIsNotFiniteIsTraced() throws {
    let graph = try Network.residualBlocks.training(batch: 3)
    var given = Network.given(for: graph, classes: 3)
    let weight = try #require(graph.parameters.first { graph[$0].name == "c0.weight" })
    given[weight] = given[weight]?.map { $0 * 1e38 }
    let input = try #require(graph.inputs.first { graph[$0].name == "x" })
    given[input] = given[input]?.map { $0 * 1e3 }
    let bound = try BoundGraph(graph, precision: .bfloat16)
    try bound.give(given)
    let found = try bound.program.firstNonFinite(dropout: dropout)
    #expect(found?.layer == "c0" && found?.operation == "convolution")
  }
}
