import ModelGraph
import Models
import Testing

import Execution

@Suite struct MissingKernelTests {
  @Test func aGraphThatCannotBeRunIsRefusedByTheNameOfItsLayer() throws {
    var graph = Graph()
    let x = graph.input("input", TensorType([3, 5, 8]))
    let hidden = try graph.dense("first", x, outputs: 6)
    let y = try graph.rmsNormalisation("norm", hidden)
    graph.outputs["logits"] = y
    let node = try #require(graph.firstNodeWithoutKernel)
    #expect(node.layer == "norm")
    let error = #expect(throws: GraphError.self) { try CompiledGraph(graph) }
    #expect(error?.code == .noKernel)
    #expect(error?.layer == "norm")
    #expect(error?.message.hasPrefix("Apus has no kernel for 'rms norm' yet") == true)
    let reference = #expect(throws: GraphError.self) {
      let given = (graph.inputs + graph.stored).map {
        ($0, Array(repeating: 0.5, count: graph[$0].type.shape.elementCount))
      }
      return try ReferenceExecutor(graph).run(
        Dictionary(uniqueKeysWithValues: given), dropout: DropoutState(seed: 1, step: 0, firstSample: 0))
    }
    #expect(reference?.code == .noKernel)
  }
}
