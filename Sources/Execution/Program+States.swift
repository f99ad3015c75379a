import ModelGraph

/// The states that a step hands on to the next. A program keeps none itself: other programs may use its workspace.
extension Program {
  /// Where a state is given and where it is left.
  @safe struct State {
    let initial: UnsafeMutablePointer<Float>
    let final: UnsafeMutablePointer<Float>
    let count: Int
  }

  static func states(_ compiled: CompiledGraph, _ binder: Binder) -> [State] {
    compiled.graph.carriedStates.map { state in
      guard let initial = compiled.plainTensor(state.initial), let final = compiled.plainTensor(state.final) else {
        preconditionFailure("inputs and outputs are row-major")
      }
      return unsafe State(
        initial: binder.address(initial.storage, slot: 0).assumingMemoryBound(to: Float.self),
        final: binder.address(final.storage, slot: 0).assumingMemoryBound(to: Float.self),
        count: compiled.graph[state.initial].type.shape.elementCount)
    }
  }

  /// Numbers of all carried states together.
  package var stateElementCount: Int { states.reduce(0) { $0 + $1.count } }

  /// Sets what the next run begins with: every state in the order of `Graph.carriedStates`, each row-major [N, H].
  /// - Parameter first: where they begin in `values`.
  package func setStates(_ values: [Float], from first: Int = 0) {
    precondition(first >= 0 && first + stateElementCount <= values.count, "states of another size")
    var next = first
    for state in states {
      for index in 0..<state.count { unsafe state.initial[index] = values[next + index] }
      next += state.count
    }
  }

  /// Copies out what the last run ended with, in the same order, to `values` from `first` on.
  package func readStates(into values: inout [Float], from first: Int = 0) {
    precondition(first >= 0 && first + stateElementCount <= values.count, "states of another size")
    var next = first
    for state in states {
      for index in 0..<state.count { values[next + index] = unsafe state.final[index] }
      next += state.count
    }
  }
}
