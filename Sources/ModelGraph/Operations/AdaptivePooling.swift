package import Units

// Shapes: x [N, C, I…] → y [N, C, P…], of one to three spatial dimensions.

/// The means of P windows that cover the input, whatever its size: window i along a dimension is
/// ⌊i I / P⌋ ..< ⌈(i + 1) I / P⌉, so windows may overlap and differ by one in extent; with P > I elements repeat.
package struct AdaptiveAveragePool: OperationRule {
  package let output: Extent

  package init(output: Extent) { self.output = output }

  package var name: String { "adaptive average-pool" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  /// The positions of window `index` of `count` along a dimension of `extent` positions.
  package static func window(_ index: Int, of count: Int, extent: Int) -> Range<Int> {
    index * extent / count..<((index + 1) * extent + count - 1) / count
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    try x.requireImage("pooling", layer: layer)
    let spatial = Array(x.dimensions.dropFirst(2))
    guard let sides = output.sides(rank: spatial.count), sides.allSatisfy({ $0 >= 1 }) else {
      throw GraphError(
        .shapeMismatch, layer: layer, key: "output",
        "an input of \(Shape(spatial)) cannot be pooled to \(output); give one number from 1, or one for each dimension"
      )
    }
    return [TensorType(Shape([x[0], x[1]] + sides))]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let rule = AdaptiveAveragePoolBackward(input: graph[node.inputs[0]].type.shape)
    return [
      try graph.append(
        .adaptiveAveragePoolBackward(rule), [try node.soleGradient()], layer: node.layer, pass: .backward)[0]
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    Self.flops(inputs[0].shape, outputs[0].shape)
  }

  /// One for each position of each window; windows that overlap count twice where they do.
  fileprivate static func flops(_ x: Shape, _ y: Shape) -> FLOPs {
    let positions = (2..<x.rank).map { dimension in
      (0..<y[dimension]).reduce(0) { $0 + window($1, of: y[dimension], extent: x[dimension]).count }
    }
    return FLOPs(x[0] * x[1] * positions.reduce(1, *))
  }
}

/// dx [N, C, I…] from dy [N, C, P…]: each gradient in equal parts to its window.
package struct AdaptiveAveragePoolBackward: OperationRule {
  package let input: Shape

  package init(input: Shape) { self.input = input }

  package var name: String { "adaptive average-pool backward" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [TensorType(input)] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    AdaptiveAveragePool.flops(input, inputs[0].shape)
  }
}
