import Execution
import ModelGraph
import TestSupport
import Testing

@Suite struct ReferenceGoldenTests {
  @Test(arguments: GoldenCase.names) func referenceEqualsPyTorchInDoublePrecision(name: String) throws {
    let golden = try GoldenCase(name)
    let values = try ReferenceExecutor(golden.graph).run(
      golden.given, dropout: DropoutState(seed: 0, step: 0, firstSample: 0))
    #expect(golden.outputs.contains { $0.name == "loss" })
    #expect(golden.gradients.count == golden.graph.parameters.count)
    for expected in golden.outputs + golden.gradients {
      // What is stored in float32 has been rounded to 6·10⁻⁸.
      let tolerance = expected.elements.count > 10_000 ? 1e-7 : 1e-12
      expectClose(
        expected.stored(of: values[expected.value]), expected.elements, relative: tolerance, "\(name) \(expected.name)")
    }
  }

  @Test func goldenParametersVaryWithTensorAndElement() throws {
    let golden = try GoldenCase("lenet5")
    for (id, elements) in golden.parameters {
      #expect(Set(elements).count == min(elements.count, 2003), "\(golden.graph[id].name)")
    }
    #expect(Set(golden.parameters.values.map { $0[0] }).count == golden.parameters.count)
  }
}
