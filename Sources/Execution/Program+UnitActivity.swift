import Kernels
import ModelGraph

/// For how many samples each unit of a ReLU was not 0.
package struct UnitActivity: Hashable, Sendable {
  package let layer: String
  /// Samples that were looked at.
  package private(set) var samples: Int
  /// By output of a dense layer, or channel of a convolution, which is active where any of its positions is.
  package private(set) var activeSamples: [Int64]

  package init(layer: String, samples: Int, activeSamples: [Int64]) {
    self.layer = layer
    self.samples = samples
    self.activeSamples = activeSamples
  }

  package var units: Int { activeSamples.count }
  /// Units that were 0 for every sample.
  package var dead: Int { activeSamples.count { $0 == 0 } }

  package mutating func merge(_ other: UnitActivity) {
    precondition(other.layer == layer && other.units == units, "activities of '\(layer)' and '\(other.layer)'")
    samples += other.samples
    for index in activeSamples.indices { activeSamples[index] += other.activeSamples[index] }
  }
}

extension Program {
  package var hasReLUs: Bool { !reluSteps.isEmpty }

  /// Looks at every ReLU of the forward pass, in order. Runs the program again as far as the last of them, on the inputs
  /// as they are; the slot's gradients are lost.
  package func unitActivity(slot: Int, dropout: DropoutState) throws -> [UnitActivity] {
    var found: [UnitActivity] = []
    let looks = reluSteps
    guard let last = looks.keys.max() else { return [] }
    for index in 0...last {
      try steps[slot][index].run(stream, dropout)
      for node in looks[index] ?? [] { found.append(try activity(of: node, slot: slot)) }
    }
    return found
  }

  /// The forward nodes that are ReLUs, by the step that computes them: their own, or the one they are fused into.
  private var reluSteps: [Int: [Node]] {
    var steps: [Int: [Node]] = [:]
    for node in compiled.graph.nodes where node.pass == .forward {
      guard case .activation(let rule) = node.operation, rule.function == .relu,
        let storage = compiled.tensors[node.outputs[0].index].first?.storage,
        let step = compiled.steps.firstIndex(where: { $0.results.contains { $0.storage == storage } })
      else { continue }
      steps[step, default: []].append(node)
    }
    return steps
  }

  private func activity(of node: Node, slot: Int) throws -> UnitActivity {
    let value = node.outputs[0]
    let dimensions = compiled.graph[value].type.shape.dimensions
    let elements = try read(compiled.tensors[value.index][0], dimensions, slot: slot)
    let samples = dimensions.first ?? 1
    let size = elements.count / samples
    let unitDimension = unitDimension(of: value)
    let units = dimensions.count > 1 ? dimensions[unitDimension] : 1
    let width = dimensions.dropFirst(unitDimension + 1).reduce(1, *)
    var active = [Int64](repeating: 0, count: units)
    var isActive = [Bool](repeating: false, count: units)
    for sample in 0..<samples {
      for unit in 0..<units { isActive[unit] = false }
      for index in 0..<size where elements[sample * size + index] != 0 { isActive[index / width % units] = true }
      for unit in 0..<units where isActive[unit] { active[unit] += 1 }
    }
    return UnitActivity(layer: node.layer, samples: samples, activeSamples: active)
  }

  /// Channels lie behind the samples; the features of a sequence [N, T, I] are its last dimension.
  private func unitDimension(of value: ValueID) -> Int {
    let rank = compiled.graph[value].type.shape.rank
    guard rank == 3 else { return 1 }
    var value = value
    while let producer = compiled.graph[value].producer {
      let node = compiled.graph[producer]
      switch node.operation {
      case .dense, .embedding, .recurrent, .repeated, .layerNormalisation: return 2
      case .convolution, .maxPool, .averagePool, .batchNormalisation, .groupNormalisation: return 1
      default: break
      }
      guard let input = node.inputs.first else { return 1 }
      value = input
    }
    return 1
  }

  /// The elements of a tensor as the last step left them, row-major.
  private func read(_ tensor: Tensor, _ dimensions: [Int], slot: Int) throws -> [Float] {
    let count = dimensions.reduce(1, *)
    let source = unsafe binder.address(tensor.storage, slot: slot).assumingMemoryBound(to: Float.self)
    let plain = try Layout.plain(dimensions)
    return try unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
      guard let destination = buffer.baseAddress else { return }
      unsafe try ParameterStore.copy(tensor.layout, source, to: plain, destination)
      initialised = count
    }
  }
}
