package import ModelGraph

/// What one sample costs in one step of training, kernel by kernel: what the cost model reads of a model's graph.
///
/// Activations and rows of products grow with the micro-batch, weights do not, so one graph of two samples prices every
/// micro-batch (two, because batch normalisation has no variance over one).
package struct Workload: Sendable {
  /// Of one sample; like ones are counted.
  package private(set) var kernels: [Kernel] = []
  /// Nodes of the forward pass that start a kernel, by section.
  package private(set) var dispatches: [Kernel.Section: Double] = [:]
  /// Parameters by section; those that tensor parallelism cuts, and those of experts, are in the other two as well.
  package private(set) var parameters: [Kernel.Section: Double] = [:]
  package private(set) var cutParameters: [Kernel.Section: Double] = [:]
  package private(set) var expertParameters = 0.0
  /// Blocks of a transformer; 1 of another model.
  package private(set) var blocks = 1
  /// Features of a position between blocks, and positions of a sample (of the last stack where there are two).
  package private(set) var width = 0.0
  package private(set) var positions = 0.0
  /// Whether the blocks can be cut into stages and over tensor-parallel ranks.
  package private(set) var isTransformer = false
  package private(set) var hasExperts = false
  /// Elements of one sample that forward hands to experts on their way there, and as many back.
  package private(set) var routedElements = 0.0

  package init() {}

  /// - Parameter graph: a step of `samples` samples: forward and, of what is trained, backward.
  package init(_ graph: Graph, samples: Int) {
    add(graph, samples: samples, times: 1)
  }

  /// Adds what `graph` costs, `times` times for each sample of the whole.
  package mutating func add(_ graph: Graph, samples: Int, times: Double) {
    var reader = GraphReader(graph: graph, samples: Double(samples))
    reader.read()
    for var kernel in reader.kernels {
      kernel.count *= times
      kernels.append(kernel)
    }
    for (section, count) in reader.dispatches { dispatches[section, default: 0] += count * times }
    for (section, count) in reader.parameters { parameters[section, default: 0] += count }
    for (section, count) in reader.cutParameters { cutParameters[section, default: 0] += count }
    expertParameters += reader.expertParameters
    routedElements += reader.routedElements * times
    blocks = max(blocks, reader.blocks.count)
    if reader.width > 0 {
      width = reader.width
      positions = reader.positions
    }
    isTransformer = isTransformer || reader.blocks.count > 1
    hasExperts = hasExperts || reader.expertParameters > 0
  }

  package func kernels(_ sections: Set<Kernel.Section>) -> [Kernel] { kernels.filter { sections.contains($0.section) } }
  package var parameterCount: Double { parameters.values.reduce(0, +) }
}

/// Walks a graph once.
private struct GraphReader {
  let graph: Graph
  let samples: Double
  /// In the order in which the graph first has them, so that sums over them are the same in every process.
  private(set) var kernels: [Kernel] = []
  /// Where in `kernels` the like of a kernel is, by that kernel counted once.
  private var places: [Kernel: Int] = [:]
  var dispatches: [Kernel.Section: Double] = [:]
  var parameters: [Kernel.Section: Double] = [:]
  var cutParameters: [Kernel.Section: Double] = [:]
  var expertParameters = 0.0
  var routedElements = 0.0
  var blocks: Set<String> = []
  var width = 0.0
  var positions = 0.0

  private var fixed: Set<ValueID> = []
  private var seenParameters: Set<ValueID> = []

  init(graph: Graph, samples: Double) {
    self.graph = graph
    self.samples = samples
  }

  mutating func read() {
    fixed = Set(graph.parameters + graph.statistics).union(graph.parameterGradients.map(\.gradient))
    let isTransformer = graph.nodes.contains { TransformerLayer(name: $0.layer)?.block != nil }
    for node in graph.nodes {
      let layer = isTransformer ? TransformerLayer(name: node.layer) : nil
      let section = self.section(layer, isTransformer: isTransformer)
      if let layer, layer.block != nil { noteBlock(layer, node) }
      if case .expertDispatch = node.operation {
        routedElements += Double(graph[node.outputs[0]].type.shape.elementCount) / samples
      }
      noteParameters(node, section: section, role: layer?.role ?? .replicated)
      for kernel in self.kernels(of: node, section: section, role: layer?.role ?? .replicated) {
        var key = kernel
        key.count = 1
        if let place = places[key] {
          kernels[place].count += kernel.count
        } else {
          places[key] = kernels.count
          kernels.append(kernel)
        }
        if node.pass == .forward {
          var starts = 1.0
          if case .product(let product) = kernel.work { starts = product.sequential }
          dispatches[section, default: 0] += starts * kernel.count
        }
      }
    }
  }

  private func section(_ layer: TransformerLayer?, isTransformer: Bool) -> Kernel.Section {
    guard isTransformer else { return .block }
    guard let layer else { return .head }
    if layer.block != nil { return .block }
    return layer.part.rawValue.hasPrefix("embedding/") ? .stem : .head
  }

  private mutating func noteBlock(_ layer: TransformerLayer, _ node: Node) {
    blocks.insert("\(layer.stack.rawValue)\(layer.block ?? 0)")
    guard layer.part == .attentionNorm || layer.part == .mlpNorm, node.pass == .forward, let input = node.inputs.first
    else { return }
    let shape = graph[input].type.shape
    guard shape.rank == 3 else { return }
    width = Double(shape[2])
    positions = Double(shape[1])
  }

  private mutating func noteParameters(_ node: Node, section: Kernel.Section, role: TransformerLayerRole) {
    guard node.pass == .forward else { return }
    for input in node.inputs where graph[input].isParameter && seenParameters.insert(input).inserted {
      let count = Double(graph[input].type.shape.elementCount)
      parameters[section, default: 0] += count
      switch role {
      case .columnParallel, .rowParallel, .vocabularyParallel, .between: cutParameters[section, default: 0] += count
      case .expertParallel: expertParameters += count
      case .replicated: break
      }
    }
  }

  // MARK: Kernels

  /// Elements of the values that grow with the batch, for one sample, and of those that do not.
  private func elements(_ node: Node) -> (activations: Double, weights: Double) {
    var (activations, weights) = (0.0, 0.0)
    for value in node.inputs + node.outputs {
      let count = Double(graph[value].type.shape.elementCount)
      if fixed.contains(value) { weights += count } else { activations += count / samples }
    }
    return (activations, weights)
  }

  private func kernels(of node: Node, section: Kernel.Section, role: TransformerLayerRole) -> [Kernel] {
    let (activations, weights) = elements(node)
    func kernel(_ work: Kernel.Work, pass: Kernel.Pass? = nil, activations other: Double? = nil) -> Kernel {
      Kernel(
        work: work, pass: pass ?? (node.pass == .forward ? .forward : .backward), role: role, section: section,
        activations: other ?? activations, weights: weights, count: 1)
    }
    if let (product, pass) = product(node) { return [kernel(.product(product), pass: pass)] }
    switch node.operation {
    case .attention(let rule):
      return [kernel(.attention(core(rule, node)))]
    case .attentionBackward(let rule):
      return [kernel(.attention(core(rule.forward, node)))]
    case .recurrent, .recurrentBackward:
      return recurrent(node, section: section)
    default:
      guard let traffic = node.operation.traffic else { return [] }
      return [kernel(.traffic(traffic))]
    }
  }

  private func shape(_ value: ValueID) -> Shape { graph[value].type.shape }

  /// The product of a layer with weights, named as in forward.
  private func product(_ node: Node) -> (Kernel.Product, Kernel.Pass)? {
    func dense(_ rows: Int, _ weights: Shape) -> Kernel.Product {
      Kernel.Product(rows: Double(rows) / samples, columns: Double(weights[0]), depth: Double(weights[1]))
    }
    func experts(_ rows: Int, _ weights: Shape) -> Kernel.Product {
      Kernel.Product(
        rows: Double(rows) / samples / Double(weights[0]), columns: Double(weights[1]), depth: Double(weights[2]),
        groups: Double(weights[0]))
    }
    func rows(_ shape: Shape) -> Int { shape.elementCount / max(1, shape[shape.rank - 1]) }
    switch node.operation {
    case .dense: return (dense(rows(shape(node.outputs[0])), shape(node.inputs[1])), .forward)
    case .denseBackwardInput: return (dense(rows(shape(node.inputs[0])), shape(node.inputs[1])), .backwardInput)
    case .denseBackwardWeights: return (dense(rows(shape(node.inputs[1])), shape(node.outputs[0])), .backwardWeights)
    case .expertDense: return (experts(rows(shape(node.outputs[0])), shape(node.inputs[1])), .forward)
    case .expertDenseBackwardInput:
      return (experts(rows(shape(node.inputs[0])), shape(node.inputs[1])), .backwardInput)
    case .expertDenseBackwardWeights:
      return (experts(rows(shape(node.inputs[1])), shape(node.outputs[0])), .backwardWeights)
    case .convolution(let rule):
      return (
        convolution(rule, input: shape(node.inputs[0]), output: shape(node.outputs[0]), shape(node.inputs[1])),
        .forward
      )
    case .convolutionBackwardInput(let rule):
      return (
        convolution(rule.forward, input: rule.input, output: shape(node.inputs[0]), shape(node.inputs[1])),
        .backwardInput
      )
    case .convolutionBackwardWeights(let rule):
      return (
        convolution(rule.forward, input: shape(node.inputs[0]), output: shape(node.inputs[1]), rule.weights),
        .backwardWeights
      )
    default: return nil
    }
  }

  private func convolution(_ rule: Convolution, input: Shape, output: Shape, _ weights: Shape) -> Kernel.Product {
    let positions = output.elementCount / (output[0] * output[1])
    let taps = weights.elementCount / weights[0]
    let isSquare = weights.rank == 4 && weights[2] == 3 && weights[3] == 3
    let keepsSize = isSquare && input[2] == output[2] && input[3] == output[3]
    return Kernel.Product(
      rows: Double(positions), columns: Double(weights[0] / rule.groups), depth: Double(taps),
      groups: Double(rule.groups), isConvolution: true, suitsWinograd: keepsSize && rule.groups == 1 && weights[1] >= 16
    )
  }

  private func core(_ rule: Attention, _ node: Node) -> Kernel.AttentionCore {
    let (q, k, v) = (shape(node.inputs[0]), shape(node.inputs[1]), shape(node.inputs[2]))
    return Kernel.AttentionCore(
      heads: Double(rule.heads), queries: Double(q[1]), keys: Double(k[1]), queryWidth: Double(q[2] / rule.heads),
      valueWidth: Double(v[2] / rule.keyValueHeads), visibleShare: rule.visibleShare(queries: q[1]))
  }

  /// One product over all steps for the inputs, one at each step for the state, and the cell's arithmetic.
  private func recurrent(_ node: Node, section: Kernel.Section) -> [Kernel] {
    guard
      let weights = node.inputs.filter({ graph[$0].isParameter && shape($0).rank == 2 }).prefix(2).map({ $0 })
        as [ValueID]?, weights.count == 2, let x = node.inputs.first
    else { return [] }
    let (input, state) = (shape(weights[0]), shape(weights[1]))
    let steps = Double(shape(x).rank == 3 ? shape(x)[1] : 1)
    let (activations, _) = elements(node)
    let passes: [Kernel.Pass] = node.pass == .forward ? [.forward] : [.backwardInput, .backwardWeights]
    var result: [Kernel] = []
    for pass in passes {
      for (shape, isSequential) in [(input, false), (state, pass != .backwardWeights)] {
        result.append(
          Kernel(
            work: .product(
              Kernel.Product(
                rows: steps, columns: Double(shape[0]), depth: Double(shape[1]), sequential: isSequential ? steps : 1)),
            pass: pass, role: .replicated, section: section, activations: steps * Double(shape[0] + shape[1]),
            weights: Double(shape.elementCount) * (isSequential ? steps : 1), count: 1))
      }
    }
    result.append(
      Kernel(
        work: .traffic(.recurrence), pass: node.pass == .forward ? .forward : .backward, role: .replicated,
        section: section, activations: activations, weights: 0, count: 1))
    return result
  }
}

extension ModelGraph.Operation {
  /// The passes over memory of an operation that is no product; nil where nothing moves.
  fileprivate var traffic: Kernel.Traffic? {
    switch self {
    case .reshape, .zeros, .split: nil
    case .batchNormalisation, .batchNormalisationBackward, .affineNormalisation, .layerNormalisation,
      .layerNormalisationBackward, .groupNormalisation, .groupNormalisationBackward, .rmsNormalisation,
      .rmsNormalisationBackward:
      .normalisation
    case .maxPool, .maxPoolBackward, .averagePool, .averagePoolBackward, .adaptiveAveragePool,
      .adaptiveAveragePoolBackward, .reduce, .reduceBackward:
      .pooling
    case .softmax, .softmaxBackward, .softmaxCrossEntropy, .softmaxCrossEntropyBackward, .elementLoss,
      .elementLossBackward:
      .softmax
    case .add, .subtract, .multiply, .scale: .addition
    case .activation, .activationBackward, .prelu, .preluBackward, .maxout, .maxoutBackward, .dropout: .activation
    default: .copy
    }
  }
}
