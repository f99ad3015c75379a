import Kernels
import TestSupport
import Testing

/// Convolution kernels against the definition, every extent unlike the others.
@Suite struct ConvolutionKernelTests {
  /// A convolution from `c` to `o` channels of `samples` images.
  struct Extents: Sendable, CustomTestStringConvertible {
    let samples: Int
    let c: Int
    let o: Int
    let image: [Int]
    let window: WindowGeometry
    var tolerance = 1e-6

    /// Kernel 3×2, stride 2×1, padding 1×2 on images of 8×5, of which the window leaves the last row out.
    static func uneven(_ c: Int, _ o: Int) -> Extents {
      Extents(
        samples: 2, c: c, o: o, image: [8, 5],
        window: WindowGeometry(kernel: [3, 2], stride: [2, 1], padding: [1, 2]))
    }

    /// As many tiles and channels as Winograd's method wants, in images of which tiles reach beyond the edges.
    static let winograd = threeByThree(samples: 17)
    static func threeByThree(samples: Int) -> Extents {
      Extents(
        samples: samples, c: 32, o: 80, image: [7, 10],
        window: WindowGeometry(kernel: [3, 3], stride: [1, 1], padding: [1, 0]), tolerance: 1e-5)
    }

    static let all = [uneven(3, 16), uneven(16, 20), uneven(6, 7), winograd]

    var outputs: [Int] {
      (0..<2).map { (image[$0] + 2 * window.padding[$0] - window.kernel[$0]) / window.stride[$0] + 1 }
    }
    var x: [Int] { [samples, c] + image }
    var weights: [Int] { [o, c] + window.kernel }
    var y: [Int] { [samples, o] + outputs }
    var testDescription: String { "\(x) to \(y)" }

    func layouts() throws -> WeightedLayouts {
      WeightedLayouts(input: try .any(x), weights: try .any(weights), bias: try .plain([o]), output: try .any(y))
    }

    /// The channel of an element of y.
    func channel(_ position: Int) -> Int { position / (outputs[0] * outputs[1]) % o }

    /// Calls `body` with (position in y, position in x, position in the weights) of every product.
    func forEachProduct(_ body: (Int, Int, Int) -> Void) {
      let (outputs, area) = (outputs, image[0] * image[1])
      for output in 0..<samples * o * outputs[0] * outputs[1] {
        let (row, column) = (output / outputs[1] % outputs[0], output % outputs[1])
        let (n, o) = (output / (outputs[0] * outputs[1]) / self.o, channel(output))
        for k in 0..<window.kernel[0] {
          for l in 0..<window.kernel[1] {
            let row = row * window.stride[0] + k - window.padding[0]
            let column = column * window.stride[1] + l - window.padding[1]
            guard (0..<image[0]).contains(row), (0..<image[1]).contains(column) else { continue }
            for c in 0..<c {
              body(
                output, (n * self.c + c) * area + row * image[1] + column,
                ((o * self.c + c) * window.kernel[0] + k) * window.kernel[1] + l)
            }
          }
        }
      }
    }
  }

  @Test(arguments: Extents.all) func forwardIsTheDefinition(tensors: Extents) throws {
    let layouts = try tensors.layouts()
    let (x, weights) = (values(tensors.x, 1), values(tensors.weights, 2))
    let bias = pattern(tensors.o, salt: 3)
    var sums = (0..<tensors.y.reduce(1, *)).map { Double(bias[tensors.channel($0)]) }
    tensors.forEachProduct { sums[$0] += Double(x[$1]) * Double(weights[$2]) }
    for activation in [nil, PostActivation.relu] {
      let primitive = try Primitive.convolution(layouts, tensors.window, activation: activation)
      let y = AlignedBuffer(byteCount: primitive.layout(.destination).byteCount)
      try primitive.run([
        (.source, try reordered(x, shape: tensors.x, to: primitive.layout(.source))),
        (.weights, try reordered(weights, shape: tensors.weights, to: primitive.layout(.weights))),
        (.bias, AlignedBuffer(bias)), (.destination, y),
      ])
      let expected = activation == nil ? sums : sums.map { max($0, 0) }
      expectClose(
        try plain(y, shape: tensors.y, from: primitive.layout(.destination)), expected, relative: tensors.tolerance,
        primitive.implementation)
    }
  }

  @Test(arguments: Extents.all) func backwardIsTheDefinition(tensors: Extents) throws {
    let layouts = try tensors.layouts()
    let (x, weights, dy) = (values(tensors.x, 1), values(tensors.weights, 2), values(tensors.y, 4))
    var dx = [Double](repeating: 0, count: x.count)
    var dw = [Double](repeating: 0, count: weights.count)
    tensors.forEachProduct {
      dx[$1] += Double(dy[$0]) * Double(weights[$2])
      dw[$2] += Double(dy[$0]) * Double(x[$1])
    }
    var db = [Double](repeating: 0, count: tensors.o)
    for (index, gradient) in dy.enumerated() { db[tensors.channel(index)] += Double(gradient) }

    let back = try Primitive.convolutionBackwardInput(layouts, tensors.window)
    let input = AlignedBuffer(byteCount: back.layout(.sourceGradient).byteCount)
    try back.run([
      (.destinationGradient, try reordered(dy, shape: tensors.y, to: back.layout(.destinationGradient))),
      (.weights, try reordered(weights, shape: tensors.weights, to: back.layout(.weights))),
      (.sourceGradient, input),
    ])
    expectClose(
      try plain(input, shape: tensors.x, from: back.layout(.sourceGradient)), dx, relative: tensors.tolerance,
      back.implementation)

    let sums = try Primitive.convolutionBackwardWeights(layouts, tensors.window)
    let kernel = AlignedBuffer(byteCount: sums.layout(.weightsGradient).byteCount)
    let bias = AlignedBuffer(byteCount: 4 * tensors.o)
    try sums.run([
      (.source, try reordered(x, shape: tensors.x, to: sums.layout(.source))),
      (.destinationGradient, try reordered(dy, shape: tensors.y, to: sums.layout(.destinationGradient))),
      (.weightsGradient, kernel), (.biasGradient, bias),
    ])
    expectClose(
      try plain(kernel, shape: tensors.weights, from: sums.layout(.weightsGradient)), dw, relative: tensors.tolerance,
      sums.implementation)
    expectClose(bias.floats, db, relative: tensors.tolerance, "bias by \(sums.implementation)")
  }

  /// oneDNN has kernels of Winograd's method for processors with AVX-512 only.
  @Test func manyTilesAndChannelsTakeWinogradsMethod() throws {
    func kernels(_ extents: Extents) throws -> [String] {
      let (layouts, window) = (try extents.layouts(), extents.window)
      return [
        try Primitive.convolution(layouts, window, activation: .relu).implementation,
        try Primitive.convolutionBackwardInput(layouts, window).implementation,
        try Primitive.convolutionBackwardWeights(layouts, window).implementation,
      ]
    }
    let direct = try kernels(.threeByThree(samples: 2))
    #expect(direct.allSatisfy { !$0.contains("wino") }, "\(direct)")
    guard direct.allSatisfy({ $0.contains("avx512") }) else { return }
    let many = try kernels(.winograd)
    #expect(many.allSatisfy { $0.contains("wino") }, "\(many)")
  }

  private func values(_ shape: [Int], _ salt: Int) -> [Float] { pattern(shape.reduce(1, *), salt: salt) }
}
