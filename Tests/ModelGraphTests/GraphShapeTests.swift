import ModelGraph
import Testing

/// The shape rule of every operation, and every refusal with its text.
@Suite struct GraphShapeTests {
  private func types(_ operation: Operation, _ shapes: [Shape]) throws -> [TensorType] {
    try operation.rule.outputTypes(shapes.map { TensorType($0) }, layer: "L")
  }

  private static let pool = MaxPool(
    window: Window(kernel: Extent(3, 2), stride: Extent(2, 1), padding: Extent(1, 0)))
  private static let strided = Convolution(stride: Extent(2, 3), padding: Extent(1, 0))

  private static let rules: [(operation: Operation, inputs: [Shape], outputs: [Shape])] = [
    (.dense(Dense()), [[3, 5], [7, 5], [7]], [[3, 7]]),
    (.denseBackwardInput(DenseBackwardInput()), [[3, 7], [7, 5]], [[3, 5]]),
    (.denseBackwardWeights(DenseBackwardWeights(hasBias: true)), [[3, 5], [3, 7]], [[7, 5], [7]]),
    (.denseBackwardWeights(DenseBackwardWeights(hasBias: false)), [[3, 5], [3, 7]], [[7, 5]]),
    (.dense(Dense()), [[3, 4, 5], [7, 5], [7]], [[3, 4, 7]]),
    (.denseBackwardInput(DenseBackwardInput()), [[3, 4, 7], [7, 5]], [[3, 4, 5]]),
    (.denseBackwardWeights(DenseBackwardWeights(hasBias: true)), [[3, 4, 5], [3, 4, 7]], [[7, 5], [7]]),
    (.recurrent(Recurrent(.rnn)), [[3, 4, 5], [7, 5], [7, 7], [7], [7]], [[3, 4, 7], [3, 7]]),
    (
      .recurrent(Recurrent(.gru)), [[3, 4, 5], [21, 5], [21, 7], [21], [21]],
      [[3, 4, 7], [3, 7], [3, 4, 21], [3, 4, 7]]
    ),
    (
      .recurrent(Recurrent(.lstm, hasInitialState: true)),
      [[3, 4, 5], [28, 5], [28, 7], [28], [28], [3, 7], [3, 7]],
      [[3, 4, 7], [3, 7], [3, 7], [3, 4, 28], [3, 4, 7]]
    ),
    (.repeated(Repeat(count: 6)), [[3, 5]], [[3, 6, 5]]),
    (.repeatedBackward(RepeatBackward()), [[3, 6, 5]], [[3, 5]]),
    (.embeddingBackward(EmbeddingBackward(vocabulary: 9)), [[3, 4], [3, 4, 5]], [[9, 5]]),
    // (8 + 2 − 3) / 2 + 1 = 4 rows, (11 − 2) / 3 + 1 = 4 columns; both leave no remainder but the rows.
    (.convolution(strided), [[2, 3, 8, 11], [5, 3, 3, 2], [5]], [[2, 5, 4, 4]]),
    (.convolution(strided), [[2, 3, 9, 10], [5, 3, 3, 2], [5]], [[2, 5, 5, 3]]),
    (
      .convolutionBackwardInput(ConvolutionBackwardInput(forward: strided, input: [2, 3, 8, 11])),
      [[2, 5, 4, 4], [5, 3, 3, 2]], [[2, 3, 8, 11]]
    ),
    (
      .convolutionBackwardWeights(ConvolutionBackwardWeights(forward: strided, weights: [5, 3, 3, 2])),
      [[2, 3, 8, 11], [2, 5, 4, 4]], [[5, 3, 3, 2], [5]]
    ),
    (
      .maxPoolBackward(MaxPoolBackward(forward: pool, input: [2, 3, 8, 7])), [[2, 3, 4, 6], [2, 3, 4, 6]],
      [[2, 3, 8, 7]]
    ),
    (.reshape(Reshape(to: [4, 15])), [[2, 5, 6]], [[4, 15]]), (.add(Add()), [[2, 5], [2, 5]], [[2, 5]]),
    (.dropout(Dropout(rate: 0, key: 1)), [[2, 5, 3]], [[2, 5, 3]]),
    (.activation(Activation(.tanh)), [[2, 5, 3]], [[2, 5, 3]]),
    (.activationBackward(ActivationBackward(.tanh)), [[2, 5, 3], [2, 5, 3]], [[2, 5, 3]]),
    (.prelu(PReLU()), [[2, 5, 3], [5]], [[2, 5, 3]]), (.prelu(PReLU()), [[7], [1]], [[7]]),
    (.preluBackward(PReLUBackward()), [[2, 5, 3], [5], [2, 5, 3]], [[2, 5, 3], [5]]),
    (.maxoutBackward(MaxoutBackward(pieces: 3)), [[5, 2], [5, 2]], [[5, 6]]), (.zeros(Zeros(shape: [4])), [], [[4]]),
    (.concatenate(Concatenate(dimension: 1)), [[2, 3, 4], [2, 5, 4], [2, 1, 4]], [[2, 9, 4]]),
    (.concatenate(Concatenate(dimension: -1)), [[2, 3], [2, 5]], [[2, 8]]),
    (.slice(Slice(dimension: -2, start: 1, count: 2)), [[2, 3, 4]], [[2, 2, 4]]),
    (
      .sliceBackward(SliceBackward(forward: Slice(dimension: 1, start: 0, count: 1), input: [2, 3])), [[2, 1]],
      [[2, 3]]
    ),
    (.split(Split(dimension: 1, sizes: [1, 4])), [[2, 5, 3]], [[2, 1, 3], [2, 4, 3]]),
    (.transpose(Transpose(order: [2, 0, 1])), [[2, 3, 4]], [[4, 2, 3]]),
    (.subtract(Subtract()), [[2, 3], [2, 3]], [[2, 3]]), (.scale(Scale(by: 2)), [[2, 3]], [[2, 3]]),
    (.multiply(Multiply()), [[2, 1, 4], [1, 3, 4]], [[2, 3, 4]]),
    (.reduce(Reduce(.sum, first: 1, last: 2)), [[2, 3, 4, 5]], [[2, 5]]),
    (.reduce(Reduce(.mean, first: -1, last: -1, keepsDimensions: true)), [[2, 3, 4]], [[2, 3, 1]]),
    (.softmax(Softmax(dimension: -3)), [[4, 2, 3]], [[4, 2, 3]]),
    (.softmax(Softmax()), [[4]], [[4]]), (.softmaxBackward(SoftmaxBackward()), [[2, 4], [2, 4]], [[2, 4]]),
    (.elementLoss(ElementLoss(.squaredError, divisor: 3)), [[2, 5], [2, 5]], [[]]),
    (.elementLossBackward(ElementLossBackward(.squaredError, divisor: 3)), [[2, 5], [2, 5]], [[2, 5]]),
  ]

  @Test(arguments: rules.indices) func outputsHaveTheShapeOfTheRule(index: Int) throws {
    let rule = Self.rules[index]
    #expect(try types(rule.operation, rule.inputs) == rule.outputs.map { TensorType($0) }, "\(rule.operation.name)")
  }

  @Test func outputsThatAreNotFloatsHaveTheirType() throws {
    #expect(
      try types(.maxPool(Self.pool), [[2, 3, 8, 7]])
        == [TensorType([2, 3, 4, 6]), TensorType([2, 3, 4, 6], .uint8)])
    let loss = Operation.softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 9))
    #expect(
      try loss.rule.outputTypes([TensorType([4, 7]), TensorType([4], .int32)], layer: "L")
        == [TensorType([]), TensorType([4, 7])])
    #expect(
      try loss.rule.outputTypes([TensorType([4, 5, 7]), TensorType([4, 5], .int32)], layer: "L")
        == [TensorType([]), TensorType([4, 5, 7])])
    let reshape = Operation.reshape(Reshape(to: [2, 3]))
    #expect(try reshape.rule.outputTypes([TensorType([6], .int32)], layer: "L") == [TensorType([2, 3], .int32)])
  }

  private static func pooling(_ kernel: Extent, padding: Extent = Extent(0)) -> Operation {
    .maxPool(MaxPool(window: Window(kernel: kernel, stride: Extent(1), padding: padding)))
  }

  private static let refusals: [(operation: Operation, inputs: [Shape], code: GraphError.Code, text: String)] = [
    (
      .dense(Dense()), [[5], [7, 5], [7]], .shapeMismatch,
      "a dense layer takes [samples, …, features], its input is 5"
    ),
    (
      .dense(Dense()), [[3, 5, 2], [7, 10], [7]], .shapeMismatch,
      "weights 7×10 take 10 features, the input 3×5×2 has 2"
    ),
    (
      .recurrent(Recurrent(.lstm)), [[3, 5], [28, 5], [28, 7], [28], [28]], .shapeMismatch,
      "a recurrent layer takes [samples, steps, features], its input is 3×5; put an 'embedding' before it for tokens, "
        + "a 'repeat' for one vector a sample"
    ),
    (
      .recurrent(Recurrent(.gru)), [[3, 4, 5], [28, 5], [28, 7], [28], [28]], .shapeMismatch,
      "weights 28×5 and 28×7 of a cell with 3 gates do not fit an input of 3×4×5: they are [gates × units, 5] and "
        + "[gates × units, units]"
    ),
    (
      .recurrent(Recurrent(.rnn)), [[3, 4, 5], [7, 5], [7, 7], [7], [5]], .shapeMismatch,
      "biases 7 and 5 do not fit 7 rows of weights"
    ),
    (
      .recurrent(Recurrent(.rnn, hasInitialState: true)), [[3, 4, 5], [7, 5], [7, 7], [7], [7], [4, 7]], .shapeMismatch,
      "an initial state of 4×7 does not fit 3 samples of 7 units"
    ),
    (
      .embedding(Embedding()), [[3, 4], [7, 5]], .shapeMismatch,
      "an embedding takes int32 tokens [samples, steps], its input is 3×4; make it the first layer of a model of tokens"
    ),
    (.repeated(Repeat(count: 0)), [[3, 4]], .invalidArgument, "a vector repeated 0 times; use at least 1"),
    (
      .dense(Dense()), [[3, 5], [7, 4], [7]], .shapeMismatch,
      "weights 7×4 take 4 features, the input 3×5 has 5"
    ),
    (
      .convolution(Convolution()), [[3, 5], [7, 5, 1, 1], [7]], .shapeMismatch,
      "a convolution takes [samples, channels, …] with one to three spatial dimensions, its input is 3×5"
    ),
    (
      .convolution(Convolution()), [[2, 3, 8, 7], [5, 4, 2, 2], [5]], .shapeMismatch,
      "weights 5×4×2×2 take 4 channels, the input 2×3×8×7 has 3"
    ),
    (
      .convolution(Convolution(padding: Extent(1, 0))), [[2, 3, 8, 7], [5, 3, 11, 2], [5]], .shapeMismatch,
      "a 11×2 window does not fit an input of 8×7 with padding 1×0; use a smaller kernel or more padding"
    ),
    (
      .convolution(Convolution(stride: Extent(1, 0))), [[2, 3, 8, 7], [5, 3, 2, 2], [5]], .invalidArgument,
      "stride 1×0 must be at least 1"
    ),
    (
      .convolution(Convolution(padding: Extent(-1, 0))), [[2, 3, 8, 7], [5, 3, 2, 2], [5]], .invalidArgument,
      "padding -1×0 must be at least 0"
    ),
    (
      pooling(Extent(2)), [[3, 8]], .shapeMismatch,
      "pooling takes [samples, channels, …] with one to three spatial dimensions, its input is 3×8"
    ),
    (
      pooling(Extent(16, 17)), [[1, 1, 40, 40]], .invalidArgument,
      "a pooling window of 16×17 has more than 256 positions; use a smaller kernel"
    ),
    (
      pooling(Extent(3, 2), padding: Extent(1, 2)), [[1, 1, 8, 7]], .invalidArgument,
      "padding 1×2 is more than half of the window 3×2, so windows could see no input; use less padding"
    ),
    (
      pooling(Extent(9, 2)), [[1, 1, 8, 7]], .shapeMismatch,
      "a 9×2 window does not fit an input of 8×7 with padding 0; use a smaller kernel or more padding"
    ),
    (
      .reshape(Reshape(to: [4, 7])), [[2, 3, 5]], .shapeMismatch,
      "2×3×5 has 30 elements, 4×7 has 28; give a shape of as many elements"
    ),
    (
      .add(Add()), [[2, 3], [3, 2]], .shapeMismatch, "cannot add 2×3 and 3×2: the shapes must be equal"
    ),
    (
      .dropout(Dropout(rate: 1, key: 0)), [[2, 3]], .invalidArgument,
      "dropout rate 1.0 is outside 0 ..< 1; use the share to drop, such as 0.5"
    ),
    (
      .dropout(Dropout(rate: -0.25, key: 0)), [[2, 3]], .invalidArgument,
      "dropout rate -0.25 is outside 0 ..< 1; use the share to drop, such as 0.5"
    ),
    (
      .softmax(Softmax()), [[]], .shapeMismatch, "softmax needs at least one dimension, its input is a scalar"
    ),
    (
      .softmax(Softmax(dimension: 2)), [[4, 7]], .invalidArgument,
      "dimension 2 is none of an input of 4×7; use -2 to 1"
    ),
    (
      .subtract(Subtract()), [[2, 3], [3, 2]], .shapeMismatch,
      "cannot subtract 2×3 and 3×2: the shapes must be equal"
    ),
    (
      .multiply(Multiply()), [[2, 3], [2, 4]], .shapeMismatch,
      "cannot multiply 2×3 and 2×4: dimensions must be equal, or 1 in one of the two"
    ),
    (
      .concatenate(Concatenate(dimension: 1)), [[2, 3, 4], [2, 5, 3]], .shapeMismatch,
      "cannot put 2×3×4 and 2×5×3 one behind the other along dimension 1: all other dimensions must be equal"
    ),
    (
      .slice(Slice(dimension: 1, start: 2, count: 3)), [[2, 4]], .shapeMismatch,
      "3 positions from 2 on are not in dimension 1 of 2×4; it has 4"
    ),
    (
      .split(Split(dimension: 1, sizes: [2, 3])), [[2, 4]], .shapeMismatch,
      "parts of [2, 3] do not add up to the 4 positions in dimension 1 of 2×4"
    ),
    (
      .transpose(Transpose(order: [0, 0, 1])), [[2, 4, 3]], .shapeMismatch,
      "the order [0, 0, 1] does not name each dimension of 2×4×3 once; give 3 different numbers from 0 on"
    ),
    (
      .reduce(Reduce(.sum, first: 2, last: 1)), [[2, 4, 3]], .invalidArgument,
      "dimensions 2 to 1 of 2×4×3 are in the wrong order; swap them"
    ),
    (
      .prelu(PReLU()), [[4, 7, 2], [2]], .shapeMismatch,
      "slopes 2 do not fit an input of 4×7×2; give 1 or one a channel, 7"
    ),
    (
      .maxout(Maxout(pieces: 3)), [[4, 7]], .shapeMismatch,
      "3 pieces do not divide the last dimension of 4×7; use a multiple of 3 features"
    ),
    (.maxout(Maxout(pieces: 1)), [[4, 7]], .invalidArgument, "maxout of 1 pieces; use 2 to 256"),
    (
      .activation(Activation(.leakyReLU(slope: -0.5))), [[4, 7]], .invalidArgument,
      "a slope of -0.5 is below 0 or no number; use a small one, such as 0.01"
    ),
    (
      .activation(Activation(.elu(alpha: 0))), [[4, 7]], .invalidArgument, "an alpha of 0.0 is not above 0; use 1"
    ),
    (
      .softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 4)), [[4, 7], [4]], .shapeMismatch,
      "cross-entropy takes [samples, …, classes] and one int32 label for each of [samples, …], not 4×7 and 4"
    ),
    (
      .elementLoss(ElementLoss(.squaredError, divisor: 4)), [[4, 7], [7, 4]], .shapeMismatch,
      "mean squared error takes two float32 tensors of one shape, not 4×7 and 7×4"
    ),
    (
      .elementLoss(ElementLoss(.huber(delta: 0), divisor: 4)), [[4, 7], [4, 7]], .invalidArgument,
      "a delta of 0.0 is not above 0; use 1"
    ),
    (
      .elementLoss(ElementLoss(.binaryCrossEntropy(weights: [1, 2]), divisor: 4)), [[4, 7], [4, 7]], .shapeMismatch,
      "2 class weights do not fit 7 classes; give one number above 0 for each, or none"
    ),
  ]

  @Test(arguments: refusals.indices) func whatDoesNotFitIsRefusedWithItsRemedy(index: Int) throws {
    let refusal = Self.refusals[index]
    let error = #expect(throws: GraphError.self) { try types(refusal.operation, refusal.inputs) }
    #expect(error?.code == refusal.code)
    #expect(error?.layer == "L")
    #expect(error?.description == "layer 'L': " + refusal.text)
  }

  @Test(arguments: [(Operation.dense(Dense()), 2, "3"), (.add(Add()), 1, "at least 2"), (.softmax(Softmax()), 2, "1")])
  func anotherNumberOfInputsIsRefused(operation: Operation, count: Int, wanted: String) {
    var graph = Graph()
    let x = graph.input("x", TensorType([2, 2]))
    let before = graph
    let error = #expect(throws: GraphError.self) {
      var graph = before
      _ = try graph.append(operation, Array(repeating: x, count: count), layer: "L")
    }
    #expect(error?.code == .wrongInputCount)
    #expect(
      error?.description == "layer 'L': \(operation.name) takes \(wanted) inputs, not \(count); give it each of them")
  }

  @Test func valuesThatAreNoFloatsAreNotAdded() {
    for operation in [Operation.add(Add()), .subtract(Subtract()), .multiply(Multiply())] {
      let error = #expect(throws: GraphError.self) {
        try operation.rule.outputTypes([TensorType([2, 3]), TensorType([2, 3], .int32)], layer: "L")
      }
      #expect(error?.message == "cannot \(operation.name) 2×3 and 2×3 int32: both must be float32")
    }
  }

  @Test func labelsOfAnotherCountAreRefused() {
    let loss = SoftmaxCrossEntropy(divisor: 4)
    #expect(throws: GraphError.self) {
      try loss.outputTypes([TensorType([4, 7]), TensorType([7], .int32)], layer: "L")
    }
    #expect(throws: GraphError.self) {
      try loss.outputTypes([TensorType([4, 7, 2]), TensorType([4], .int32)], layer: "L")
    }
  }

  @Test func typesPrintAndCountTheirBytes() {
    #expect(Shape([2, 3, 4]).description == "2×3×4" && Shape([]).description == "scalar")
    #expect(Shape([]).elementCount == 1 && Shape([2, 3, 4]).elementCount == 24 && Shape([2, 3, 4])[1] == 3)
    #expect(TensorType([2, 3], .int32).description == "2×3 int32" && TensorType([2, 3]).description == "2×3")
    #expect([ElementType.float32, .int32, .uint8].map { TensorType([2, 3], $0).byteCount } == [24, 24, 6])
  }
}
