import ModelGraph

// Shapes: x [N, C, I…], W [O, C/G, K…], b [O], y [N, O, P…].

extension Convolution: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, weights) = (inputs[0], inputs[1])
    let spatial = try window(weights: weights.shape).output(of: x.shape, layer: context.layer)
    let shape = Shape([x.shape[0], weights.shape[0]] + spatial)
    let plane = spatial.reduce(1, *)
    var y = Array(repeating: 0.0, count: shape.elementCount)
    if hasBias {
      for index in y.indices { y[index] = inputs[2].elements[index / plane % weights.shape[0]] }
    }
    try forEachProduct(x: x.shape, weights: weights.shape, y: shape, context) { output, input, weight in
      y[output] += x.elements[input] * weights.elements[weight]
    }
    return [y]
  }

  /// Calls `body` with the positions in y, x and W of every product of the definition; those on padding are left out.
  @inline(__always)
  fileprivate func forEachProduct(
    x: Shape, weights: Shape, y: Shape, _ context: ReferenceContext,
    _ body: (_ output: Int, _ input: Int, _ weight: Int) -> Void
  ) throws {
    let walk = try WindowWalk(window(weights: weights), input: x, output: y, layer: context.layer)
    let outputsPerGroup = weights[0] / groups
    for n in 0..<y[0] {
      for o in 0..<y[1] {
        for c in 0..<weights[1] {
          let from = (n * x[1] + o / outputsPerGroup * weights[1] + c) * walk.inputCount
          let to = (n * y[1] + o) * walk.outputCount
          let kernel = (o * weights[1] + c) * walk.positionCount
          walk.forEach { body(to + $0, from + $1, kernel + $2) }
        }
      }
    }
  }
}

extension ConvolutionBackwardInput: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (dy, weights) = (inputs[0], inputs[1])
    var dx = Array(repeating: 0.0, count: input.elementCount)
    try forward.forEachProduct(x: input, weights: weights.shape, y: dy.shape, context) { output, input, weight in
      dx[input] += dy.elements[output] * weights.elements[weight]
    }
    return [dx]
  }
}

extension ConvolutionBackwardWeights: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, dy) = (inputs[0], inputs[1])
    var gradient = Array(repeating: 0.0, count: weights.elementCount)
    try forward.forEachProduct(x: x.shape, weights: weights, y: dy.shape, context) { output, input, weight in
      gradient[weight] += dy.elements[output] * x.elements[input]
    }
    guard forward.hasBias else { return [gradient] }
    var bias = Array(repeating: 0.0, count: weights[0])
    let plane = dy.shape.dimensions.dropFirst(2).reduce(1, *)
    for (index, element) in dy.elements.enumerated() { bias[index / plane % weights[0]] += element }
    return [gradient, bias]
  }
}
