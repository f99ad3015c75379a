import ModelGraph

// Shapes: x [N, C, H, W], W [O, C, K, L], b [O], y [N, O, P, Q].

extension Convolution2D: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, weights) = (inputs[0], inputs[1])
    let window = Window2D(
      kernel: Extent2D(weights.shape[2], weights.shape[3]), stride: stride, padding: padding)
    let out = try window.output(of: x.shape, layer: context.layer)
    let shape: Shape = [x.shape[0], weights.shape[0], out.height, out.width]
    let plane = out.height * out.width
    var y = Array(repeating: 0.0, count: shape.elementCount)
    if hasBias {
      for index in y.indices { y[index] = inputs[2].elements[index / plane % weights.shape[0]] }
    }
    forEachProduct(x: x.shape, weights: weights.shape, y: shape) { output, input, weight in
      y[output] += x.elements[input] * weights.elements[weight]
    }
    return [y]
  }

  /// Calls `body` with the positions in y, x and W of every product of the definition; those on padding are left out.
  @inline(__always)
  fileprivate func forEachProduct(
    x: Shape, weights: Shape, y: Shape, _ body: (_ output: Int, _ input: Int, _ weight: Int) -> Void
  ) {
    for n in 0..<y[0] {
      for o in 0..<y[1] {
        for p in 0..<y[2] {
          for q in 0..<y[3] {
            for c in 0..<x[1] {
              for k in 0..<weights[2] {
                let h = p * stride.height + k - padding.height
                guard h >= 0, h < x[2] else { continue }
                for l in 0..<weights[3] {
                  let w = q * stride.width + l - padding.width
                  guard w >= 0, w < x[3] else { continue }
                  body(
                    ((n * y[1] + o) * y[2] + p) * y[3] + q, ((n * x[1] + c) * x[2] + h) * x[3] + w,
                    ((o * weights[1] + c) * weights[2] + k) * weights[3] + l)
                }
              }
            }
          }
        }
      }
    }
  }
}

extension Convolution2DBackwardInput: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (dy, weights) = (inputs[0], inputs[1])
    var dx = Array(repeating: 0.0, count: input.elementCount)
    forward.forEachProduct(x: input, weights: weights.shape, y: dy.shape) { output, input, weight in
      dx[input] += dy.elements[output] * weights.elements[weight]
    }
    return [dx]
  }
}

extension Convolution2DBackwardWeights: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (x, dy) = (inputs[0], inputs[1])
    var gradient = Array(repeating: 0.0, count: weights.elementCount)
    forward.forEachProduct(x: x.shape, weights: weights, y: dy.shape) { output, input, weight in
      gradient[weight] += dy.elements[output] * x.elements[input]
    }
    guard forward.hasBias else { return [gradient] }
    var bias = Array(repeating: 0.0, count: weights[0])
    let plane = dy.shape[2] * dy.shape[3]
    for (index, element) in dy.elements.enumerated() { bias[index / plane % weights[0]] += element }
    return [gradient, bias]
  }
}
