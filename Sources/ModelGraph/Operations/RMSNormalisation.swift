package import Units

// Shapes: x, y [..., D]; weight [D]; 1 / root [...].

/// y = weight x / √(mean(x²) + ε) over the last dimension, each row by itself (Zhang & Sennrich 2019, eq. 4).
///
/// Inputs: x, weight. Outputs: y and 1 / √(mean(x²) + ε). Nothing but y has a gradient.
package struct RMSNormalisation: OperationRule {
  package let epsilon: Double

  package init(epsilon: Double) { self.epsilon = epsilon }

  package var name: String { "rms norm" }
  package var inputCount: ClosedRange<Int> { 2...2 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] {
    let x = inputs[0].shape
    guard x.rank >= 2, inputs[0].elementType == .float32 else {
      throw GraphError(
        .shapeMismatch, layer: layer, "an rms norm takes [samples, …, features], its input is \(inputs[0])")
    }
    try require(inputs.dropFirst(), TensorType([x[x.rank - 1]]), "weights", of: x, layer: layer)
    return [inputs[0], TensorType(Shape(x.dimensions.dropLast()))]
  }

  package func inputGradients(_ node: GradientContext, in graph: inout Graph) throws -> [ValueID?] {
    try requireNoGradientOfStatistics(node)
    return try graph.append(
      .rmsNormalisationBackward(RMSNormalisationBackward()),
      [node.inputs[0], try node.soleGradient(), node.inputs[1], node.outputs[1]], layer: node.layer, pass: .backward)
  }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(4 * inputs[0].shape.elementCount) }
}

/// dx and dweight from x, dy, weight and r = 1 / √(mean(x²) + ε).
///
/// With x̂ = r x and g = weight dy: dweight = Σ dy x̂ over the rows, dx = r (g − x̂ mean(g x̂)), the mean over a row.
package struct RMSNormalisationBackward: OperationRule {
  package init() {}

  package var name: String { "rms norm backward" }
  package var inputCount: ClosedRange<Int> { 4...4 }

  package func outputTypes(_ inputs: [TensorType], layer: String) throws -> [TensorType] { [inputs[0], inputs[2]] }

  package func flops(inputs: [TensorType], outputs: [TensorType]) -> FLOPs { FLOPs(9 * inputs[0].shape.elementCount) }
}
