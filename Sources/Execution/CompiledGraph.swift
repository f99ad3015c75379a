package import Kernels
package import ModelGraph
package import Units

/// Where a tensor lives: in the program's workspace, or in the parameter store.
enum Storage: Hashable {
  case workspace(Int)
  /// By position in `Graph.stored` of the graph whose store it is.
  case parameter(Int)
  case gradient(Int)
  /// The scalar behind the gradients that is summed over shards with them.
  case loss
}

/// A value in one layout. A value may have several: one for each layout its readers want.
struct Tensor {
  let layout: Layout
  let storage: Storage
}

/// One kernel of the program, with the tensors it reads and writes.
struct Step {
  enum Work {
    case primitive(Primitive, [(argument: Primitive.Argument, storage: Storage)])
    case host(any HostKernel, [Storage])
  }

  struct Result {
    let storage: Storage
    let element: Layout.Element
    let byteCount: Int
  }

  let work: Work
  /// The value computed, and the node it stems from, for error texts and profiles.
  let layer: String
  let operation: String
  let flops: FLOPs
  /// What is written, so that a non-finite number can be traced to its operation.
  let results: [Result]
  let uses: [Storage]
}

/// A graph with a kernel for each operation, a layout for each tensor and a place for each buffer; nothing allocated.
package final class CompiledGraph {
  package let graph: Graph
  /// Layout of each parameter and statistic, by position in `Graph.stored` of this graph, or of the one it shares with.
  package let parameterLayouts: [Layout]
  /// Workspace this program needs: activations, gradients between layers, scratchpads.
  package let workspaceByteCount: Int
  /// The last step that writes each gradient or observation, by position in `Graph.stored`; nil where none does.
  package let gradientSteps: [Int?]
  /// The step that computes the loss; nil without a loss that is differentiated.
  package let lossStep: Int?
  let steps: [Step]
  let tensors: [[Tensor]]
  let offsets: [Int]

  /// Chooses kernels and layouts.
  /// - Parameters:
  ///   - other: a program whose parameters this one uses in their layouts; by name, and not all need be used.
  ///   - precision: of what convolutions and dense layers read and write.
  /// - Throws: `GraphError` with code `.noKernel` for an operation that has none, `KernelError`.
  package init(_ graph: Graph, sharing other: CompiledGraph? = nil, precision: Precision = .float32) throws {
    try graph.requireKernels()
    var compiler = Compiler(LoweredGraph(graph), sharing: other, precision: precision)
    try compiler.compile()
    self.graph = graph
    steps = compiler.steps
    tensors = compiler.tensors
    parameterLayouts =
      try other?.parameterLayouts
      ?? zip(graph.stored, compiler.parameterLayouts).map { parameter, layout in
        try layout ?? .plain(graph[parameter].type.shape.dimensions)
      }
    let plan = WorkspacePlan(compiler.buffers, takeovers: compiler.takeovers)
    offsets = plan.offsets
    workspaceByteCount = plan.byteCount
    var written = [Int?](repeating: nil, count: parameterLayouts.count)
    for (number, step) in compiler.steps.enumerated() {
      for case .gradient(let index) in step.results.map(\.storage) { written[index] = number }
    }
    gradientSteps = written
    lossStep = compiler.steps.lastIndex { $0.uses.contains(.loss) }
  }

  /// The row-major copy of a value, which every output has.
  func plainTensor(_ value: ValueID) -> Tensor? {
    tensors[value.index].first { (try? .plain(graph[value].type.shape.dimensions)) == $0.layout }
  }

  /// How long each step takes as far as its work tells: its operations at that speed, or, where there are few, its results
  /// written and as much read twice.
  package func stepTimes(operationsPerSecond: Double, bytesPerSecond: Double) -> [Seconds] {
    steps.map { step in
      let bytes = step.results.reduce(0) { $0 + $1.byteCount }
      return Seconds(max(Double(step.flops.count) / operationsPerSecond, 1.5 * Double(bytes) / bytesPerSecond))
    }
  }

  /// The primitives chosen, in order: layer, operation, implementation.
  package var implementations: [(layer: String, operation: String, implementation: String)] {
    steps.map { step in
      guard case .primitive(let primitive, _) = step.work else { return (step.layer, step.operation, "apus") }
      return (step.layer, step.operation, primitive.implementation)
    }
  }
}

extension Step.Result {
  init(_ tensor: Tensor) {
    self.init(storage: tensor.storage, element: tensor.layout.element, byteCount: tensor.layout.byteCount)
  }
}
