import Execution
import Kernels
import ModelGraph

/// A graph compiled and bound to a store and a workspace of its own, on one thread unless told otherwise.
final class BoundGraph {
  let graph: Graph
  let compiled: CompiledGraph
  let store: ParameterStore
  let program: Program

  init(
    _ graph: Graph, slotCount: Int = 1, stateCount: Int = 0, precision: Precision = .float32, threads: Int = 1
  ) throws {
    Threads.use(threads)
    self.graph = graph
    compiled = try CompiledGraph(graph, precision: precision)
    store = try ParameterStore(compiled, slotCount: slotCount, stateCount: stateCount)
    program = try Program(compiled, store, workspace: Arena(byteCount: compiled.workspaceByteCount))
  }

  /// Sets every input and parameter; labels are whole numbers.
  func give(_ given: [ValueID: [Double]]) throws {
    for (index, id) in graph.stored.enumerated() {
      try store.write((given[id] ?? []).map(Float.init), to: index)
    }
    try program.give(given)
  }

  func gradient(of parameter: ValueID, slot: Int = 0) throws -> [Float] {
    let index = graph.parameters.firstIndex(of: parameter) ?? -1
    return try store.read(index, .gradient(slot: slot))
  }

  func loss(slot: Int = 0) -> Float { store.withSlot(slot) { $0[store.elementCount] } }

  /// Every float of a slot, padding and tail included.
  func slot(_ index: Int) -> [Float] { store.withSlot(index) { slot in slot.indices.map { slot[$0] } } }
}

extension Program {
  /// Sets every input.
  func give(_ given: [ValueID: [Double]]) throws {
    for id in compiled.graph.inputs {
      let value = compiled.graph[id]
      guard let elements = given[id], let input = input(value.name) else { throw MissingInput(name: value.name) }
      if value.type.elementType == .int32 {
        let labels = elements.map { Int32($0) }
        set(input, labels.span)
      } else {
        let floats = elements.map(Float.init)
        set(input, floats.span)
      }
    }
  }

  func output(_ name: String) -> [Float] { withOutput(name) { span in span.indices.map { span[$0] } } }
}

struct MissingInput: Error {
  let name: String
}
