package import ModelGraph
import Units

/// Memory of a model that every rank holds whole, counted on its training graph.
///
/// activations = q/4 · b · (bytes that backward reads again, of one sample) + what the largest operation has in hand. The
/// graph's elements are four bytes; 16-bit training keeps q = 2 of them. Valid for layouts of the data axis alone; kernels'
/// own workspaces are not counted.
package struct GraphMemory: MemoryModel {
  package let scheme: StateScheme
  package let runtime: RuntimeMemory
  package let parameters: Double
  /// Bytes that backward reads again of one sample, and those that the largest operation reads and writes.
  package let savedBytesPerSample: Double
  package let workingBytesPerSample: Double
  private let largestLayer: Double

  /// - Parameters:
  ///   - graph: forward, loss and backward of `samples` samples.
  ///   - elementBytes: of an activation, 2 or 4.
  package init(
    _ graph: Graph, samples: Int, scheme: StateScheme, elementBytes: Double = 4,
    runtime: RuntimeMemory = RuntimeMemory()
  ) {
    precondition(samples >= 1, "a graph of no samples")
    self.scheme = scheme
    self.runtime = runtime
    parameters = Double(graph.parameterCount)
    let share = elementBytes / 4 / Double(samples)
    savedBytesPerSample = Double(graph.savedBytes.count) * share
    let held = Set(graph.parameters + graph.statistics + graph.parameterGradients.map(\.gradient))
    var working = 0
    for node in graph.nodes where node.pass == .backward {
      let bytes = (node.inputs + node.outputs).filter { !held.contains($0) }
        .reduce(0) { $0 + graph[$1].type.byteCount }
      working = max(working, bytes)
    }
    workingBytesPerSample = Double(working) * share
    var layers: [String: Int] = [:]
    for node in graph.nodes where node.pass == .forward {
      for input in node.inputs where graph[input].isParameter {
        layers[node.layer, default: 0] += graph[input].type.shape.elementCount
      }
    }
    largestLayer = Double(layers.values.max() ?? 0)
  }

  package func components(stage: Int, _ layout: ParallelLayout) -> MemoryComponents {
    let states = ParameterShares(replicated: parameters).states(scheme, layout)
    var result = MemoryComponents()
    result.weights = states.weights
    result.gradients = states.gradients
    result.optimizer = states.optimizer
    let b = Double(layout.microBatch)
    result.activations = b * savedBytesPerSample
    result.buffers = b * workingBytesPerSample + runtime.buffers(layout, layer: largestLayer, scheme: scheme)
    result.context = runtime.context(layout)
    return result
  }

  package func leastBytes(_ layout: ParallelLayout, depth: LayoutDepth) -> Double {
    var least = layout
    least.zeroStage = 3
    if depth < .batch { least.microBatch = 1 }
    let components = components(stage: 0, least)
    return (components.totalBytes - components.buffers) * (1 - 1e-12)
  }
}
