import ModelGraph

// Shapes: x [N, C, I…], y [N, C, P…]: up to three spatial dimensions, written as three.

extension AdaptiveAveragePool: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let x = inputs[0]
    let shape = try outputTypes([TensorType(x.shape)], layer: context.layer)[0].shape
    var y = Array(repeating: 0.0, count: shape.elementCount)
    forEachShare(x: x.shape, y: shape) { output, input, share in y[output] += x.elements[input] * share }
    return [y]
  }
}

extension AdaptiveAveragePoolBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let dy = inputs[0]
    var dx = Array(repeating: 0.0, count: input.elementCount)
    forEachShare(x: input, y: dy.shape) { output, input, share in dx[input] += dy.elements[output] * share }
    return [dx]
  }
}

/// Calls `body` with the position in y, in x and the share of the mean of every element of every window.
private func forEachShare(x: Shape, y: Shape, _ body: (_ output: Int, _ input: Int, _ share: Double) -> Void) {
  func three(_ shape: Shape) -> [Int] {
    let spatial = Array(shape.dimensions.dropFirst(2))
    return Array(repeating: 1, count: 3 - spatial.count) + spatial
  }
  let (from, to) = (three(x), three(y))
  for plane in 0..<(x[0] * x[1]) {
    for p in 0..<to.reduce(1, *) {
      let at = [p / (to[1] * to[2]), p / to[2] % to[1], p % to[2]]
      let windows = (0..<3).map { AdaptiveAveragePool.window(at[$0], of: to[$0], extent: from[$0]) }
      let share = 1 / Double(windows.reduce(1) { $0 * $1.count })
      for d in windows[0] {
        for h in windows[1] {
          for w in windows[2] {
            let input = ((plane * from[0] + d) * from[1] + h) * from[2] + w
            body(plane * to.reduce(1, *) + p, input, share)
          }
        }
      }
    }
  }
}
