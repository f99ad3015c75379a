import Kernels
import ModelGraph

/// A compiled graph bound to memory: running it is a loop over prepared kernels that allocates nothing.
///
/// A program belongs to the thread that made it, whose `Threads.use` decides how many cores its kernels take.
@safe package final class Program {
  package let compiled: CompiledGraph
  private let store: ParameterStore
  private let workspace: Arena
  private let stream: Stream
  /// Steps for each gradient slot; those that touch no gradient are the same objects in each.
  private let steps: [[BoundStep]]

  /// - Parameters:
  ///   - store: parameters in the layouts the program was compiled for.
  ///   - workspace: at least `compiled.workspaceByteCount`; programs that never run at once may share one.
  package init(_ compiled: CompiledGraph, _ store: ParameterStore, workspace: Arena) throws {
    precondition(workspace.byteCount >= compiled.workspaceByteCount && compiled.parameterLayouts == store.layouts)
    self.compiled = compiled
    self.store = store
    self.workspace = workspace
    stream = try Stream()
    let binder = Binder(compiled: compiled, store: store, workspace: workspace)
    var bound: [[BoundStep]] = []
    for slot in 0..<max(store.slotCount, 1) {
      bound.append(
        try compiled.steps.enumerated().map { index, step in
          let touchesSlot = step.uses.contains { $0.isInSlot }
          return slot > 0 && !touchesSlot ? bound[0][index] : try binder.bind(step, slot: slot)
        })
    }
    steps = bound
  }

  /// Runs every kernel once; gradients and loss go to `slot`.
  package func run(slot: Int = 0, dropout: DropoutState) throws {
    for step in steps[slot] { try step.run(stream, dropout) }
  }

  // MARK: Inputs and outputs

  /// The row-major elements of an input, to be set before `run`.
  package func withInput<Result>(_ name: String, _ body: (inout MutableSpan<Float>) throws -> Result) rethrows -> Result {
    let (address, count) = unsafe input(name)
    var span = unsafe MutableSpan(_unsafeStart: address.assumingMemoryBound(to: Float.self), count: count)
    return try body(&span)
  }

  /// The elements of an integer input, such as labels.
  package func withLabels<Result>(_ name: String, _ body: (inout MutableSpan<Int32>) throws -> Result) rethrows -> Result {
    let (address, count) = unsafe input(name)
    var span = unsafe MutableSpan(_unsafeStart: address.assumingMemoryBound(to: Int32.self), count: count)
    return try body(&span)
  }

  /// The row-major elements of an output, such as `logits`, as the last run left them.
  package func withOutput<Result>(_ name: String, slot: Int = 0, _ body: (Span<Float>) throws -> Result) rethrows -> Result {
    guard let value = compiled.graph.outputs[name],
      let tensor = compiled.tensors[value.index].first(where: { (try? .plain(shape(value))) == $0.layout })
    else { preconditionFailure("the graph has no output '\(name)'") }
    let binder = Binder(compiled: compiled, store: store, workspace: workspace)
    let address = unsafe binder.address(tensor.storage, slot: slot).assumingMemoryBound(to: Float.self)
    let span = unsafe Span(_unsafeStart: UnsafePointer(address), count: compiled.graph[value].type.shape.elementCount)
    return try body(span)
  }

  private func shape(_ value: ValueID) -> [Int] { compiled.graph[value].type.shape.dimensions }

  @unsafe private func input(_ name: String) -> (UnsafeMutableRawPointer, Int) {
    guard let value = compiled.graph.inputs.first(where: { compiled.graph[$0].name == name }) else {
      preconditionFailure("the graph has no input '\(name)'")
    }
    let binder = Binder(compiled: compiled, store: store, workspace: workspace)
    let address = unsafe binder.address(compiled.tensors[value.index][0].storage, slot: 0)
    return unsafe (address, compiled.graph[value].type.shape.elementCount)
  }

  // MARK: Diagnosis

  /// The first operation whose result is not finite, or nil; runs the program again, on inputs set again before.
  package func firstNonFinite(dropout: DropoutState) throws -> (layer: String, operation: String)? {
    if let parameter = try firstNonFiniteParameter() { return (parameter, "parameter") }
    let binder = Binder(compiled: compiled, store: store, workspace: workspace)
    for (step, bound) in zip(compiled.steps, steps[0]) {
      try bound.run(stream, dropout)
      for result in step.results {
        let elements = unsafe binder.address(result.storage, slot: 0).assumingMemoryBound(to: Float.self)
        for index in 0..<(result.byteCount / 4) where unsafe !elements[index].isFinite {
          return (step.layer, step.operation)
        }
      }
    }
    return nil
  }

  private func firstNonFiniteParameter() throws -> String? {
    for index in store.layouts.indices where try store.read(index).contains(where: { !$0.isFinite }) {
      return compiled.graph[compiled.graph.parameters[index]].name
    }
    return nil
  }

  /// Median seconds of each step over `repetitions` runs, with what it computes.
  package func profile(repetitions: Int) throws -> [(layer: String, operation: String, seconds: Double)] {
    let clock = ContinuousClock()
    var times = [[Double]](repeating: [], count: steps[0].count)
    let dropout = DropoutState(seed: 1, step: 1, firstSample: 0)
    for _ in 0..<repetitions {
      for (index, step) in steps[0].enumerated() {
        let time = try clock.measure { try step.run(stream, dropout) }
        times[index].append(Double(time.components.attoseconds) * 1e-18 + Double(time.components.seconds))
      }
    }
    return zip(compiled.steps, times).map { step, times in
      (step.layer, step.operation, times.sorted()[times.count / 2])
    }
  }
}
