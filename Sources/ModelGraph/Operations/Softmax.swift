package import Units

/// y = eˣ / Σ eˣ along one dimension, or its logarithm x − log Σ eˣ.
package struct Softmax: OperationRule {
  /// Counted from the back if negative: −1 is the last one.
  package let dimension: Int
  package let isLogarithm: Bool

  package init(dimension: Int = -1, isLogarithm: Bool = false) {
    self.dimension = dimension
    self.isLogarithm = isLogarithm
  }

  package var name: String { isLogarithm ? "log-softmax" : "softmax" }
  package var inputCount: ClosedRange<Int> { 1...1 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    guard inputs[0].shape.rank >= 1 else {
      throw GraphError(.shapeMismatch, layer: layer, "\(name) needs at least one dimension, its input is a scalar")
    }
    _ = try inputs[0].shape.index(of: dimension, layer: layer)
    return [inputs[0]]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    let back = Operation.softmaxBackward(SoftmaxBackward(dimension: dimension, isLogarithm: isLogarithm))
    return [
      try graph.append(back, [node.outputs[0], try node.soleGradient()], layer: node.layer, pass: .backward)[0]
    ]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(5 * outputs[0].shape.elementCount)
  }
}

/// dx = y (dy − Σ y dy), or dy − eʸ Σ dy for the logarithm, the sums along the dimension, from y and dy.
package struct SoftmaxBackward: OperationRule {
  package let dimension: Int
  package let isLogarithm: Bool

  package init(dimension: Int = -1, isLogarithm: Bool = false) {
    self.dimension = dimension
    self.isLogarithm = isLogarithm
  }

  package var name: String { "\(isLogarithm ? "log-softmax" : "softmax") backward" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[1]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs {
    FLOPs(8 * outputs[0].shape.elementCount)
  }
}

extension Shape {
  /// The position of a dimension that may be counted from the back, as −1 for the last one.
  /// - Throws: `GraphError` naming `layer` if there is no such dimension.
  package func index(of dimension: Int, layer: String, key: String = "dimension") throws -> Int {
    guard dimension >= -rank, dimension < rank else {
      throw GraphError(
        .invalidArgument, layer: layer, key: key,
        "dimension \(dimension) is none of an input of \(self); use \(-rank) to \(rank - 1)")
    }
    return dimension < 0 ? dimension + rank : dimension
  }
}

/// A row-major tensor cut at a range of dimensions: its elements are [outer, count, inner].
package struct DimensionCut: Hashable, Sendable {
  package let outer: Int
  package let count: Int
  package let inner: Int

  package init(_ shape: Shape, at range: Range<Int>) {
    func product(_ part: Range<Int>) -> Int { shape.dimensions[part].reduce(1, *) }
    outer = product(0..<range.lowerBound)
    count = product(range)
    inner = product(range.upperBound..<shape.rank)
  }
}
