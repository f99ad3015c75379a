package import CostModel
import Units

extension MemoryComponents.Component {
  package var words: String {
    switch self {
    case .weights: "weights"
    case .gradients: "gradients"
    case .optimizer: "optimizer states"
    case .activations: "activations"
    case .recomputedLayer: "recomputed layer"
    case .embeddings: "embedding and logits"
    case .buffers: "buffers"
    case .context: "runtime"
    }
  }
}

extension NearPlan.Lack: CustomStringConvertible {
  package var description: String {
    switch self {
    case .memory(let bytes): "\(bytes) of memory on an accelerator"
    case .time(let time): "\(time) to the deadline"
    case .money(let money): "\(money) of the budget"
    }
  }
}

extension Crossover {
  /// "trn1.32xlarge ×4 wins below $12.31 an hour a node, or above 1.8 times its network"; nil if nothing would do.
  package var text: String? {
    var ways: [String] = []
    if let hourly { ways.append("below \(hourly.exact) an hour a node") }
    if let networkFactor { ways.append("above \(fixedPoint(networkFactor, decimals: 2)) times its network bandwidth") }
    return ways.isEmpty ? nil : "\(group) wins \(ways.joined(separator: ", or "))."
  }
}
