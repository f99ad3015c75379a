import ModelGraph

// Shapes: x [N, C, I…], y [N, C, P…].

extension MaxPool: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let x = inputs[0]
    let shape = Shape(x.shape.dimensions.prefix(2) + (try window.output(of: x.shape, layer: context.layer)))
    var largest = Array(repeating: -Double.infinity, count: shape.elementCount)
    var winners = Array(repeating: -1.0, count: shape.elementCount)
    try window.forEachElement(x: x.shape, y: shape, context) { output, input, position in
      // The first element of a window is taken whatever it is; a later one has to be larger.
      if winners[output] < 0 || x.elements[input] > largest[output] {
        largest[output] = x.elements[input]
        winners[output] = Double(position)
      }
    }
    return [largest, winners]
  }
}

extension MaxPoolBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let (dy, winners) = (inputs[0], inputs[1])
    var dx = Array(repeating: 0.0, count: input.elementCount)
    try forward.window.forEachElement(x: input, y: dy.shape, context) { output, input, position in
      if winners.elements[output] == Double(position) { dx[input] += dy.elements[output] }
    }
    return [dx]
  }
}

extension AveragePool: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let x = inputs[0]
    let shape = Shape(x.shape.dimensions.prefix(2) + (try window.output(of: x.shape, layer: context.layer)))
    var y = Array(repeating: 0.0, count: shape.elementCount)
    let counts = try counts(x: x.shape, y: shape, context)
    try window.forEachElement(x: x.shape, y: shape, context) { output, input, _ in
      y[output] += x.elements[input] / counts[output % counts.count]
    }
    return [y]
  }

  /// What the sum over each window of a plane is divided by.
  fileprivate func counts(x: Shape, y: Shape, _ context: ReferenceContext) throws -> [Double] {
    let walk = try WindowWalk(window, input: x, output: y, layer: context.layer)
    guard !countsPadding else { return Array(repeating: Double(walk.positionCount), count: walk.outputCount) }
    var counts = Array(repeating: 0.0, count: walk.outputCount)
    walk.forEach { output, _, _ in counts[output] += 1 }
    return counts
  }
}

extension AveragePoolBackward: ReferenceRule {
  func run(_ inputs: [ReferenceTensor], _ context: ReferenceContext) throws -> [[Double]] {
    let dy = inputs[0]
    var dx = Array(repeating: 0.0, count: input.elementCount)
    let counts = try forward.counts(x: input, y: dy.shape, context)
    try forward.window.forEachElement(x: input, y: dy.shape, context) { output, input, _ in
      dx[input] += dy.elements[output] / counts[output % counts.count]
    }
    return [dx]
  }
}

extension Window {
  /// Calls `body` with the position in y, in x and in the window of every element that a window sees.
  @inline(__always)
  fileprivate func forEachElement(
    x: Shape, y: Shape, _ context: ReferenceContext, _ body: (_ output: Int, _ input: Int, _ position: Int) -> Void
  ) throws {
    let walk = try WindowWalk(self, input: x, output: y, layer: context.layer)
    for plane in 0..<(x[0] * x[1]) {
      walk.forEach { body(plane * walk.outputCount + $0, plane * walk.inputCount + $1, $2) }
    }
  }
}
