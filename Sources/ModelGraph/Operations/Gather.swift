package import Units

// Shapes: B samples, S steps, P chosen ones, h features.

/// y[b, p] = x[b, steps[b, p]]: some steps of each sequence, x [B, S, h] and steps [B, P] int32 to y [B, P, h].
package struct Gather: OperationRule {
  package init() {}

  package var name: String { "gather" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let (x, steps) = (inputs[0].shape, inputs[1].shape)
    guard x.rank == 3, inputs[0].elementType == .float32, steps.rank == 2, inputs[1].elementType == .int32,
      x[0] == steps[0]
    else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "gather takes [samples, steps, features] and int32 [samples, chosen steps], not \(inputs[0]) and \(inputs[1])")
    }
    return [TensorType([x[0], steps[1], x[2]])]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let rule = GatherBackward(steps: graph[node.inputs[0]].type.shape[1])
    let dy = try node.soleGradient()
    return [
      try graph.append(.gatherBackward(rule), [dy, node.inputs[1]], layer: node.layer, pass: .backward)[0], nil,
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// dx[b, s] = Σ dy over the places where step s was chosen, from dy [B, P, h] and steps [B, P] to dx [B, S, h].
package struct GatherBackward: OperationRule {
  package let steps: Int

  package init(steps: Int) { self.steps = steps }

  package var name: String { "gather backward" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let dy = inputs[0].shape
    return [TensorType([dy[0], steps, dy[2]])]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(inputs[0].shape.elementCount) }
}
