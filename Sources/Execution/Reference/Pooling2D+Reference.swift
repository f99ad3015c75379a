import ModelGraph

// Shapes: x [N, C, H, W], y [N, C, P, Q], K×L window.

extension MaxPool2D: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let x = inputs[0]
    let out = try window.output(of: x.shape, layer: context.layer)
    let shape: Shape = [x.shape[0], x.shape[1], out.height, out.width]
    var largest = Array(repeating: -Double.infinity, count: shape.elementCount)
    var winners = Array(repeating: -1.0, count: shape.elementCount)
    forEachElement(x: x.shape, y: shape) { output, input, position in
      // The first element of a window is taken whatever it is; a later one has to be larger.
      if winners[output] < 0 || x.elements[input] > largest[output] {
        largest[output] = x.elements[input]
        winners[output] = Double(position)
      }
    }
    return [largest, winners]
  }

  /// Calls `body` with the position in y, in x and in the window of every element that a window sees, each window
  /// row by row.
  @inline(__always)
  fileprivate func forEachElement(
    x: Shape, y: Shape, _ body: (_ output: Int, _ input: Int, _ position: Int) -> Void
  ) {
    for plane in 0..<(x[0] * x[1]) {
      for p in 0..<y[2] {
        for q in 0..<y[3] {
          for k in 0..<window.kernel.height {
            for l in 0..<window.kernel.width {
              let h = p * window.stride.height + k - window.padding.height
              let w = q * window.stride.width + l - window.padding.width
              guard h >= 0, h < x[2], w >= 0, w < x[3] else { continue }
              body((plane * y[2] + p) * y[3] + q, (plane * x[2] + h) * x[3] + w, k * window.kernel.width + l)
            }
          }
        }
      }
    }
  }
}

extension MaxPool2DBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (dy, winners) = (inputs[0], inputs[1])
    var dx = Array(repeating: 0.0, count: input.elementCount)
    forward.forEachElement(x: input, y: dy.shape) { output, input, position in
      if winners.elements[output] == Double(position) { dx[input] += dy.elements[output] }
    }
    return [dx]
  }
}
