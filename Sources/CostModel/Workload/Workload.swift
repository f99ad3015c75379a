package import ModelGraph

/// What one sample costs in one step of training, kernel by kernel: what the cost model reads of a model's graph.
///
/// Activations and rows of products grow with the micro-batch, weights do not, so one graph of two samples prices every
/// micro-batch (two, because batch normalisation has no variance over one).
package struct Workload: Sendable {
  /// Of one sample; like ones are counted.
  package private(set) var kernels: [Kernel] = []
  /// Parameters before and behind the blocks; those that tensor parallelism cuts are in the other as well.
  package private(set) var edgeParameters: [Kernel.Section: Double] = [:]
  package private(set) var cutEdgeParameters: [Kernel.Section: Double] = [:]
  /// Blocks of a transformer; one of another model. What they hold and exchange, of all blocks of a kind together.
  package private(set) var blocks = BlockSequence([.plain])
  package private(set) var inBlocks = BlockTotals()
  /// Elements of one sample between blocks, of each stack; and positions of the longest.
  package private(set) var stackElements: [Double] = []
  package private(set) var positions = 0.0
  /// Whether the blocks can be cut into stages and over tensor-parallel ranks.
  package private(set) var isTransformer = false

  /// By kind of block.
  package struct BlockTotals: Hashable, Sendable {
    package var dispatches = BlockSequence.ByKind.zero
    package var parameters = BlockSequence.ByKind.zero
    /// Of them, those that tensor parallelism cuts, and those of experts.
    package var cutParameters = BlockSequence.ByKind.zero
    package var expertParameters = BlockSequence.ByKind.zero
    /// All-reduces of tensor parallelism in one pass, the mean of forward and backward, and elements of one sample in them:
    /// outputs of row-parallel layers and of experts forward, inputs of column-parallel layers and of experts backward.
    package var reductions = BlockSequence.ByKind.zero
    package var reducedElements = BlockSequence.ByKind.zero
    /// Elements of one sample that forward hands to experts on their way there, and as many back.
    package var routedElements = BlockSequence.ByKind.zero
    /// Keys and values of one sample.
    package var keyValueElements = BlockSequence.ByKind.zero

    mutating func add(_ other: Self, times: Double) {
      dispatches += other.dispatches * times
      parameters += other.parameters
      cutParameters += other.cutParameters
      expertParameters += other.expertParameters
      reductions += other.reductions * times
      reducedElements += other.reducedElements * times
      routedElements += other.routedElements * times
      keyValueElements += other.keyValueElements * times
    }
  }

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
    for (section, count) in reader.edgeParameters { edgeParameters[section, default: 0] += count }
    for (section, count) in reader.cutEdgeParameters { cutEdgeParameters[section, default: 0] += count }
    inBlocks.add(reader.inBlocks, times: times)
    if reader.order.count > blocks.count || !isTransformer, !reader.order.isEmpty {
      blocks = BlockSequence(reader.order)
    }
    if !reader.stackElements.isEmpty {
      stackElements = reader.stackElements
      positions = reader.positions
    }
    isTransformer = isTransformer || reader.order.count > 1
  }

  /// Elements of one sample that cross the fullest boundary of `stages` equal stages: beyond the first blocks of a decoder
  /// the encoder's output goes along.
  package func boundaryElements(stages: Int) -> Double {
    stages > 2 ? stackElements.reduce(0, +) : stackElements.first ?? 0
  }

  package func kernels(_ sections: Set<Kernel.Section>) -> [Kernel] { kernels.filter { sections.contains($0.section) } }
  package func kernels(of kind: BlockKind) -> [Kernel] { kernels.filter { $0.section == .block && $0.kind == kind } }
  package var parameterCount: Double { edgeParameters.values.reduce(0, +) + inBlocks.parameters.sum() }
}

/// Walks a graph once.
private struct GraphReader {
  let graph: Graph
  let samples: Double
  /// In the order in which the graph first has them, so that sums over them are the same in every process.
  private(set) var kernels: [Kernel] = []
  /// Where in `kernels` the like of a kernel is, by that kernel counted once.
  private var places: [Kernel: Int] = [:]
  var edgeParameters: [Kernel.Section: Double] = [:]
  var cutEdgeParameters: [Kernel.Section: Double] = [:]
  var inBlocks = Workload.BlockTotals()
  /// Kinds of the blocks in the order of the graph.
  private(set) var order: [BlockKind] = []
  private(set) var stackElements: [Double] = []
  private(set) var positions = 0.0

  private var fixed: Set<ValueID> = []
  private var seenParameters: Set<ValueID> = []
  private var kinds: [BlockName: BlockKind] = [:]
  /// Inputs whose gradients are summed over tensor-parallel ranks, by block.
  private var summed: Set<BlockValue> = []
  private var seenStacks: Set<TransformerLayer.Stack> = []

  private struct BlockName: Hashable {
    let stack: TransformerLayer.Stack
    let block: Int
  }

  private struct BlockValue: Hashable {
    let block: BlockName
    let value: ValueID
  }

  init(graph: Graph, samples: Double) {
    self.graph = graph
    self.samples = samples
  }

  mutating func read() {
    fixed = Set(graph.parameters + graph.statistics).union(graph.parameterGradients.map(\.gradient))
    let layers = graph.nodes.map { TransformerLayer(name: $0.layer) }
    let isTransformer = layers.contains { $0?.block != nil }
    if isTransformer { findBlocks(layers.compactMap { $0 }) }
    for (node, layer) in zip(graph.nodes, layers) {
      let layer = isTransformer ? layer : nil
      let section = self.section(layer, isTransformer: isTransformer)
      let kind = layer.flatMap(name).flatMap { kinds[$0] } ?? .plain
      if let layer, let block = name(layer) { noteBlock(layer, block, kind, node) }
      noteParameters(node, section: section, kind: kind, role: layer?.role ?? .replicated)
      for var kernel in self.kernels(of: node, section: section, role: layer?.role ?? .replicated) {
        kernel.kind = kind
        note(kernel, of: node)
      }
    }
  }

  private mutating func note(_ kernel: Kernel, of node: Node) {
    var key = kernel
    key.count = 1
    if let place = places[key] {
      kernels[place].count += kernel.count
    } else {
      places[key] = kernels.count
      kernels.append(kernel)
    }
    guard node.pass == .forward, kernel.section == .block else { return }
    var starts = 1.0
    if case .product(let product) = kernel.work { starts = product.sequential }
    inBlocks.dispatches[kernel.kind.rawValue] += starts * kernel.count
  }

  private func name(_ layer: TransformerLayer) -> BlockName? {
    layer.block.map { BlockName(stack: layer.stack, block: $0) }
  }

  /// Encoders before decoders, as the graph has them.
  private mutating func findBlocks(_ layers: [TransformerLayer]) {
    var found: [BlockName] = []
    var withExperts: Set<BlockName> = []
    var withMemory: Set<BlockName> = []
    var seen: Set<BlockName> = []
    for layer in layers {
      guard let block = name(layer) else { continue }
      if seen.insert(block).inserted { found.append(block) }
      if layer.role == .expertParallel { withExperts.insert(block) }
      if layer.part == .crossAttention { withMemory.insert(block) }
    }
    for block in found {
      let kind = BlockKind(isSecondStack: withMemory.contains(block), hasExperts: withExperts.contains(block))
      kinds[block] = kind
      order.append(kind)
    }
  }

  private func section(_ layer: TransformerLayer?, isTransformer: Bool) -> Kernel.Section {
    guard isTransformer else { return .block }
    guard let layer else { return .head }
    if layer.block != nil { return .block }
    return layer.part.rawValue.hasPrefix("embedding/") ? .stem : .head
  }

  /// What a block exchanges, and how wide its stack is.
  private mutating func noteBlock(_ layer: TransformerLayer, _ block: BlockName, _ kind: BlockKind, _ node: Node) {
    guard node.pass == .forward, let input = node.inputs.first else { return }
    let lane = kind.rawValue
    func elements(_ value: ValueID) -> Double { Double(graph[value].type.shape.elementCount) / samples }
    if layer.part == .attentionNorm || layer.part == .mlpNorm, shape(input).rank == 3,
      seenStacks.insert(layer.stack).inserted
    {
      stackElements.append(elements(input))
      positions = max(positions, Double(shape(input)[1]))
    }
    switch node.operation {
    case .expertDispatch: inBlocks.routedElements[lane] += elements(node.outputs[0])
    case .attention: inBlocks.keyValueElements[lane] += elements(node.inputs[1]) + elements(node.inputs[2])
    default: break
    }
    // Shared experts' sums go with those of the routed ones.
    let isSummed = (layer.role == .rowParallel && layer.part != .sharedDown) || layer.part == .combine
    if isSummed, let output = node.outputs.first { noteReduction(lane, elements(output)) }
    let takesWhole = layer.role == .columnParallel || layer.part == .dispatch
    if takesWhole, summed.insert(BlockValue(block: block, value: input)).inserted {
      noteReduction(lane, elements(input))
    }
  }

  /// One of forward or of backward, so half a one of each pass.
  private mutating func noteReduction(_ lane: Int, _ elements: Double) {
    inBlocks.reductions[lane] += 0.5
    inBlocks.reducedElements[lane] += elements / 2
  }

  private mutating func noteParameters(
    _ node: Node, section: Kernel.Section, kind: BlockKind, role: TransformerLayerRole
  ) {
    guard node.pass == .forward else { return }
    for input in node.inputs where graph[input].isParameter && seenParameters.insert(input).inserted {
      let count = Double(graph[input].type.shape.elementCount)
      let isCut: Bool =
        switch role {
        case .columnParallel, .rowParallel, .vocabularyParallel, .between: true
        case .expertParallel, .replicated: false
        }
      guard section == .block else {
        edgeParameters[section, default: 0] += count
        if isCut { cutEdgeParameters[section, default: 0] += count }
        continue
      }
      inBlocks.parameters[kind.rawValue] += count
      if isCut { inBlocks.cutParameters[kind.rawValue] += count }
      if role == .expertParallel { inBlocks.expertParameters[kind.rawValue] += count }
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
