import Kernels
import ModelGraph

/// A node as the executor runs it: an operation, perhaps with an activation fused into it.
struct LoweredNode {
  var operation: Operation
  var inputs: [ValueID]
  var outputs: [ValueID]
  var activation: PostActivation?
  var layer: String
  var normalisation = NormalisationFusion()
}

/// A graph after fusion. Values keep their identifiers; fusion may add values at the end.
///
/// Three rewrites, all exact:
/// - A dense layer or convolution takes over the activation that follows it, if nothing else reads its own result. The
///   backward of an activation that is differentiated from its input does, so in training such a one stays apart.
/// - The gradient of ReLU followed by max-pooling masks before it spreads: relu′ at a window's winner is the sign of
///   the pooled value, so the mask is applied to the pooled gradient, a fraction of the size, and the ReLU's output
///   need not be kept for backward.
/// - A normalisation takes over what follows it: see `fuseNormalisations`.
struct LoweredGraph {
  let graph: Graph
  private(set) var types: [TensorType]
  var nodes: [LoweredNode]

  init(_ graph: Graph) {
    self.graph = graph
    types = graph.values.map(\.type)
    nodes = graph.nodes.map {
      LoweredNode(operation: $0.operation, inputs: $0.inputs, outputs: $0.outputs, layer: $0.layer)
    }
    fuseActivations()
    fuseNormalisations()
    maskBeforeUnpooling()
  }

  var readers: [ValueID: [Int]] {
    var readers: [ValueID: [Int]] = [:]
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { readers[input, default: []].append(index) }
    }
    return readers
  }

  private mutating func fuseActivations() {
    let readers = readers
    let kept = Set(graph.outputs.values)
    var isFused = [Bool](repeating: false, count: nodes.count)
    for index in nodes.indices {
      switch nodes[index].operation {
      case .dense, .convolution: break
      default: continue
      }
      let result = nodes[index].outputs[0]
      guard !kept.contains(result), let uses = readers[result], uses.count == 1,
        case .activation(let activation) = nodes[uses[0]].operation,
        let function = PostActivation(activation.function)
      else { continue }
      nodes[index].activation = function
      nodes[index].outputs = nodes[uses[0]].outputs
      isFused[uses[0]] = true
    }
    nodes = zip(nodes, isFused).filter { !$0.1 }.map(\.0)
  }

  private mutating func maskBeforeUnpooling() {
    let readers = readers
    var pools: [ValueID: (input: ValueID, output: ValueID)] = [:]
    for node in nodes {
      if case .maxPool = node.operation { pools[node.outputs[1]] = (node.inputs[0], node.outputs[0]) }
    }
    for index in nodes.indices {
      guard case .maxPoolBackward = nodes[index].operation, let pool = pools[nodes[index].inputs[1]],
        let uses = readers[nodes[index].outputs[0]], uses.count == 1,
        case .activationBackward(let mask) = nodes[uses[0]].operation, mask.function == .relu,
        nodes[uses[0]].inputs[0] == pool.input
      else { continue }
      let unpool = nodes[index]
      let relu = nodes[uses[0]]
      let masked = ValueID(appending: types[pool.output.index], to: &types)
      nodes[index] = LoweredNode(
        operation: relu.operation, inputs: [pool.output, unpool.inputs[0]], outputs: [masked], layer: relu.layer)
      nodes[uses[0]] = LoweredNode(
        operation: unpool.operation, inputs: [masked, unpool.inputs[1]], outputs: relu.outputs, layer: unpool.layer)
    }
  }
}

extension ValueID {
  fileprivate init(appending type: TensorType, to types: inout [TensorType]) {
    types.append(type)
    self.init(index: types.count - 1)
  }
}
