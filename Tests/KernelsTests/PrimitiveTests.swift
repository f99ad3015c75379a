import Kernels
import TestSupport
import Testing

@Suite struct PrimitiveTests {
  @Test func aDenseKernelIsTheDefinition() throws {
    let (n, i, o) = (3, 5, 7)
    let layouts = WeightedLayouts(
      input: try .plain([n, i]), weights: try .any([o, i]), bias: try .plain([o]), output: try .plain([n, o]))
    let (x, weights, bias) = (pattern(n * i, salt: 1), pattern(o * i, salt: 2), pattern(o, salt: 3))
    let primitive = try Primitive.innerProduct(layouts, activation: .relu)
    let y = AlignedBuffer(byteCount: 4 * n * o)
    try primitive.run([
      (.source, AlignedBuffer(x)), (.bias, AlignedBuffer(bias)), (.destination, y),
      (.weights, try reordered(weights, shape: [o, i], to: primitive.layout(.weights))),
    ])
    let expected = (0..<(n * o)).map { index in
      let (sample, output) = (index / o, index % o)
      let sum = (0..<i).reduce(bias[output]) { $0 + x[sample * i + $1] * weights[output * i + $1] }
      return max(sum, 0)
    }
    #expect(expected.contains(0) && expected.contains { $0 > 0 })
    expectClose(y.floats, expected, relative: 1e-6)
  }

  /// Windows of 2×3 at stride 2×1 with a column of padding; the first of equal elements wins.
  @Test func aMaxPoolKernelKeepsTheFirstWinnersPosition() throws {
    let x: [Float] = [
      1, 1, 0,
      1, 7, 7,
      -4, -1, -3,
      -2, -1, -9,
    ]
    let window = WindowGeometry(kernel: [2, 3], stride: [2, 1], padding: [0, 1])
    let (input, output) = (try Layout.plain([1, 1, 4, 3]), try Layout.plain([1, 1, 2, 3]))
    let primitive = try Primitive.pooling(.maximum, input: input, output: output, window)
    let y = AlignedBuffer(byteCount: 4 * 6)
    let winners = AlignedBuffer(byteCount: primitive.layout(.workspace).byteCount)
    try primitive.run([(.source, AlignedBuffer(x)), (.destination, y), (.workspace, winners)])
    #expect(y.floats == [7, 7, 7, -1, -1, -1])
    #expect(winners.bytes == [5, 4, 3, 2, 1, 0])
    let dx = AlignedBuffer(byteCount: 4 * 12)
    try Primitive.poolingBackward(.maximum, input: input, output: output, window).run([
      (.destinationGradient, AlignedBuffer([1, 2, 4, 8, 16, 32])), (.workspace, winners), (.sourceGradient, dx),
    ])
    #expect(dx.floats == [0, 0, 0, 0, 7, 0, 0, 56, 0, 0, 0, 0])
  }

  private static let functions: [(function: PostActivation, slope: @Sendable (Float) -> Float)] = [
    (.relu, { y in y > 0 ? 1 : 0 }), (.tanh, { y in 1 - y * y }), (.sigmoid, { y in y * (1 - y) }),
    (.leakyReLU(slope: 0.25), { y in y > 0 ? 1 : 0.25 }), (.elu(alpha: 2), { y in y > 0 ? 1 : y + 2 }),
  ]

  @Test(arguments: functions.indices) func activationsAreDifferentiatedFromTheirOutput(index: Int) throws {
    let (function, slope) = Self.functions[index]
    let layout = try Layout.plain([2, 3])
    let (x, dy) = (AlignedBuffer([-2, -0.5, 0, 0.25, 1, 3]), AlignedBuffer([1, 2, 3, 4, 5, 6]))
    let (y, dx) = (AlignedBuffer(byteCount: 24), AlignedBuffer(byteCount: 24))
    try Primitive.activation(function, layout).run([(.source, x), (.destination, y)])
    #expect(function.derivativeArgument == .destination)
    try Primitive.activationBackward(function, layout).run([
      (.destination, y), (.destinationGradient, dy), (.sourceGradient, dx),
    ])
    expectClose(dx.floats, zip(y.floats, dy.floats).map { slope($0) * $1 }, relative: 1e-6, "\(function)")
    #expect(function != .relu || y.floats == [0, 0, 0, 0.25, 1, 3])
  }

  @Test func addAndSoftmaxAreTheirDefinitions() throws {
    let layout = try Layout.plain([2, 3])
    let (a, b) = (AlignedBuffer([1, 2, 3, 4, 5, 6]), AlignedBuffer([0.5, -2, 8, 1, 1, -6]))
    try Primitive.add(layout).run([(.source, a), (.source2, b), (.destination, a)])
    #expect(a.floats == [1.5, 0, 11, 5, 6, 0])
    let y = AlignedBuffer(byteCount: 24)
    // Logarithms of 1, 2, 5 and of 2, 1, 1: the rows are shares of 8 and of 4.
    let x: [Float] = [0, 0.693_147_2, 1.609_437_9, 0.693_147_2, 0, 0]
    try Primitive.softmax(layout, isLogarithm: false).run([(.source, AlignedBuffer(x)), (.destination, y)])
    expectClose(y.floats, [0.125, 0.25, 0.625, 0.5, 0.25, 0.25], relative: 1e-6)
  }

  @Test func whatHasNoImplementationIsSaid() throws {
    let error = #expect(throws: KernelError.self) { try Primitive.activationBackward(.tanh, .plain([2, 3], .uint8)) }
    #expect(error?.code == .unimplemented)
    #expect(error?.description == "oneDNN has no implementation for activation backward on this processor")
  }

  @Test func argumentsThatDoNotFitAreSaid() throws {
    let layouts = WeightedLayouts(
      input: try .plain([2, 3]), weights: try .plain([4, 5]), bias: nil, output: try .plain([2, 4]))
    let error = #expect(throws: KernelError.self) { try Primitive.innerProduct(layouts, activation: nil) }
    #expect(error?.code == .invalidArguments)
    #expect(error?.description == "oneDNN refused the arguments of inner product")
  }

  @Test func aKernelKnowsItsImplementationAndScratchpad() throws {
    let primitive = try Primitive.add(.plain([2, 3]))
    #expect(!primitive.implementation.isEmpty && primitive.implementation != "unknown")
    #expect(primitive.isReference == primitive.implementation.hasPrefix("ref"))
    #expect(primitive.scratchpadByteCount == 0)
  }
}
