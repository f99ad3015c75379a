import Kernels
import ModelGraph

/// How many units of a ReLU were 0 for every sample that ran.
package struct DeadUnits: Hashable, Sendable {
  package let layer: String
  /// Outputs of a dense layer, channels of a convolution.
  package let units: Int
  package let dead: Int

  package init(layer: String, units: Int, dead: Int) {
    self.layer = layer
    self.units = units
    self.dead = dead
  }
}

extension Program {
  /// Looks at every ReLU of the forward pass, in order. Runs the program again as far as the last of them, on the inputs
  /// as they are; the slot's gradients are lost.
  package func deadUnits(slot: Int, dropout: DropoutState) throws -> [DeadUnits] {
    var found: [DeadUnits] = []
    let looks = reluSteps
    guard let last = looks.keys.max() else { return [] }
    for index in 0...last {
      try steps[slot][index].run(stream, dropout)
      for node in looks[index] ?? [] { found.append(try deadUnits(of: node, slot: slot)) }
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

  private func deadUnits(of node: Node, slot: Int) throws -> DeadUnits {
    let value = node.outputs[0]
    let dimensions = compiled.graph[value].type.shape.dimensions
    let elements = try read(compiled.tensors[value.index][0], dimensions, slot: slot)
    let units = dimensions.count > 1 ? dimensions[1] : 1
    let width = dimensions.dropFirst(2).reduce(1, *)
    var isAlive = [Bool](repeating: false, count: units)
    for (index, element) in elements.enumerated() where element != 0 { isAlive[index / width % units] = true }
    return DeadUnits(layer: node.layer, units: units, dead: isAlive.count { !$0 })
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
