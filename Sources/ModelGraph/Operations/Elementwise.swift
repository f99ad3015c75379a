package import Units

/// The same elements, row-major, under another shape. `flatten` is a reshape to [N, rest].
package struct Reshape: OperationRule {
  package let shape: Shape

  package init(to shape: Shape) { self.shape = shape }

  package var name: String { "reshape" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    guard inputs[0].shape.elementCount == shape.elementCount else {
      throw GraphError(
        .shapeMismatch, layer: layer, key: "shape",
        "\(inputs[0].shape) has \(inputs[0].shape.elementCount) elements, \(shape) has \(shape.elementCount); give a "
          + "shape of as many elements")
    }
    return [TensorType(shape, inputs[0].elementType)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = Operation.reshape(Reshape(to: graph[node.inputs[0]].type.shape))
    return [try graph.append(back, [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// The sum of two or more tensors of one shape. Also what sums the gradients of a value with several uses.
package struct Add: OperationRule {
  package init() {}

  package var name: String { "add" }
  package var inputCount: ClosedRange<Int> { 2...Int.max }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    for other in inputs.dropFirst() { try requireEqual(inputs[0], other, "add", layer: layer) }
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = try node.soleGradient()
    return node.inputs.map { _ in dy }
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs((inputs.count - 1) * outputs[0].shape.elementCount)
  }
}

/// a − b, two tensors of one shape.
package struct Subtract: OperationRule {
  package init() {}

  package var name: String { "subtract" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    try requireEqual(inputs[0], inputs[1], "subtract", layer: layer)
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = try node.soleGradient()
    let negative = Operation.scale(Scale(by: -1))
    return [dy, node.isWanted[1] ? try graph.append(negative, [dy], layer: node.layer, pass: .backward)[0] : nil]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(outputs[0].shape.elementCount) }
}

private func requireEqual(_ a: TensorType, _ b: TensorType, _ verb: String, layer: String) throws {
  guard a.shape == b.shape else {
    throw GraphError(
      .shapeMismatch, layer: layer, key: "of", "cannot \(verb) \(a) and \(b): the shapes must be equal")
  }
  guard a.elementType == .float32, b.elementType == .float32 else {
    throw GraphError(
      .shapeMismatch, layer: layer, key: "of", "cannot \(verb) \(a) and \(b): both must be float32")
  }
}

/// y = factor · x.
package struct Scale: OperationRule {
  package let factor: Double

  package init(by factor: Double) { self.factor = factor }

  package var name: String { "scale" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[0]] }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    [try graph.append(.scale(self), [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(outputs[0].shape.elementCount) }
}

/// a · b, element by element. Where one has extent 1, its element meets all of the other's: [N, C, H, W] · [N, C, 1, 1]
/// scales channels.
package struct Multiply: OperationRule {
  package init() {}

  package var name: String { "multiply" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let (a, b) = (inputs[0].shape, inputs[1].shape)
    guard inputs.allSatisfy({ $0.elementType == .float32 }) else {
      throw GraphError(
        .shapeMismatch, layer: layer, key: "of", "cannot multiply \(inputs[0]) and \(inputs[1]): both must be float32")
    }
    guard a.rank == b.rank, zip(a.dimensions, b.dimensions).allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 }) else {
      throw GraphError(
        .shapeMismatch, layer: layer, key: "of",
        "cannot multiply \(a) and \(b): dimensions must be equal, or 1 in one of the two")
    }
    return [TensorType(Shape(zip(a.dimensions, b.dimensions).map { max($0, $1) }))]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = try node.soleGradient()
    return try [0, 1].map { index in
      guard node.isWanted[index] else { return nil }
      let product = try graph.append(
        .multiply(Multiply()), [dy, node.inputs[1 - index]], layer: node.layer, pass: .backward)[0]
      return try graph.summed(product, to: graph[node.inputs[index]].type.shape, layer: node.layer)
    }
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(outputs[0].shape.elementCount) }
}

extension Graph {
  /// Appends what sums `value` over the dimensions in which `shape` has extent 1, a run of neighbours at a time.
  fileprivate mutating func summed(_ value: ValueID, to shape: Shape, layer: String) throws -> ValueID {
    var value = value
    var end = shape.rank
    while end > 0 {
      func isSummed(_ index: Int) -> Bool { shape[index] == 1 && self[value].type.shape[index] != 1 }
      guard isSummed(end - 1) else {
        end -= 1
        continue
      }
      var start = end - 1
      while start > 0, isSummed(start - 1) { start -= 1 }
      let sum = Reduce(.sum, first: start, last: end - 1, keepsDimensions: true)
      value = try append(.reduce(sum), [value], layer: layer, pass: .backward)[0]
      end = start
    }
    return value
  }
}

/// y = x / (1 − rate) with probability 1 − rate, else 0 (inverted dropout, Srivastava et al. 2014).
///
/// The mask is a function of (seed, step, sample, `key`, element), so backward applies the same operation to the
/// gradient and no mask is kept. `key` tells the dropout layers of a model apart.
package struct Dropout: OperationRule {
  package let rate: Double
  package let key: Int

  package init(rate: Double, key: Int) {
    self.rate = rate
    self.key = key
  }

  package var name: String { "dropout" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    guard rate >= 0, rate < 1 else {
      throw GraphError(
        .invalidArgument, layer: layer, "dropout rate \(rate) is outside 0 ..< 1; use the share to drop, such as 0.5")
    }
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    [try graph.append(.dropout(self), [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(outputs[0].shape.elementCount) }
}
