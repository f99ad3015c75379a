package import Units

// Operations that move elements and change none. Dimensions may be counted from the back: −1 is the last one.

/// Tensors one behind the other along a dimension; their other dimensions are equal.
package struct Concatenate: OperationRule {
  package let dimension: Int

  package init(dimension: Int) { self.dimension = dimension }

  package var name: String { "concatenate" }
  package var inputCount: ClosedRange<Int> { 1...Int.max }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let first = inputs[0]
    let index = try first.shape.index(of: dimension, layer: layer)
    var dimensions = first.shape.dimensions
    for input in inputs.dropFirst() {
      var other = input.shape.dimensions
      let matches = other.count == dimensions.count && input.elementType == first.elementType
      if matches { other[index] = first.shape[index] }
      guard matches, other == first.shape.dimensions else {
        throw GraphError(
          .shapeMismatch, layer: layer, key: "of",
          "cannot put \(first) and \(input) one behind the other along dimension \(index): "
            + "all other dimensions must be equal")
      }
      dimensions[index] += input.shape[index]
    }
    return [TensorType(Shape(dimensions), first.elementType)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let dy = try node.soleGradient()
    let index = try graph[node.outputs[0]].type.shape.index(of: dimension, layer: node.layer)
    var start = 0
    var gradients: [ValueID?] = []
    for (input, isWanted) in zip(node.inputs, node.isWanted) {
      let count = graph[input].type.shape[index]
      let slice = Operation.slice(Slice(dimension: index, start: start, count: count))
      gradients.append(isWanted ? try graph.append(slice, [dy], layer: node.layer, pass: .backward)[0] : nil)
      start += count
    }
    return gradients
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// `count` positions of a dimension, from `start` on.
package struct Slice: OperationRule {
  package let dimension: Int
  package let start: Int
  package let count: Int

  package init(dimension: Int, start: Int, count: Int) {
    self.dimension = dimension
    self.start = start
    self.count = count
  }

  package var name: String { "slice" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    let index = try x.index(of: dimension, layer: layer)
    guard start >= 0, count >= 1, count <= x[index] - start else {
      throw GraphError(
        .shapeMismatch, layer: layer, key: "count",
        "\(count) positions from \(start) on are not in dimension \(index) of \(x); it has \(x[index])")
    }
    var dimensions = x.dimensions
    dimensions[index] = count
    return [TensorType(Shape(dimensions), inputs[0].elementType)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let rule = SliceBackward(forward: self, input: graph[node.inputs[0]].type.shape)
    return [try graph.append(.sliceBackward(rule), [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// dx from dy: dy where the slice was, 0 elsewhere.
package struct SliceBackward: OperationRule {
  package let forward: Slice
  package let input: Shape

  package init(forward: Slice, input: Shape) {
    self.forward = forward
    self.input = input
  }

  package var name: String { "slice backward" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [TensorType(input)] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// A tensor cut along a dimension into parts of the given sizes: the opposite of concatenating.
package struct Split: OperationRule {
  package let dimension: Int
  package let sizes: [Int]

  package init(dimension: Int, sizes: [Int]) {
    self.dimension = dimension
    self.sizes = sizes
  }

  package var name: String { "split" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    let index = try x.index(of: dimension, layer: layer)
    guard !sizes.isEmpty, sizes.allSatisfy({ $0 >= 1 }), sizes.reduce(0, +) == x[index] else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "parts of \(sizes) do not add up to the \(x[index]) positions in dimension \(index) of \(x)")
    }
    return sizes.map { size in
      var dimensions = x.dimensions
      dimensions[index] = size
      return TensorType(Shape(dimensions), inputs[0].elementType)
    }
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let parts = try zip(node.outputs, node.outputGradients).map { output, gradient in
      try gradient
        ?? graph.append(.zeros(Zeros(shape: graph[output].type.shape)), [], layer: node.layer, pass: .backward)[0]
    }
    return [
      try graph.append(.concatenate(Concatenate(dimension: dimension)), parts, layer: node.layer, pass: .backward)[0]
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}

/// The dimensions in another order: dimension i of y is dimension `order[i]` of x.
package struct Transpose: OperationRule {
  package let order: [Int]

  package init(order: [Int]) { self.order = order }

  package var name: String { "transpose" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  /// `order` with dimensions counted from the front.
  package func axes(_ x: Shape, layer: String) throws -> [Int] {
    let axes = try order.map { try x.index(of: $0, layer: layer, key: "order") }
    guard axes.sorted() == Array(0..<x.rank) else {
      throw GraphError(
        .shapeMismatch, layer: layer, key: "order",
        "the order \(order) does not name each dimension of \(x) once; give \(x.rank) different numbers from 0 on")
    }
    return axes
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    return [TensorType(Shape(try axes(x, layer: layer).map { x[$0] }), inputs[0].elementType)]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let axes = try axes(graph[node.inputs[0]].type.shape, layer: node.layer)
    let inverse = axes.indices.map { axes.firstIndex(of: $0) ?? $0 }
    return [
      try graph.append(
        .transpose(Transpose(order: inverse)), [try node.soleGradient()], layer: node.layer, pass: .backward)[0]
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(0) }
}
