import Kernels
import ModelGraph

/// What a batch normalisation does in its own pass over memory beside normalising.
struct NormalisationFusion {
  /// Forward adds a tensor, the last input, before the activation.
  var addsResidual = false
  var mask = Mask.none

  /// How backward finds out which elements the ReLU behind the normalisation let through.
  enum Mask: Equatable {
    case none
    /// It repeats forward's arithmetic; the shift is the last input.
    case fromInput
    /// It reads ReLU's result, the sixth input, since a residual was added. The masked gradient is the fourth output;
    /// with `addsGradient` the gradient is the sum of the second and the seventh input.
    case fromOutput(addsGradient: Bool)
  }
}

extension LoweredGraph {
  /// Lets a normalisation take over the ReLU behind it, or an addition and a ReLU, forward and backward.
  ///
  /// All are exact: the same arithmetic, in one pass over memory instead of two to four.
  mutating func fuseNormalisations() {
    fuseForward()
    fuseBackward()
  }

  private var isKept: Set<ValueID> { Set(graph.outputs.values) }

  private mutating func fuseForward() {
    let readers = readers
    let kept = isKept
    var isFused = [Bool](repeating: false, count: nodes.count)
    func soleReader(_ value: ValueID) -> Int? {
      guard !kept.contains(value), let uses = readers[value], uses.count == 1, !isFused[uses[0]] else { return nil }
      return uses[0]
    }
    for index in nodes.indices where nodes[index].operation.isNormalisation {
      guard let next = soleReader(nodes[index].outputs[0]) else { continue }
      switch nodes[next].operation {
      case .activation(let activation) where activation.function == .relu:
        nodes[index].activation = .relu
        nodes[index].outputs[0] = nodes[next].outputs[0]
        isFused[next] = true
      case .add:
        guard nodes[next].inputs.count == 2, let end = soleReader(nodes[next].outputs[0]),
          case .activation(let activation) = nodes[end].operation, activation.function == .relu,
          let other = nodes[next].inputs.first(where: { $0 != nodes[index].outputs[0] })
        else { continue }
        // The sum's other side may be computed later than the normalisation: it runs where the ReLU did.
        var fused = nodes[index]
        fused.activation = .relu
        fused.normalisation.addsResidual = true
        fused.inputs.append(other)
        fused.outputs[0] = nodes[end].outputs[0]
        nodes[end] = fused
        isFused[next] = true
        isFused[index] = true
      default: continue
      }
    }
    nodes = zip(nodes, isFused).filter { !$0.1 }.map(\.0)
  }

  private mutating func fuseBackward() {
    let readers = readers
    let kept = isKept
    let makers = Dictionary(
      nodes.indices.flatMap { index in nodes[index].outputs.map { ($0, index) } }, uniquingKeysWith: { $1 })
    // Normalisations that took over a ReLU, by their mean: what their backward reads too.
    var forwards: [ValueID: LoweredNode] = [:]
    for node in nodes where node.activation == .relu {
      if case .batchNormalisation = node.operation { forwards[node.outputs[1]] = node }
    }
    var isFused = [Bool](repeating: false, count: nodes.count)
    for index in nodes.indices {
      guard case .batchNormalisationBackward = nodes[index].operation,
        let forward = forwards[nodes[index].inputs[3]], let mask = makers[nodes[index].inputs[1]], !isFused[mask],
        case .activationBackward = nodes[mask].operation, nodes[mask].inputs[0] == forward.outputs[0]
      else { continue }
      var fused = nodes[index]
      let masked = nodes[mask].outputs[0]
      fused.inputs[1] = nodes[mask].inputs[1]
      guard forward.normalisation.addsResidual else {
        guard readers[masked]?.count == 1, !kept.contains(masked) else { continue }
        fused.normalisation.mask = .fromInput
        fused.inputs.append(forward.inputs[2])
        nodes[index] = fused
        isFused[mask] = true
        continue
      }
      fused.inputs.append(forward.outputs[0])
      fused.outputs.append(masked)
      // The gradient of a block's input is a sum of two: add them on the way.
      let gradient = nodes[mask].inputs[1]
      var addsGradient = false
      if let sum = makers[gradient], case .add = nodes[sum].operation, nodes[sum].inputs.count == 2,
        readers[gradient]?.count == 1, !kept.contains(gradient), !isFused[sum]
      {
        fused.inputs[1] = nodes[sum].inputs[0]
        fused.inputs.append(nodes[sum].inputs[1])
        addsGradient = true
        isFused[sum] = true
      }
      fused.normalisation.mask = .fromOutput(addsGradient: addsGradient)
      // Others read the masked gradient: it is ready where the mask was applied.
      nodes[mask] = fused
      isFused[index] = true
    }
    nodes = zip(nodes, isFused).filter { !$0.1 }.map(\.0)
  }
}

extension ModelGraph.Operation {
  fileprivate var isNormalisation: Bool {
    switch self {
    case .batchNormalisation, .affineNormalisation: true
    default: false
    }
  }
}
