import Execution
import Foundation
import ModelGraph
import TestSupport
import Testing

/// Forward values against hand-computed ones, or against the definition written a second time. Backward operations are
/// proved by the gradient checks.
@Suite struct ReferenceOperationTests {
  private func run(
    _ operation: ModelGraph.Operation, _ inputs: [(TensorType, [Double])],
    dropout: DropoutState = .init(seed: 1, step: 2, firstSample: 3)
  ) throws -> [[Double]] {
    var graph = Graph()
    var given: [ValueID: [Double]] = [:]
    let ids = inputs.enumerated().map { index, input in
      let id = graph.input("input \(index)", input.0)
      given[id] = input.1
      return id
    }
    let outputs = try graph.append(operation, ids, layer: "layer")
    let values = try ReferenceExecutor(graph).run(given, dropout: dropout)
    return outputs.map { values[$0] }
  }

  @Test func denseMultipliesByTheTransposedWeightsAndAddsTheBias() throws {
    let x = (TensorType([2, 3]), [1.0, 2, 3, -1, 0, 4])
    let weight = (TensorType([2, 3]), [1.0, 0, 2, -3, 5, 0.5])
    let bias = (TensorType([2]), [10.0, 20])
    #expect(try run(.dense(Dense()), [x, weight, bias]) == [[17, 28.5, 17, 25]])
    #expect(try run(.dense(Dense(hasBias: false)), [x, weight]) == [[7, 8.5, 7, 5]])
  }

  /// Scatters each input element to the outputs that see it, where the reference gathers.
  @Test func convolutionIsTheSumOverItsKernel() throws {
    let (n, c, h, w, o, k, l) = (2, 3, 7, 6, 4, 3, 2)
    let (strideH, strideW, padH, padW) = (2, 1, 1, 2)
    let (p, q) = (4, 9)
    let x = Example.pattern(n * c * h * w, salt: 1)
    let weight = Example.pattern(o * c * k * l, salt: 2)
    let bias = Example.pattern(o, salt: 3)
    var expected = (0..<(n * o * p * q)).map { bias[$0 / (p * q) % o] }
    for index in x.indices {
      let (column, row, channel, sample) = (index % w, index / w % h, index / (w * h) % c, index / (w * h * c))
      for kernel in weight.indices {
        let (kl, kk, kc, ko) = (kernel % l, kernel / l % k, kernel / (l * k) % c, kernel / (l * k * c))
        let (top, left) = (row + padH - kk, column + padW - kl)
        guard kc == channel, top % strideH == 0, left % strideW == 0 else { continue }
        guard (0..<p).contains(top / strideH), (0..<q).contains(left / strideW), top >= 0, left >= 0 else { continue }
        expected[sample * o * p * q + ko * p * q + top / strideH * q + left / strideW] += x[index] * weight[kernel]
      }
    }
    let rule = Convolution(stride: Extent(strideH, strideW), padding: Extent(padH, padW))
    let y = try run(
      .convolution(rule),
      [(TensorType([n, c, h, w]), x), (TensorType([o, c, k, l]), weight), (TensorType([o]), bias)])
    expectClose(y[0], expected, relative: 1e-14)
  }

  @Test func maxPoolTakesTheFirstOfEqualsAndNeverThePadding() throws {
    // Windows of 2×2 at rows −1, 1 and columns −1, 1: padding on top and on the left.
    let x = (
      TensorType([1, 1, 3, 3]),
      [
        -5.0, -1, -1,
        -4, 2, 2,
        -4, 0, 2,
      ]
    )
    let window = Window(kernel: Extent(2), stride: Extent(2), padding: Extent(1))
    let outputs = try run(.maxPool(MaxPool(window: window)), [x])
    #expect(outputs == [[-5, -1, -4, 2], [3, 2, 1, 0]])
  }

  @Test func maxPoolPositionsAreRowMajorInANarrowWindow() throws {
    let x = (TensorType([1, 2, 3, 2]), [0.0, 1, 2, 3, 9, 4, 7, 1, 1, 8, 0, 0])
    let window = Window(kernel: Extent(3, 2), stride: Extent(1))
    #expect(try run(.maxPool(MaxPool(window: window)), [x]) == [[9, 8], [4, 3]])
  }

  @Test func reshapeKeepsRowMajorOrderAndAddAdds() throws {
    let x = (TensorType([2, 3]), [1.0, 2, 3, 4, 5, 6])
    #expect(try run(.reshape(Reshape(to: [3, 2])), [x]) == [x.1])
    #expect(try run(.add(Add()), [x, (x.0, [10, 0, 0, -4, 0.5, 7])]) == [[11, 2, 3, 0, 5.5, 13]])
  }

  @Test func shapeOperationsMoveElements() throws {
    let (x, y) = ((TensorType([2, 2]), [1.0, 2, 3, 4]), (TensorType([2, 1]), [5.0, 6]))
    #expect(try run(.concatenate(Concatenate(dimension: 1)), [x, y]) == [[1, 2, 5, 3, 4, 6]])
    #expect(try run(.concatenate(Concatenate(dimension: 0)), [x, x]) == [[1, 2, 3, 4, 1, 2, 3, 4]])
    let z = (TensorType([2, 3]), [1.0, 2, 3, 4, 5, 6])
    #expect(try run(.slice(Slice(dimension: 1, start: 1, count: 2)), [z]) == [[2, 3, 5, 6]])
    #expect(try run(.split(Split(dimension: 1, sizes: [1, 2])), [z]) == [[1, 4], [2, 3, 5, 6]])
    #expect(try run(.transpose(Transpose(order: [1, 0])), [z]) == [[1, 4, 2, 5, 3, 6]])
    let cube = (TensorType([1, 2, 3]), z.1)
    #expect(try run(.transpose(Transpose(order: [2, 0, 1])), [cube]) == [[1, 4, 2, 5, 3, 6]])
    #expect(try run(.multiply(Multiply()), [z, (TensorType([2, 1]), [10.0, -1])]) == [[10, 20, 30, -4, -5, -6]])
    #expect(try run(.multiply(Multiply()), [z, (TensorType([1, 3]), [1.0, 0, 2])]) == [[1, 0, 6, 4, 0, 12]])
    #expect(try run(.subtract(Subtract()), [z, z]) == [[0, 0, 0, 0, 0, 0]])
    #expect(try run(.add(Add()), [z, z, z]) == [[3, 6, 9, 12, 15, 18]])
    #expect(try run(.reduce(Reduce(.sum, first: 0, last: 0)), [z]) == [[5, 7, 9]])
    #expect(try run(.reduce(Reduce(.mean, first: -1, last: -1)), [z]) == [[2, 5]])
  }

  @Test func dropoutAppliesTheMaskSampleBySample() throws {
    let state = DropoutState(seed: 6, step: 7, firstSample: 8)
    let rule = Dropout(rate: 0.4, key: 2)
    let x = Example.pattern(3 * 2 * 7, salt: 5)
    var expected = Array(repeating: Float.nan, count: x.count)
    unsafe x.map(Float.init).withUnsafeBufferPointer { x in
      unsafe expected.withUnsafeMutableBufferPointer { y in
        unsafe DropoutMask(rule, state).apply(x, to: y, elementsPerSample: 14)
      }
    }
    let y = try run(.dropout(rule), [(TensorType([3, 2, 7]), x)], dropout: state)
    expectClose(y[0], expected, relative: 1e-7)
    #expect(y[0].contains(0) && y[0].contains { $0 != 0 })
  }

  @Test func activationsAreTheirFunctions() throws {
    let x = (TensorType([5]), [-2.0, -0.5, 0, 0.25, 3])
    #expect(try run(.activation(Activation(.relu)), [x]) == [[0, 0, 0, 0.25, 3]])
    expectClose(
      try run(.activation(Activation(.tanh)), [x])[0],
      [-0.964_027_580_075_816_9, -0.462_117_157_260_009_76, 0, 0.244_918_662_403_709_13, 0.995_054_753_686_730_5],
      relative: 1e-15)
    expectClose(
      try run(.activation(Activation(.sigmoid)), [x])[0],
      [0.119_202_922_022_117_55, 0.377_540_668_798_145_4, 0.5, 0.562_176_500_885_798_1, 0.952_574_126_822_433_3],
      relative: 1e-15)
  }

  /// Values of PyTorch 2.15 in float64.
  @Test func theOtherFunctionsAreTheirs() throws {
    let x = (TensorType([5]), [-2.0, -0.5, 0, 0.25, 3])
    func y(_ function: ActivationFunction) throws -> [Double] { try run(.activation(Activation(function)), [x])[0] }
    #expect(try y(.leakyReLU(slope: 0.25)) == [-0.5, -0.125, 0, 0.25, 3])
    #expect(try y(.binaryStep) == [0, 0, 1, 1, 1])
    let elu = [-1.729_329_433_526_774_6, -0.786_938_680_574_733_2, 0, 0.25, 3]
    expectClose(try y(.elu(alpha: 2)), elu, relative: 1e-15)
    let swish = [
      -0.238_405_844_044_235_1, -0.188_770_334_399_072_7, 0, 0.140_544_125_221_449_52, 2.857_722_380_467_299_8,
    ]
    expectClose(try y(.swish), swish, relative: 1e-15)
    let gelu = [
      -0.045_500_263_896_358_42, -0.154_268_769_362_993_44, 0, 0.149_676_581_420_730_93, 2.995_950_305_905_11,
    ]
    expectClose(try y(.gelu(.erf)), gelu, relative: 1e-14)
    let byTanh = [
      -0.045_402_305_912_224_94, -0.154_285_990_174_856_06, 0, 0.149_675_350_701_685, 2.996_362_607_918_227,
    ]
    expectClose(try y(.gelu(.tanh)), byTanh, relative: 1e-14)
  }

  @Test func preluAndMaxoutAreTheirDefinitions() throws {
    let x = (TensorType([1, 2, 2]), [-1.0, 2, -3, -4])
    #expect(try run(.prelu(PReLU()), [x, (TensorType([2]), [0.5, 2])]) == [[-0.5, 2, -6, -8]])
    #expect(try run(.prelu(PReLU()), [x, (TensorType([1]), [0.5])]) == [[-0.5, 2, -1.5, -2]])
    let pieces = (TensorType([2, 6]), [1.0, 5, 2, 5, 0, 6, -1, -2, -3, -4, -1, -2])
    #expect(try run(.maxout(Maxout(pieces: 3)), [pieces]) == [[2, 6, -1, -2], [1, 2, 0, 0]])
  }

  @Test func softmaxIsAlongTheLastDimensionAndDoesNotOverflow() throws {
    let logarithm = log(2.0)
    let x = (TensorType([2, 1, 3]), [0.0, logarithm, log(5.0), 1000, 1000, 1000 + logarithm])
    expectClose(
      try run(.softmax(Softmax()), [x])[0], [0.125, 0.25, 0.625, 0.25, 0.25, 0.5], relative: 1e-12)
    let columns = (TensorType([2, 3]), [0.0, 7, -1, log(3.0), 7, -1 + log(4.0)])
    expectClose(
      try run(.softmax(Softmax(dimension: 0)), [columns])[0], [0.25, 0.5, 0.2, 0.75, 0.5, 0.8], relative: 1e-12)
    expectClose(
      try run(.softmax(Softmax(dimension: -2, isLogarithm: true)), [columns])[0],
      [0.25, 0.5, 0.2, 0.75, 0.5, 0.8].map { log($0) }, relative: 1e-12)
  }

  @Test func crossEntropySumsTheLabelledSamplesOverTheDivisor() throws {
    let high = 2000 + log(4.0)
    let x = (TensorType([3, 2]), [0.0, log(3.0), 5, 1, high, 2000])
    let labels = (TensorType([3], .int32), [0.0, -1, 1])
    let outputs = try run(.softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 7)), [x, labels])
    let loss = (log(4.0) + log(5.0)) / 7
    expectClose(outputs[0], [loss], relative: 1e-12)
    let second = 1 / (1 + exp(-4.0))
    expectClose(outputs[1], [0.25, 0.75, second, 1 - second, 0.8, 0.2], relative: 1e-12)
  }

  @Test func meanSquaredErrorIsTheSumOverTheDivisor() throws {
    let outputs = try run(
      .elementLoss(ElementLoss(.squaredError, divisor: 4)),
      [(TensorType([1, 3]), [1, 2, 3]), (TensorType([1, 3]), [0, 4, 0.5])])
    #expect(outputs == [[2.8125]])  // (1 + 4 + 6.25) / 4
  }

  @Test func elementLossesAreTheirDefinitions() throws {
    let (x, t) = ((TensorType([1, 3]), [1.0, 2, -3]), (TensorType([1, 3]), [0.0, 4, -2.5]))
    func loss(_ function: ElementLossFunction, _ t: (TensorType, [Double])) throws -> Double {
      try run(.elementLoss(ElementLoss(function, divisor: 4)), [x, t])[0][0]
    }
    #expect(try loss(.absoluteError, t) == 0.875)  // (1 + 2 + 0.5) / 4
    #expect(try loss(.huber(delta: 1), t) == 0.53125)  // (0.5 + 1.5 + 0.125) / 4
    let answers = (TensorType([1, 3]), [1.0, 0, 1])
    let terms = [log(1 + exp(-1.0)), log(1 + exp(2.0)), log(1 + exp(3.0))]
    expectClose([try loss(.binaryCrossEntropy(weights: []), answers)], [terms.reduce(0, +) / 4], relative: 1e-14)
    let weighted = (terms[0] * 2 + terms[1] * 0.5 + terms[2]) / 4
    expectClose([try loss(.binaryCrossEntropy(weights: [2, 0.5, 1]), answers)], [weighted], relative: 1e-14)
    let masked = (TensorType([1, 3]), [1.0, -1, 1])
    let rest = (terms[0] * 2 + terms[2]) / 4
    expectClose([try loss(.binaryCrossEntropy(weights: [2, 0.5, 1]), masked)], [rest], relative: 1e-14)
  }

  /// Two weights of one output are of the answers no and yes; a target below 0 is left out, of the slope too.
  @Test func oneOutputWeighsItsAnswers() throws {
    let inputs = [(TensorType([3, 1]), [1.0, 2, -3]), (TensorType([3, 1]), [1.0, 0, -1])]
    let function = ElementLossFunction.binaryCrossEntropy(weights: [0.5, 3])
    let loss = try run(.elementLoss(ElementLoss(function, divisor: 4)), inputs)[0]
    expectClose(loss, [(3 * log(1 + exp(-1.0)) + 0.5 * log(1 + exp(2.0))) / 4], relative: 1e-14)
    let slopes = try run(.elementLossBackward(ElementLossBackward(function, divisor: 4)), inputs)[0]
    expectClose(slopes, [-3 / (1 + exp(1.0)) / 4, 0.5 / (1 + exp(-2.0)) / 4, 0], relative: 1e-14)
  }

  @Test(arguments: [3, 1.5, -.infinity, .nan]) func aLabelThatIsNoClassIsRefused(label: Double) throws {
    let error = #expect(throws: ReferenceError.self) {
      try run(
        .softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 1)),
        [(TensorType([1, 3]), [1, 2, 3]), (TensorType([1], .int32), [label])])
    }
    #expect(error?.code == .badLabel)
  }

  @Test func whatIsNotWhatTheGraphTakesIsRefused() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([2, 3]))
    let y = try graph.apply(.add(Add()), x, x)
    let executor = ReferenceExecutor(graph)
    func code(_ given: [ValueID: [Double]]) -> ReferenceError.Code? {
      do {
        _ = try executor.run(given, dropout: DropoutState(seed: 0, step: 0, firstSample: 0))
        return nil
      } catch { return (error as? ReferenceError)?.code }
    }
    let six = Example.pattern(6, salt: 0)
    #expect(code([x: six]) == nil)
    #expect(code([:]) == .missingValue)
    #expect(code([x: Array(six.dropLast())]) == .sizeMismatch)
    #expect(code([x: six, y: six]) == .notAnInput)
  }
}
