package import Catalog
package import CostModel
package import Units

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

extension ParallelLayout {
  /// "8 replicas, 16 samples at a time, optimizer states shared by replicas (ZeRO-1)".
  package var words: String {
    var parts: [String] = []
    if tensor > 1 {
      parts.append(
        "each layer on \(tensor) accelerators" + (sequenceParallel ? ", what they repeat shared by position" : ""))
    }
    if context > 1 { parts.append("each sequence on \(context)") }
    if pipeline > 1 {
      parts.append("\(pipeline) stages" + (virtualStages > 1 ? " of \(virtualStages) interleaved pieces" : ""))
    }
    parts.append("\(data) \(data == 1 ? "replica" : "replicas")")
    if expert > 1 { parts.append("experts on \(expert)") }
    parts.append("\(microBatch) \(microBatch == 1 ? "sample" : "samples") at a time")
    switch zeroStage {
    case 1: parts.append("optimizer states shared by replicas (ZeRO-1)")
    case 2: parts.append("optimizer states and gradients shared by replicas (ZeRO-2)")
    case 3: parts.append("optimizer states, gradients and weights shared by replicas (ZeRO-3)")
    default: break
    }
    switch recomputation {
    case .none: break
    case .selective: parts.append("attention computed again in backward")
    case .full: parts.append("every layer computed again in backward")
    }
    return parts.joined(separator: ", ")
  }

  /// What the letters of the description stand for, of those that `layouts` have.
  package static func legend(_ layouts: [ParallelLayout]) -> String {
    var parts: [String] = []
    func add(_ text: String, if has: (ParallelLayout) -> Bool) {
      if layouts.contains(where: has) { parts.append(text) }
    }
    add("t accelerators a layer") { $0.tensor > 1 }
    add("c accelerators a sequence") { $0.context > 1 }
    add("p pipeline stages") { $0.pipeline > 1 }
    add("d replicas") { _ in true }
    add("e accelerators for the experts") { $0.expert > 1 }
    add("v pieces of a stage") { $0.virtualStages > 1 }
    add("b samples at a time") { _ in true }
    add("ZeRO what replicas share") { $0.zeroStage > 0 }
    add("seq positions shared") { $0.sequenceParallel }
    add("selective or full: computed again") { $0.recomputation != .none }
    return parts.joined(separator: ", ")
  }
}

extension NearPlan.Lack: CustomStringConvertible {
  package var description: String {
    switch self {
    case .memory(let bytes): "\(bytes) more memory on an accelerator"
    case .time(let time): "\(time) more than the deadline"
    case .money(let money): "\(money) more than the budget"
    case .nodes: "other nodes than asked for"
    case .layout: "another layout than asked for"
    }
  }
}

extension Crossover {
  /// "runner-up: trn1.32xlarge ×4, $70.10 in 48 min 3 s. It wins below $12.31 an hour a node (now $21.50), or above 1,200
  /// Gbit/s between nodes (now 800 Gbit/s)."
  package var text: String {
    var ways: [String] = []
    if let hourly { ways.append("below \(hourly.exact) an hour a node (now \(group.hourly.exact))") }
    if let networkFactor {
      if let network {
        ways.append("above \((network * networkFactor).gigabits) between nodes (now \(network.gigabits))")
      } else {
        ways.append("above \(fixedPoint(networkFactor, decimals: 2)) times its network bandwidth")
      }
    }
    let wins =
      ways.isEmpty
      ? "No price and no network alone would make it the better one." : "It wins \(ways.joined(separator: ", or "))."
    return "runner-up: \(group), \(cost) in \(time). \(wins)"
  }
}

extension PlanEntry {
  /// "201.5 ms to 757.2 ms"; nil without an interval.
  package func range<Value: Quantity>(_ value: Value) -> String? where Value.Count == Double {
    interval.map { "\(value * $0.low) to \(value * $0.high)" }
  }

  /// "84 %" of what may be filled.
  package var filled: String {
    percent(memory.components.total / memory.budget.usable, decimals: 0)
  }
}

extension Plan {
  /// "124.4 M parameters, batches of 512 samples of 1,024 tokens, 1 epoch of 9,765,625 samples: 19,073 steps".
  package var subject: String {
    var parts: [String] = []
    if let parameters { parts.append("\(JobModel.short(parameters)) parameters") }
    let tokens = request.sequence > 1 ? " of \(request.sequence.grouped) tokens" : ""
    parts.append("batches of \(request.globalBatch.grouped) samples\(tokens)")
    if let epochs = request.epochs, let samples = request.samples {
      parts.append("\(epochs.grouped) \(epochs == 1 ? "epoch" : "epochs") of \(samples.grouped) samples")
    }
    return parts.joined(separator: ", ") + ": \(request.steps.grouped) steps"
  }
}

extension Price.Kind {
  package var words: String {
    switch self {
    case .onDemand: "on demand"
    case .spot: "spot"
    case .reserved1Year: "reserved for 1 year"
    case .reserved3Years: "reserved for 3 years"
    case .reserved: "reserved"
    }
  }
}
