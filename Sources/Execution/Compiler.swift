import Kernels
import ModelGraph
import Units

/// Turns a lowered graph into steps, keeping each tensor in the layout its kernels like best.
///
/// Nodes are visited in order. A kernel is asked for with open layouts; what it answers is compared with the layouts
/// its inputs already have, and a reorder is put in only where they differ. A tensor reordered once keeps both copies.
struct Compiler {
  let lowered: LoweredGraph
  let precision: Precision
  var steps: [Step] = []
  var tensors: [[Tensor]]
  var buffers: [WorkspacePlan.Buffer] = []
  var takeovers: [(buffer: Int, earlier: Int)] = []
  var parameterLayouts: [Layout?]
  /// Layouts of x and y of the max-pooling whose winners a value holds.
  var pools: [ValueID: (input: Layout, output: Layout)] = [:]
  /// Layouts of x and y of each average-pooling.
  var averagePools: [PoolKey: (input: Layout, output: Layout)] = [:]
  /// The position of each parameter and statistic in the store.
  let parameterIndex: [ValueID: Int]
  /// Parameters by their gradient, statistics by their observation; the sum of two parameters gives both one gradient.
  private let gradientIndices: [ValueID: [Int]]

  init(_ lowered: LoweredGraph, sharing other: CompiledGraph?, precision: Precision) {
    self.lowered = lowered
    self.precision = precision
    let graph = lowered.graph
    tensors = Array(repeating: [], count: lowered.types.count)
    parameterLayouts = other?.parameterLayouts.map { $0 } ?? Array(repeating: nil, count: graph.stored.count)
    let parameterIndex = Self.positions(of: graph, in: other?.graph ?? graph)
    self.parameterIndex = parameterIndex
    let summed =
      graph.parameterGradients.map { ($0.parameter, $0.gradient) } + graph.observations.map { ($0.statistic, $0.value) }
    gradientIndices = Dictionary(
      summed.compactMap { kept, value in parameterIndex[kept].map { (value, [$0]) } }, uniquingKeysWith: +)
  }

  /// The position of each parameter and statistic of `graph` among those that `keeper` stores, which may be more:
  /// auxiliary heads end with training.
  private static func positions(of graph: Graph, in keeper: Graph) -> [ValueID: Int] {
    let named = Dictionary(uniqueKeysWithValues: keeper.stored.enumerated().map { (keeper[$1].name, $0) })
    return Dictionary(
      uniqueKeysWithValues: graph.stored.map { value in
        guard let position = named[graph[value].name] else {
          preconditionFailure("'\(graph[value].name)' is not among the parameters that are shared")
        }
        return (value, position)
      })
  }

  mutating func compile() throws {
    for input in lowered.graph.inputs {
      let layout = try Layout.plain(shape(input), .float32)
      tensors[input.index] = [Tensor(layout: layout, storage: buffer(layout.byteCount))]
      // Inputs stay, so that a step can be run again to look for the operation that failed.
      buffers[buffers.count - 1].lastStep = .max
    }
    for node in lowered.nodes { try emit(node) }
    // By name: a dictionary's own order differs from run to run, and ranks must agree on the workspace.
    for (_, output) in lowered.graph.outputs.sorted(by: { $0.key < $1.key }) {
      guard let tensor = tensors[output.index].first else { continue }
      let plain = try self.tensor(output, in: .plain(shape(output)))
      for case .workspace(let buffer) in [tensor.storage, plain.storage] {
        buffers[buffer].lastStep = .max
      }
    }
  }

  private mutating func emit(_ node: LoweredNode) throws {
    switch node.operation {
    case .dense(let rule): try dense(node, rule)
    case .denseBackwardInput: try denseBackwardInput(node)
    case .denseBackwardWeights(let rule): try denseBackwardWeights(node, rule)
    case .convolution(let rule): try convolution(node, rule)
    case .convolutionBackwardInput(let rule): try convolutionBackwardInput(node, rule)
    case .convolutionBackwardWeights(let rule): try convolutionBackwardWeights(node, rule)
    case .maxPool(let rule): try maxPool(node, rule)
    case .maxPoolBackward(let rule): try maxPoolBackward(node, rule)
    case .averagePool(let rule): try averagePool(node, rule)
    case .averagePoolBackward(let rule): try averagePoolBackward(node, rule)
    case .adaptiveAveragePool: try adaptiveAveragePool(node)
    case .adaptiveAveragePoolBackward: try adaptiveAveragePoolBackward(node)
    case .recurrent(let rule): try recurrent(node, rule)
    case .recurrentBackward(let rule): try recurrentBackward(node, rule)
    case .embedding: try embedding(node)
    case .embeddingBackward: try embeddingBackward(node)
    case .repeated(let rule): try repeated(node, rule)
    case .repeatedBackward: try repeatedBackward(node)
    case .reshape: try reshape(node)
    case .add: try add(node)
    case .dropout(let rule): try dropout(node, rule)
    case .activation(let rule): try activation(node, rule.function)
    case .activationBackward(let rule): try activationBackward(node, rule.function)
    case .softmax(let rule): try softmax(node, rule)
    case .softmaxBackward(let rule): try softmaxBackward(node, rule)
    case .softmaxCrossEntropy(let rule): try crossEntropy(node, rule)
    case .softmaxCrossEntropyBackward(let rule): try crossEntropyBackward(node, rule)
    case .elementLoss(let rule): try elementLoss(node, rule)
    case .elementLossBackward(let rule): try elementLossBackward(node, rule)
    case .batchNormalisation(let rule): try batchNormalisation(node, rule)
    case .batchNormalisationBackward: try batchNormalisationBackward(node)
    case .affineNormalisation(let rule): try affineNormalisation(node, rule)
    case .layerNormalisation(let rule): try layerNormalisation(node, rule)
    case .layerNormalisationBackward(let rule): try layerNormalisationBackward(node, rule)
    case .groupNormalisation(let rule): try groupNormalisation(node, rule)
    case .groupNormalisationBackward(let rule): try groupNormalisationBackward(node, rule)
    case .prelu: try prelu(node)
    case .preluBackward: try preluBackward(node)
    case .maxout(let rule): try maxout(node, rule)
    case .maxoutBackward(let rule): try maxoutBackward(node, rule)
    case .zeros: try zeros(node)
    case .concatenate(let rule): try concatenate(node, rule)
    case .slice(let rule): try slice(node, rule)
    case .sliceBackward(let rule): try sliceBackward(node, rule)
    case .split(let rule): try split(node, rule)
    case .transpose(let rule): try transpose(node, rule)
    case .subtract: try subtract(node)
    case .multiply: try multiply(node)
    case .scale(let rule): try scale(node, rule)
    case .reduce(let rule): try reduce(node, rule)
    case .reduceBackward(let rule): try reduceBackward(node, rule)
    case .gather, .gatherBackward, .attention, .attentionBackward, .positionEmbedding, .positionEmbeddingBackward,
      .rotaryEmbedding,
      .relativePositionBias, .relativePositionBiasBackward, .rmsNormalisation, .rmsNormalisationBackward,
      .expertRouter, .expertRouterBackward, .expertDispatch, .expertDispatchBackward, .expertCombine,
      .expertCombineBackward, .expertDense, .expertDenseBackwardInput, .expertDenseBackwardWeights, .regionAlign,
      .regionAlignBackward:
      throw GraphError.withoutKernel(node.operation, layer: node.layer)
    }
  }

  // MARK: Tensors

  func shape(_ value: ValueID) -> [Int] { lowered.types[value.index].shape.dimensions }

  /// A new workspace buffer; its life is extended by the steps that use it.
  mutating func buffer(_ byteCount: Int) -> Storage {
    buffers.append(.init(byteCount: byteCount, firstStep: steps.isEmpty ? -1 : steps.count, lastStep: steps.count))
    return .workspace(buffers.count - 1)
  }

  /// The layout of a parameter if it has one yet, else `open`; other values: `open`. A copy in bfloat16 is made in each
  /// step anyway, so it may have any layout.
  func weightsLayout(_ value: ValueID, open: Layout) -> Layout {
    guard precision == .float32 else { return open }
    return parameterIndex[value].flatMap { parameterLayouts[$0] } ?? open
  }

  /// Of what convolutions and dense layers read and write.
  var element: Layout.Element { precision.element }

  /// The value in whatever layout it has, for kernels that compute in float32.
  mutating func tensor(_ value: ValueID) throws -> Tensor {
    let own = try storedTensor(value)
    guard own.layout.element == .bfloat16 else { return own }
    return try tensor(value, in: own.layout.with(.float32))
  }

  /// The value in whatever layout it has, for kernels that take bfloat16 too.
  mutating func storedTensor(_ value: ValueID) throws -> Tensor {
    if let first = tensors[value.index].first { return first }
    return try tensor(value, in: .plain(shape(value)))
  }

  /// The value in `layout`: an existing copy, or a new one made by a reorder. A parameter seen for the first time
  /// takes `layout` as its own.
  mutating func tensor(_ value: ValueID, in layout: Layout) throws -> Tensor {
    if let index = parameterIndex[value], tensors[value.index].isEmpty {
      // Parameters are kept in float32, whatever kernels compute in.
      let own = parameterLayouts[index] ?? layout.with(.float32)
      parameterLayouts[index] = own
      tensors[value.index] = [Tensor(layout: own, storage: .parameter(index))]
    }
    if let found = tensors[value.index].first(where: { $0.layout == layout }) { return found }
    guard let source = tensors[value.index].first else {
      preconditionFailure("value \(value.index) is read before it is computed")
    }
    let copy = Tensor(layout: layout, storage: buffer(layout.byteCount))
    try appendReorder(from: source, to: copy, layer: lowered.name(value))
    tensors[value.index].append(copy)
    return copy
  }

  /// A place for a value that the next step computes in `layout`.
  ///
  /// The gradient of a parameter goes straight to the parameter's gradient if the layout is the parameter's.
  mutating func result(_ value: ValueID, in layout: Layout) -> Tensor {
    // The training loss lies behind the gradients, to be summed over shards with them.
    if lowered.graph.outputs["loss"] == value, !lowered.graph.parameterGradients.isEmpty {
      return Tensor(layout: layout, storage: .loss)
    }
    if let indices = gradientIndices[value] {
      // Nothing reads a statistic in training, so nothing has chosen its layout.
      for index in indices where parameterLayouts[index] == nil { parameterLayouts[index] = layout.with(.float32) }
      if let index = indices.first(where: { parameterLayouts[$0] == layout }) {
        return Tensor(layout: layout, storage: .gradient(index))
      }
    }
    return Tensor(layout: layout, storage: buffer(layout.byteCount))
  }

  // MARK: Steps

  /// Appends a primitive's step, with its scratchpad, and records its results as the values' tensors.
  mutating func append(
    _ primitive: Primitive, _ inputs: [(Primitive.Argument, Tensor)],
    results: [(argument: Primitive.Argument, value: ValueID, tensor: Tensor)], node: LoweredNode
  ) throws {
    var arguments = inputs.map { (argument: $0.0, storage: $0.1.storage) }
    arguments += results.map { (argument: $0.argument, storage: $0.tensor.storage) }
    let scratchpad = primitive.scratchpadByteCount
    if scratchpad > 0 { arguments.append((argument: .scratchpad, storage: buffer(scratchpad))) }
    try append(
      .primitive(primitive, arguments), uses: arguments.map(\.storage), results: results.map { ($0.value, $0.tensor) },
      node: node)
  }

  /// Appends the step of a host kernel over `operands`, in the order in which the kernel names them.
  mutating func append(
    _ kernel: any HostKernel, _ operands: [Storage], results: [(value: ValueID, tensor: Tensor)], node: LoweredNode
  ) throws {
    try append(.host(kernel, operands), uses: operands, results: results, node: node)
  }

  /// Appends any step and records its results.
  private mutating func append(
    _ work: Step.Work, uses: [Storage], results: [(value: ValueID, tensor: Tensor)], node: LoweredNode
  ) throws {
    let flops = node.operation.rule.flops(
      inputs: node.inputs.map { lowered.types[$0.index] }, outputs: node.outputs.map { lowered.types[$0.index] })
    appendStep(
      Step(
        work: work, layer: node.layer, operation: node.operation.name, flops: flops,
        results: results.filter { lowered.types[$0.value.index].elementType == .float32 }
          .map { Step.Result($0.tensor) },
        uses: uses))
    for (value, tensor) in results { try record(value, tensor, layer: node.layer) }
  }

  /// Notes where a computed value lies; a parameter gradient that is not in its parameter's place is copied there.
  mutating func record(_ value: ValueID, _ tensor: Tensor, layer: String) throws {
    tensors[value.index] = [tensor]
    guard let indices = gradientIndices[value] else { return }
    tensors[value.index] = try indices.map { index in
      guard tensor.storage != .gradient(index) else { return tensor }
      let layout = try parameterLayouts[index] ?? .plain(shape(value))
      parameterLayouts[index] = layout
      let home = Tensor(layout: layout, storage: .gradient(index))
      try appendReorder(from: tensor, to: home, layer: layer)
      return home
    }
  }

  private mutating func appendReorder(from source: Tensor, to destination: Tensor, layer: String) throws {
    let primitive = try Primitive.reorder(from: source.layout, to: destination.layout)
    var arguments = [(Primitive.Argument.source, source.storage), (.destination, destination.storage)]
    let scratchpad = primitive.scratchpadByteCount
    if scratchpad > 0 { arguments.append((.scratchpad, buffer(scratchpad))) }
    appendStep(
      Step(
        work: .primitive(primitive, arguments), layer: layer, operation: "reorder", flops: FLOPs(0),
        results: [Step.Result(destination)], uses: arguments.map { $0.1 }))
  }

  private mutating func appendStep(_ step: Step) {
    for case .workspace(let buffer) in step.uses {
      buffers[buffer].lastStep = max(buffers[buffer].lastStep, steps.count)
    }
    steps.append(step)
  }

  /// Lets a result lie over an input of the step about to be appended, if that input is not needed afterwards.
  mutating func mayTakeOver(_ result: Tensor, _ input: Tensor) {
    if case .workspace(let new) = result.storage, case .workspace(let old) = input.storage {
      takeovers.append((new, old))
    }
  }
}

extension LoweredGraph {
  /// The name of a value for tables; values that fusion added have none of their own.
  func name(_ value: ValueID) -> String {
    value.index < graph.values.count ? graph[value].name : "fused"
  }
}
