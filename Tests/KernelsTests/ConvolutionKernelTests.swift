import Kernels
import TestSupport
import Testing

/// Convolution kernels against the definition, everything unequal: 2 samples, kernel 3×2, stride 2×1, padding 1×2.
@Suite struct ConvolutionKernelTests {
  private static let window = WindowGeometry(kernel: [3, 2], stride: [2, 1], padding: [1, 2])

  /// Tensors of a convolution from `c` to `o` channels of 8×5 images; the window leaves the last row out.
  private struct Tensors {
    let c: Int
    let o: Int
    var x: [Int] { [2, c, 8, 5] }
    var weights: [Int] { [o, c, 3, 2] }
    var y: [Int] { [2, o, 4, 8] }

    /// Calls `body` with (position in y, position in x, position in the weights) of every product.
    func forEachProduct(_ body: (Int, Int, Int) -> Void) {
      for n in 0..<2 {
        for o in 0..<o {
          for p in 0..<4 {
            for q in 0..<8 { forEachProduct(n, o, p, q, body) }
          }
        }
      }
    }

    private func forEachProduct(_ n: Int, _ o: Int, _ p: Int, _ q: Int, _ body: (Int, Int, Int) -> Void) {
      for c in 0..<c {
        for k in 0..<3 {
          for l in 0..<2 {
            let (row, column) = (2 * p + k - 1, q + l - 2)
            guard (0..<8).contains(row), (0..<5).contains(column) else { continue }
            let output = ((n * self.o + o) * 4 + p) * 8 + q
            body(output, ((n * self.c + c) * 8 + row) * 5 + column, ((o * self.c + c) * 3 + k) * 2 + l)
          }
        }
      }
    }
  }

  @Test(arguments: [(3, 16), (16, 20), (6, 7)]) func forwardIsTheDefinition(channels: (Int, Int)) throws {
    let tensors = Tensors(c: channels.0, o: channels.1)
    let layouts = WeightedLayouts(
      input: try .any(tensors.x), weights: try .any(tensors.weights), bias: try .plain([tensors.o]),
      output: try .any(tensors.y))
    let (x, weights) = (values(tensors.x, 1), values(tensors.weights, 2))
    let bias = pattern(tensors.o, salt: 3)
    var sums = (0..<tensors.y.reduce(1, *)).map { Double(bias[$0 / 32 % tensors.o]) }
    tensors.forEachProduct { sums[$0] += Double(x[$1]) * Double(weights[$2]) }
    for activation in [nil, PostActivation.relu] {
      let primitive = try Primitive.convolution(layouts, Self.window, activation: activation)
      let y = AlignedBuffer(byteCount: primitive.layout(.destination).byteCount)
      try primitive.run([
        (.source, try reordered(x, shape: tensors.x, to: primitive.layout(.source))),
        (.weights, try reordered(weights, shape: tensors.weights, to: primitive.layout(.weights))),
        (.bias, AlignedBuffer(bias)), (.destination, y),
      ])
      let expected = activation == nil ? sums : sums.map { max($0, 0) }
      expectClose(
        try plain(y, shape: tensors.y, from: primitive.layout(.destination)), expected, relative: 1e-6,
        primitive.implementation)
    }
  }

  @Test(arguments: [(3, 16), (16, 20), (6, 7)]) func backwardIsTheDefinition(channels: (Int, Int)) throws {
    let tensors = Tensors(c: channels.0, o: channels.1)
    let layouts = WeightedLayouts(
      input: try .any(tensors.x), weights: try .any(tensors.weights), bias: try .plain([tensors.o]),
      output: try .any(tensors.y))
    let (x, weights, dy) = (values(tensors.x, 1), values(tensors.weights, 2), values(tensors.y, 4))
    var dx = [Double](repeating: 0, count: x.count)
    var dw = [Double](repeating: 0, count: weights.count)
    tensors.forEachProduct {
      dx[$1] += Double(dy[$0]) * Double(weights[$2])
      dw[$2] += Double(dy[$0]) * Double(x[$1])
    }
    var db = [Double](repeating: 0, count: tensors.o)
    for (index, gradient) in dy.enumerated() { db[index / 32 % tensors.o] += Double(gradient) }

    let back = try Primitive.convolutionBackwardInput(layouts, Self.window)
    let input = AlignedBuffer(byteCount: back.layout(.sourceGradient).byteCount)
    try back.run([
      (.destinationGradient, try reordered(dy, shape: tensors.y, to: back.layout(.destinationGradient))),
      (.weights, try reordered(weights, shape: tensors.weights, to: back.layout(.weights))),
      (.sourceGradient, input),
    ])
    expectClose(
      try plain(input, shape: tensors.x, from: back.layout(.sourceGradient)), dx, relative: 1e-6, back.implementation)

    let sums = try Primitive.convolutionBackwardWeights(layouts, Self.window)
    let kernel = AlignedBuffer(byteCount: sums.layout(.weightsGradient).byteCount)
    let bias = AlignedBuffer(byteCount: 4 * tensors.o)
    try sums.run([
      (.source, try reordered(x, shape: tensors.x, to: sums.layout(.source))),
      (.destinationGradient, try reordered(dy, shape: tensors.y, to: sums.layout(.destinationGradient))),
      (.weightsGradient, kernel), (.biasGradient, bias),
    ])
    expectClose(
      try plain(kernel, shape: tensors.weights, from: sums.layout(.weightsGradient)), dw, relative: 1e-6,
      sums.implementation)
    expectClose(bias.floats, db, relative: 1e-6, "bias by \(sums.implementation)")
  }

  private func values(_ shape: [Int], _ salt: Int) -> [Float] { pattern(shape.reduce(1, *), salt: salt) }
}
