package import Units

/// y[n, t] = x[n]: the same features at every one of `count` steps, x [N, …] → y [N, count, …].
package struct Repeat: OperationRule {
  package let count: Int

  package init(count: Int) { self.count = count }

  package var name: String { "repeat" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard count >= 1 else {
      throw GraphError(.invalidArgument, layer: layer, "a vector repeated \(count) times; use at least 1")
    }
    guard x.rank >= 1, inputs[0].elementType == .float32 else {
      throw GraphError(.shapeMismatch, layer: layer, "repeat takes [samples, …], its input is \(inputs[0])")
    }
    return [TensorType(Shape([x[0], count] + x.dimensions.dropFirst()))]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = Operation.repeatedBackward(RepeatBackward())
    return [try graph.append(back, [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// dx[n] = Σₜ dy[n, t], from dy [N, T, …] to dx [N, …].
package struct RepeatBackward: OperationRule {
  package init() {}

  package var name: String { "repeat backward" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let dy = inputs[0].shape.dimensions
    return [TensorType(Shape([dy[0]] + dy.dropFirst(2)))]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(inputs[0].shape.elementCount) }
}
