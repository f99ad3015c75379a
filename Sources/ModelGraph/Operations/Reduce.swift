package import Units

/// The sum or mean over neighbouring dimensions, `first` to `last`, which may be counted from the back.
package struct Reduce: OperationRule {
  package enum Kind: String, Hashable, Sendable, Codable, CaseIterable { case sum, mean }

  package let kind: Kind
  package let first: Int
  package let last: Int
  /// Whether the dimensions stay, with extent 1.
  package let keepsDimensions: Bool

  package init(_ kind: Kind, first: Int, last: Int, keepsDimensions: Bool = false) {
    self.kind = kind
    self.first = first
    self.last = last
    self.keepsDimensions = keepsDimensions
  }

  package var name: String { kind.rawValue }
  package var inputCount: ClosedRange<Int> { 1...1 }

  /// The dimensions that go.
  package func range(of x: Shape, layer: String) throws -> Range<Int> {
    let (first, last) = (try x.index(of: first, layer: layer), try x.index(of: last, layer: layer))
    guard first <= last else {
      throw GraphError(
        .invalidArgument, layer: layer,
        "dimensions \(self.first) to \(self.last) of \(x) are in the wrong order; swap them")
    }
    return first..<last + 1
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let range = try range(of: inputs[0].shape, layer: layer)
    var dimensions = inputs[0].shape.dimensions
    dimensions.replaceSubrange(range, with: keepsDimensions ? range.map { _ in 1 } : [])
    return [TensorType(Shape(dimensions))]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let rule = ReduceBackward(forward: self, input: graph[node.inputs[0]].type.shape)
    return [try graph.append(.reduceBackward(rule), [try node.soleGradient()], layer: node.layer, pass: .backward)[0]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(inputs[0].shape.elementCount) }
}

/// dx from dy: each gradient, or its equal part for a mean, at all positions that were summed.
package struct ReduceBackward: OperationRule {
  package let forward: Reduce
  package let input: Shape

  package init(forward: Reduce, input: Shape) {
    self.forward = forward
    self.input = input
  }

  package var name: String { "\(forward.name) backward" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [TensorType(input)] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(forward.kind == .mean ? inputs[0].shape.elementCount : 0)
  }
}
