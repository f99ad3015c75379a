package import Units

// Shapes: x, y [..., D], D the last `dimensions` dimensions; weight, bias [D]; mean and 1 / deviation [...].

/// y = weight (x − mean) / √(variance + ε) + bias, each with the mean and variance of its own last dimensions (Ba, Kiros
/// & Hinton 2016, eq. 3 and 4): a sample's result depends on no other.
///
/// Inputs: x, weight, bias. Outputs: y, the mean and 1 / √(variance + ε). Nothing but y has a gradient.
package struct LayerNormalisation: OperationRule {
  package let epsilon: Double
  /// How many of the last dimensions are normalised together.
  package let dimensions: Int

  package init(epsilon: Double, dimensions: Int = 1) {
    self.epsilon = epsilon
    self.dimensions = dimensions
  }

  package var name: String { "layer norm" }
  package var inputCount: ClosedRange<Int> { 3...3 }

  /// The shape that is normalised together, of an input's; what the weight and the bias have.
  /// - Throws: `GraphError` if `dimensions` are not behind the samples of x, or hold a single value.
  package func normalisedShape(_ x: Shape, layer: String) throws -> Shape {
    guard x.rank >= 2, (1..<x.rank).contains(dimensions) else {
      let remedy =
        x.rank < 2 ? "give it [samples, …] with something to normalise" : "normalise from 1 to \(x.rank - 1) of them"
      throw GraphError(
        .shapeMismatch, layer: layer, key: "dimensions",
        "layer normalisation of the last \(dimensions) dimensions does not fit the input \(x), which has "
          + "\(max(x.rank - 1, 0)) behind the samples; \(remedy)")
    }
    let normalised = Shape(Array(x.dimensions.suffix(dimensions)))
    guard normalised.elementCount > 1 else {
      throw GraphError(
        .shapeMismatch, layer: layer,
        "layer normalisation has no variance over one value (it normalises \(normalised) of its input \(x)); "
          + "normalise more dimensions, or leave it out")
    }
    return normalised
  }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    let normalised = TensorType(try normalisedShape(x, layer: layer))
    try require(inputs.dropFirst(), normalised, "weights and biases", of: x, layer: layer)
    let row = TensorType(Shape(Array(x.dimensions.dropLast(dimensions))))
    return [inputs[0], row, row]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    try requireNoGradientOfStatistics(node)
    return try graph.append(
      .layerNormalisationBackward(LayerNormalisationBackward(dimensions: dimensions)),
      [node.inputs[0], try node.soleGradient(), node.inputs[1], node.outputs[1], node.outputs[2]], layer: node.layer,
      pass: .backward)
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(9 * inputs[0].shape.elementCount) }
}

/// dx, dweight and dbias from x, dy, weight, the mean and 1 / √(variance + ε).
///
/// With x̂ = (x − mean) / √(variance + ε) and g = weight dy: dbias = Σ dy and dweight = Σ dy x̂ over the rows, and
/// dx = (g − mean(g) − x̂ mean(g x̂)) / √(variance + ε), means over a row.
package struct LayerNormalisationBackward: OperationRule {
  package let dimensions: Int

  package init(dimensions: Int) { self.dimensions = dimensions }

  package var name: String { "layer norm backward" }
  package var inputCount: ClosedRange<Int> { 5...5 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    [inputs[0], inputs[2], inputs[2]]
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(21 * inputs[0].shape.elementCount) }
}

/// What is learned must have the one shape that fits the input x.
func require(
  _ learned: ArraySlice<TensorType>, _ wanted: TensorType, _ what: String, of x: Shape, layer: String
) throws {
  guard let other = learned.first(where: { $0 != wanted }) else { return }
  throw GraphError(
    .shapeMismatch, layer: layer, "\(what) of \(other) do not fit the input \(x); they must be \(wanted)")
}

func requireNoGradientOfStatistics(_ node: GradientContext) throws {
  guard node.outputGradients.dropFirst().allSatisfy({ $0 == nil }) else {
    throw GraphError(
      .notDifferentiable, layer: node.layer, "the mean and variance of a normalisation have no gradient")
  }
}
