import Execution
import ModelGraph
import Models
import Testing

@Suite("Shares of the parameters")
struct ParameterShareTests {
  private static let model = ModelSpecification(
    name: "wide",
    layers: [
      .init(.flatten), .init(.dense(outputs: 130, activation: .relu), name: "d1"),
      .init(.batchNormalisation(activation: nil), name: "b1"), .init(.dense(outputs: 61), name: "d2"),
    ])

  private static func compiled() throws -> CompiledGraph {
    try CompiledGraph(
      model.trainingGraph(sampleShape: [9, 11], shardSamples: 4, globalBatch: 4, loss: .crossEntropy))
  }

  @Test("They cover all parameters and no statistics, and a store has as many bytes less as its states are fewer")
  func bytes() throws {
    let compiled = try Self.compiled()
    let whole = try ParameterStore(compiled, slotCount: 2, stateCount: 2)
    #expect(whole.shares == [0..<whole.parameterEnd] && whole.stateRange == 0..<whole.elementCount)
    #expect(whole.parameterEnd < whole.elementCount)
    for count in [2, 3, 5] {
      var next = 0
      for index in 0..<count {
        let store = try ParameterStore(compiled, slotCount: 2, stateCount: 2, share: (index, count))
        #expect(store.stateRange == store.shares[index] && store.stateRange.lowerBound == next)
        next = store.stateRange.upperBound
        #expect(whole.byteCount - store.byteCount == 2 * 4 * (whole.elementCount - store.stateRange.count))
        #expect(abs(store.stateRange.count - whole.parameterEnd / count) <= 2048, "\(store.shares)")
      }
      #expect(next == whole.parameterEnd)
    }
  }

  @Test("States written as tensors lie where a store with all states has them", arguments: [2, 3, 5])
  func states(count: Int) throws {
    let compiled = try Self.compiled()
    let whole = try ParameterStore(compiled, slotCount: 1, stateCount: 2)
    let stores = try (0..<count).map { try ParameterStore(compiled, slotCount: 1, stateCount: 2, share: ($0, count)) }
    for (index, parameter) in compiled.graph.parameters.enumerated() {
      let elements = (0..<compiled.graph[parameter].type.shape.elementCount).map { Float($0 * 3 + index) + 0.5 }
      for store in [whole] + stores { try store.write(elements, to: index, .state(1)) }
    }
    var gathered: [Float] = []
    for store in stores { store.withState(1) { part in for place in part.indices { gathered.append(part[place]) } } }
    whole.withState(1) { all in
      #expect(gathered == (0..<whole.parameterEnd).map { all[$0] })
    }
    gathered += Array(repeating: 0, count: whole.elementCount - whole.parameterEnd)
    for index in compiled.graph.parameters.indices {
      #expect(try whole.read(index, of: gathered) == whole.read(index, .state(1)))
    }
  }
}
