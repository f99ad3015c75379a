package import Units

// Which token goes to which expert of a mixture (Shazeer et al. 2017; Fedus et al. 2022). Shapes: […] tokens, T of them,
// E experts, k experts a token, R rows that the experts compute, h features.

/// The k experts of the greatest logits for each token, and the weights with which their results are summed: a softmax
/// over all experts, those that are not chosen left out.
///
/// Input: logits […, E]. Outputs: the weight of each row [R], the token of each row [R] int32 and the rows of each expert
/// [E] int32; rows are in the order of their experts. Without a capacity each choice is a row, R = k T. With one an expert
/// has ⌈capacity · k T / E⌉ rows: what is beyond is dropped, and an empty row has token −1 and weight 0.
package struct ExpertRouter: OperationRule {
  package let topK: Int
  /// Nil: dropless.
  package let capacity: Double?

  package init(topK: Int, capacity: Double? = nil) {
    self.topK = topK
    self.capacity = capacity
  }

  package var name: String { "expert router" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  /// R.
  package func rowCount(tokens: Int, experts: Int) -> Int {
    guard let capacity else { return topK * tokens }
    return experts * Int((capacity * Double(topK * tokens) / Double(experts)).rounded(.up))
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard x.rank >= 2, inputs[0].elementType == .float32 else {
      throw GraphError(.shapeMismatch, layer: layer, "a router takes logits [samples, …, experts], not \(inputs[0])")
    }
    let experts = x[x.rank - 1]
    guard topK >= 1, topK <= experts else {
      throw GraphError(
        .invalidArgument, layer: layer, key: "experts",
        "each token goes to \(topK) of \(experts) experts; use 1 to \(experts)")
    }
    if let capacity {
      guard capacity > 0, capacity <= Double(experts) else {
        throw GraphError(
          .invalidArgument, layer: layer, key: "experts",
          "a capacity of \(capacity) is not above 0 and at most \(experts), the experts; use 1.25")
      }
    }
    let rows = rowCount(tokens: x.elementCount / experts, experts: experts)
    return [TensorType([rows]), TensorType([rows], .int32), TensorType([experts], .int32)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = Operation.expertRouterBackward(ExpertRouterBackward(forward: self))
    let inputs = [node.inputs[0], node.outputs[1], node.outputs[2], try node.soleGradient()]
    return [try graph.append(back, inputs, layer: node.layer, pass: .backward)[0]]
  }

  /// A softmax, and k passes over the logits for the greatest.
  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs((5 + topK) * inputs[0].shape.elementCount)
  }
}

/// dLogits […, E] from the logits, the token of each row, the rows of each expert and the gradient of each row's weight.
package struct ExpertRouterBackward: OperationRule {
  package let forward: ExpertRouter

  package init(forward: ExpertRouter) { self.forward = forward }

  package var name: String { "expert router backward" }
  package var inputCount: ClosedRange<Int> { 4...4 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[0]] }

  /// The softmax again, and its gradient.
  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(13 * inputs[0].shape.elementCount)
  }
}

/// y[r] = x[token[r]]: the tokens in the order of their experts, x […, h] and token [R] to y [R, h]; 0 for token −1.
package struct ExpertDispatch: OperationRule {
  package init() {}

  package var name: String { "expert dispatch" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let (x, rows) = (inputs[0].shape, inputs[1].shape)
    guard x.rank >= 2, inputs[0].elementType == .float32, rows.rank == 1, inputs[1].elementType == .int32 else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "dispatch takes [samples, …, features] and int32 tokens [rows], not \(inputs[0]) "
          + "and \(inputs[1])")
    }
    return [TensorType([rows[0], x[x.rank - 1]])]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = Operation.expertDispatchBackward(ExpertDispatchBackward(input: graph[node.inputs[0]].type.shape))
    return [
      try graph.append(back, [try node.soleGradient(), node.inputs[1]], layer: node.layer, pass: .backward)[0], nil,
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// dx[t] = Σ dy over the rows of token t, from dy [R, h] and token [R] to dx […, h].
package struct ExpertDispatchBackward: OperationRule {
  package let input: Shape

  package init(input: Shape) { self.input = input }

  package var name: String { "expert dispatch backward" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [TensorType(input)] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(inputs[0].shape.elementCount) }
}

/// y[t] = Σ weight[r] · x[r] over the rows of token t, from x [R, h], weight [R] and token [R] to y, `output` […, h].
package struct ExpertCombine: OperationRule {
  package let output: Shape

  package init(output: Shape) { self.output = output }

  package var name: String { "expert combine" }
  package var inputCount: ClosedRange<Int> { 3...3 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard x.rank == 2, inputs[0].elementType == .float32, inputs[1] == TensorType([x[0]]),
      inputs[2] == TensorType([x[0]], .int32), output.dimensions.last == x[1]
    else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "combine takes [rows, features], a weight and an int32 token for each row, not \(inputs[0]), \(inputs[1]) and "
          + "\(inputs[2]), to make \(output)")
    }
    return [TensorType(output)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = Operation.expertCombineBackward(ExpertCombineBackward())
    return try graph.append(back, [try node.soleGradient()] + node.inputs, layer: node.layer, pass: .backward) + [nil]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(2 * inputs[0].shape.elementCount) }
}

/// dx[r] = weight[r] · dy[token[r]] and dweight[r] = Σ dy[token[r]] · x[r] over the features, from dy, x, weight and token.
package struct ExpertCombineBackward: OperationRule {
  package init() {}

  package var name: String { "expert combine backward" }
  package var inputCount: ClosedRange<Int> { 4...4 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[1], inputs[2]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(3 * inputs[1].shape.elementCount) }
}
