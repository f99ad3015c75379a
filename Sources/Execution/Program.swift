import Kernels
import ModelGraph

/// A compiled graph bound to memory: running it is a loop over prepared kernels that allocates nothing itself.
///
/// oneDNN 2.6 makes and frees a few small blocks in each call of a kernel, for its table of arguments.
///
/// A program belongs to the thread that made it, whose `Threads.use` decides how many cores its kernels take.
@safe package final class Program {
  package let compiled: CompiledGraph
  private let store: ParameterStore
  /// Owns the workspace, so that it lives as long as the program.
  let binder: Binder
  let stream: Stream
  /// Where each of `Graph.carriedStates` lies.
  let states: [State]
  /// Steps for each gradient slot; those that touch no gradient are the same objects in each.
  let steps: [[BoundStep]]

  /// - Parameters:
  ///   - store: parameters in the layouts the program was compiled for.
  ///   - workspace: at least `compiled.workspaceByteCount`; programs that never run at once may share one.
  package init(_ compiled: CompiledGraph, _ store: ParameterStore, workspace: Arena) throws {
    precondition(workspace.byteCount >= compiled.workspaceByteCount && compiled.parameterLayouts == store.layouts)
    self.compiled = compiled
    self.store = store
    stream = try Stream()
    let binder = Binder(compiled: compiled, store: store, workspace: workspace)
    self.binder = binder
    states = Self.states(compiled, binder)
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

  /// The same, telling when it has come how far: what waits for a gradient need not wait for the rest.
  ///
  /// - Parameters:
  ///   - marks: steps by number, ascending; one may come several times.
  ///   - reached: called behind the step of each mark, with the mark's position in `marks`.
  package func run(slot: Int = 0, dropout: DropoutState, marks: [Int], reached: (Int) throws -> Void) throws {
    var next = 0
    for (number, step) in steps[slot].enumerated() {
      try step.run(stream, dropout)
      while next < marks.count, marks[next] <= number {
        try reached(next)
        next += 1
      }
    }
  }

  // MARK: Inputs and outputs

  /// An input found by name once, so that a step looks nothing up.
  @safe package struct Input {
    let address: UnsafeMutableRawPointer
    package let elementCount: Int
  }

  /// The input called `name`; nil if the graph has none.
  package func input(_ name: String) -> Input? {
    guard let value = compiled.graph.inputs.first(where: { compiled.graph[$0].name == name }) else { return nil }
    let address = unsafe binder.address(compiled.tensors[value.index][0].storage, slot: 0)
    return unsafe Input(address: address, elementCount: compiled.graph[value].type.shape.elementCount)
  }

  /// Sets an input, row-major. Elements are those of the graph: Float, or Int32 for labels. They stay until set again.
  package func set<Element: BitwiseCopyable>(_ input: Input, _ elements: Span<Element>) {
    unsafe set(input, bytes: elements.bytes)
  }

  /// Sets an input from elements as they lie in memory.
  package func set(_ input: Input, bytes: RawSpan) {
    precondition(bytes.byteCount == 4 * input.elementCount, "input of another size")
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe input.address.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
    }
  }

  /// Sets an input from an array.
  package func set(_ input: Input, _ elements: [Float]) { set(input, elements.span) }

  /// The row-major elements of an output, such as `logits`, as the last run left them.
  package func withOutput<Result>(_ name: String, slot: Int = 0, _ body: (Span<Float>) throws -> Result) rethrows
    -> Result
  {
    let graph = compiled.graph
    guard let value = graph.outputs[name], let tensor = compiled.plainTensor(value) else {
      preconditionFailure("the graph has no output '\(name)'")
    }
    let address = unsafe binder.address(tensor.storage, slot: slot).assumingMemoryBound(to: Float.self)
    let span = unsafe Span(_unsafeStart: UnsafePointer(address), count: graph[value].type.shape.elementCount)
    return try body(span)
  }

  // MARK: Diagnosis

  /// Where the first number that is not finite appears, or nil: an input (the operation is then `input`), a parameter
  /// (`parameter`), or the result of an operation. Runs the program again on the inputs as they are; gradients go to
  /// slot 0.
  package func firstNonFinite(dropout: DropoutState) throws -> (layer: String, operation: String)? {
    if let input = firstNonFiniteInput() { return (input, "input") }
    if let parameter = try firstNonFiniteParameter() { return (parameter, "parameter") }
    for (step, bound) in zip(compiled.steps, steps[0]) {
      try bound.run(stream, dropout)
      for result in step.results where hasNonFinite(result) {
        return (step.layer, step.operation)
      }
    }
    return nil
  }

  private func hasNonFinite(_ result: Step.Result) -> Bool {
    let address = unsafe binder.address(result.storage, slot: 0)
    if result.element == .bfloat16 {
      // An exponent of ones, as in float32.
      let elements = unsafe address.assumingMemoryBound(to: UInt16.self)
      return (0..<(result.byteCount / 2)).contains { unsafe elements[$0] & 0x7F80 == 0x7F80 }
    }
    let elements = unsafe address.assumingMemoryBound(to: Float.self)
    return (0..<(result.byteCount / 4)).contains { unsafe !elements[$0].isFinite }
  }

  private func firstNonFiniteInput() -> String? {
    compiled.graph.inputs.first { id in
      let type = compiled.graph[id].type
      return type.elementType == .float32
        && hasNonFinite(Step.Result(compiled.tensors[id.index][0]))
    }.map { compiled.graph[$0].name }
  }

  private func firstNonFiniteParameter() throws -> String? {
    for index in store.layouts.indices where try store.read(index).contains(where: { !$0.isFinite }) {
      return store.graph[store.graph.stored[index]].name
    }
    return nil
  }
}
