import ModelGraph
import Testing
import Units

/// FLOPs and bytes against formulas written by hand, with unequal dimensions.
@Suite struct GraphCostTests {
  private static let (n, i, o) = (3, 5, 7)
  private static let (c, h, w, k, l, p, q) = (2, 9, 8, 3, 2, 5, 7)  // stride 2×1, padding 1×0
  private static let convolution = Convolution(stride: Extent(2, 1), padding: Extent(1, 0))
  private static let pool = MaxPool(window: Window(kernel: Extent(3, 2), stride: Extent(2, 3)))

  private struct Row: Sendable {
    let operation: Operation
    let inputs: [TensorType]
    let flops: Int
    let read: Int
    let written: Int

    init(_ operation: Operation, _ inputs: [Shape], flops: Int, read: Int, written: Int) {
      self.init(operation, types: inputs.map { TensorType($0) }, flops: flops, read: read, written: written)
    }

    init(_ operation: Operation, types: [TensorType], flops: Int, read: Int, written: Int) {
      self.operation = operation
      self.inputs = types
      self.flops = flops
      self.read = read
      self.written = written
    }
  }

  private static let dense: [Row] = [
    Row(
      .dense(Dense()), [[n, i], [o, i], [o]], flops: 2 * n * o * i + n * o, read: 4 * (n * i + o * i + o),
      written: 4 * n * o),
    Row(
      .dense(Dense(hasBias: false)), [[n, i], [o, i]], flops: 2 * n * o * i, read: 4 * (n * i + o * i),
      written: 4 * n * o),
    Row(
      .denseBackwardInput(DenseBackwardInput()), [[n, o], [o, i]], flops: 2 * n * i * o, read: 4 * (n * o + o * i),
      written: 4 * n * i),
    Row(
      .denseBackwardWeights(DenseBackwardWeights(hasBias: true)), [[n, i], [n, o]], flops: 2 * n * o * i + n * o,
      read: 4 * (n * i + n * o), written: 4 * (o * i + o)),
    Row(
      .denseBackwardWeights(DenseBackwardWeights(hasBias: false)), [[n, i], [n, o]], flops: 2 * n * o * i,
      read: 4 * (n * i + n * o), written: 4 * o * i),
  ]

  private static let convolutions: [Row] = [
    Row(
      .convolution(convolution), [[n, c, h, w], [o, c, k, l], [o]],
      flops: 2 * n * o * p * q * c * k * l + n * o * p * q, read: 4 * (n * c * h * w + o * c * k * l + o),
      written: 4 * n * o * p * q),
    Row(
      .convolutionBackwardInput(ConvolutionBackwardInput(forward: convolution, input: [n, c, h, w])),
      [[n, o, p, q], [o, c, k, l]], flops: 2 * n * o * p * q * c * k * l,
      read: 4 * (n * o * p * q + o * c * k * l), written: 4 * n * c * h * w),
    Row(
      .convolutionBackwardWeights(ConvolutionBackwardWeights(forward: convolution, weights: [o, c, k, l])),
      [[n, c, h, w], [n, o, p, q]], flops: 2 * n * o * p * q * c * k * l + n * o * p * q,
      read: 4 * (n * c * h * w + n * o * p * q), written: 4 * (o * c * k * l + o)),
    // 4×3 windows of 3×2 positions; winners are bytes.
    Row(
      .maxPool(pool), [[n, c, h, w]], flops: n * c * 4 * 3 * 6, read: 4 * n * c * h * w, written: 5 * n * c * 4 * 3),
    Row(
      .maxPoolBackward(MaxPoolBackward(forward: pool, input: [n, c, h, w])),
      types: [TensorType([n, c, 4, 3]), TensorType([n, c, 4, 3], .uint8)], flops: n * c * 4 * 3,
      read: 5 * n * c * 4 * 3, written: 4 * n * c * h * w),
  ]

  private static let elementwise: [Row] = [
    Row(.reshape(Reshape(to: [5, 6])), [[2, 3, 5]], flops: 0, read: 120, written: 120),
    Row(.add(Add()), [[5, 6], [5, 6]], flops: 30, read: 240, written: 120),
    Row(.dropout(Dropout(rate: 0.5, key: 0)), [[5, 6]], flops: 30, read: 120, written: 120),
    Row(.activation(Activation(.leakyReLU(slope: 0.1))), [[5, 6]], flops: 30, read: 120, written: 120),
    Row(.activation(Activation(.sigmoid)), [[5, 6]], flops: 240, read: 120, written: 120),
    Row(.activation(Activation(.gelu(.erf))), [[5, 6]], flops: 240, read: 120, written: 120),
    Row(.activationBackward(ActivationBackward(.relu)), [[5, 6], [5, 6]], flops: 30, read: 240, written: 120),
    Row(.activationBackward(ActivationBackward(.tanh)), [[5, 6], [5, 6]], flops: 390, read: 240, written: 120),
    Row(.softmax(Softmax()), [[5, 6]], flops: 150, read: 120, written: 120),
    Row(.softmaxBackward(SoftmaxBackward()), [[5, 6], [5, 6]], flops: 240, read: 240, written: 120),
    Row(.prelu(PReLU()), [[2, 5, 3], [5]], flops: 60, read: 140, written: 120),
    Row(.preluBackward(PReLUBackward()), [[2, 5, 3], [5], [2, 5, 3]], flops: 120, read: 260, written: 140),
    // 2 outputs a row, two comparisons each; winners are bytes.
    Row(.maxout(Maxout(pieces: 3)), [[5, 6]], flops: 20, read: 120, written: 50),
    Row(
      .maxoutBackward(MaxoutBackward(pieces: 3)), types: [TensorType([5, 2]), TensorType([5, 2], .uint8)], flops: 10,
      read: 50, written: 120),
    Row(.add(Add()), [[5, 6], [5, 6], [5, 6]], flops: 60, read: 360, written: 120),
    Row(.subtract(Subtract()), [[5, 6], [5, 6]], flops: 30, read: 240, written: 120),
    Row(.scale(Scale(by: 3)), [[5, 6]], flops: 30, read: 120, written: 120),
    Row(.multiply(Multiply()), [[5, 6], [1, 6]], flops: 30, read: 144, written: 120),
    Row(.reduce(Reduce(.mean, first: 0, last: 0)), [[5, 6]], flops: 30, read: 120, written: 24),
    Row(
      .reduceBackward(ReduceBackward(forward: Reduce(.mean, first: 0, last: 0), input: [5, 6])), [[6]], flops: 6,
      read: 24, written: 120),
    Row(.concatenate(Concatenate(dimension: 1)), [[5, 6], [5, 2]], flops: 0, read: 160, written: 160),
    Row(.slice(Slice(dimension: 1, start: 1, count: 2)), [[5, 6]], flops: 0, read: 120, written: 40),
    Row(.split(Split(dimension: 1, sizes: [2, 4])), [[5, 6]], flops: 0, read: 120, written: 120),
    Row(.transpose(Transpose(order: [1, 0])), [[5, 6]], flops: 0, read: 120, written: 120),
    Row(
      .elementLoss(ElementLoss(.binaryCrossEntropy(weights: []), divisor: 8)), [[5, 6], [5, 6]], flops: 360, read: 240,
      written: 4),
    Row(
      .elementLossBackward(ElementLossBackward(.huber(delta: 1), divisor: 8)), [[5, 6], [5, 6]], flops: 120, read: 240,
      written: 120),
    Row(.zeros(Zeros(shape: [5, 6])), [], flops: 0, read: 0, written: 120),
    Row(
      .softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: 8)), types: [TensorType([5, 6]), TensorType([5], .int32)],
      flops: 150, read: 140, written: 124),
    Row(
      .softmaxCrossEntropyBackward(SoftmaxCrossEntropyBackward(forward: SoftmaxCrossEntropy(divisor: 8))),
      types: [TensorType([5, 6]), TensorType([5], .int32)], flops: 60, read: 140, written: 120),
    Row(.elementLoss(ElementLoss(.squaredError, divisor: 8)), [[5, 6], [5, 6]], flops: 90, read: 240, written: 4),
    Row(
      .elementLossBackward(ElementLossBackward(.squaredError, divisor: 8)), [[5, 6], [5, 6]], flops: 60, read: 240,
      written: 120),
  ]

  /// N T (2 Γ (I H + H²) + e H) with e of 2, 12 and 11; backward twice that, without a gradient of x less its product.
  private static let (t, units) = (4, 7)
  private static let recurrent: [Row] = [(RecurrentCell.rnn, 1, 2), (.lstm, 4, 12), (.gru, 3, 11)].flatMap {
    cell, gates, elementwise -> [Row] in
    let rows = gates * units
    let weights: [Shape] = [[rows, i], [rows, units]]
    let work = n * t * (2 * gates * (i * units + units * units) + elementwise * units)
    let y = n * t * units
    let saved = cell == .rnn ? 0 : (gates + 1) * y
    let states = cell == .lstm ? 2 * n * units : n * units
    let kept: [Shape] = cell == .rnn ? [] : [[n, t, rows], [n, t, units]]
    let parameters = rows * (i + units + 2)
    func backward(wantsInput: Bool) -> Row {
      let rule = RecurrentBackward(
        forward: Recurrent(cell), hasOutputGradient: [true, false, false], wantsInput: wantsInput, wantsState: false)
      return Row(
        .recurrentBackward(rule), [[n, t, i]] + weights + [[n, t, units]] + kept + [[n, t, units]],
        flops: 2 * work - (wantsInput ? 0 : n * t * 2 * rows * i),
        read: 4 * (n * t * i + rows * (i + units) + 2 * y + saved),
        written: 4 * (parameters + (wantsInput ? n * t * i : 0)))
    }
    return [
      Row(
        .recurrent(Recurrent(cell)), [[n, t, i]] + weights + [[rows], [rows]], flops: work,
        read: 4 * (n * t * i + parameters), written: 4 * (y + states + saved)),
      backward(wantsInput: true), backward(wantsInput: false),
    ]
  }

  private static let sequences: [Row] = [
    Row(
      .dense(Dense()), [[n, t, i], [o, i], [o]], flops: 2 * n * t * o * i + n * t * o,
      read: 4 * (n * t * i + o * i + o), written: 4 * n * t * o),
    Row(
      .denseBackwardInput(DenseBackwardInput()), [[n, t, o], [o, i]], flops: 2 * n * t * i * o,
      read: 4 * (n * t * o + o * i), written: 4 * n * t * i),
    Row(
      .denseBackwardWeights(DenseBackwardWeights(hasBias: true)), [[n, t, i], [n, t, o]],
      flops: 2 * n * t * o * i + n * t * o, read: 4 * n * t * (i + o), written: 4 * (o * i + o)),
    Row(
      .embedding(Embedding()), types: [TensorType([n, t], .int32), TensorType([9, i])], flops: 0,
      read: 4 * (n * t + 9 * i), written: 4 * n * t * i),
    Row(
      .embeddingBackward(EmbeddingBackward(vocabulary: 9)),
      types: [TensorType([n, t], .int32), TensorType([n, t, i])], flops: n * t * i, read: 4 * n * t * (1 + i),
      written: 4 * 9 * i),
    Row(.repeated(Repeat(count: t)), [[n, i]], flops: 0, read: 4 * n * i, written: 4 * n * t * i),
    Row(.repeatedBackward(RepeatBackward()), [[n, t, i]], flops: n * t * i, read: 4 * n * t * i, written: 4 * n * i),
  ]

  /// 9 an element, and 14 for dx and 7 for the gradients of scale and shift on the way back; windows by their positions.
  private static let normalisations: [Row] = [
    Row(
      .batchNormalisation(BatchNormalisation(epsilon: 1e-5)), [[n, c, h], [c], [c]], flops: 9 * n * c * h,
      read: 4 * (n * c * h + 2 * c), written: 4 * (n * c * h + 3 * c)),
    Row(
      .layerNormalisation(LayerNormalisation(epsilon: 1e-5, dimensions: 2)), [[n, c, h], [c, h], [c, h]],
      flops: 9 * n * c * h, read: 4 * (n * c * h + 2 * c * h), written: 4 * (n * c * h + 2 * n)),
    Row(
      .layerNormalisationBackward(LayerNormalisationBackward(dimensions: 2)),
      [[n, c, h], [n, c, h], [c, h], [n], [n]], flops: 21 * n * c * h, read: 4 * (2 * n * c * h + c * h + 2 * n),
      written: 4 * (n * c * h + 2 * c * h)),
    Row(
      .groupNormalisation(GroupNormalisation(epsilon: 1e-5, groups: 2)), [[n, 6, h], [6], [6]], flops: 9 * n * 6 * h,
      read: 4 * (n * 6 * h + 12), written: 4 * (n * 6 * h + 2 * n * 2)),
    Row(
      .groupNormalisationBackward(GroupNormalisationBackward(groups: 2)),
      [[n, 6, h], [n, 6, h], [6], [n, 2], [n, 2]], flops: 21 * n * 6 * h, read: 4 * (2 * n * 6 * h + 6 + 4 * n),
      written: 4 * (n * 6 * h + 12)),
    // 9 to 4: windows of 3, 3, 3 and 3 positions; 8 to 3: of 3, 4 and 3.
    Row(
      .adaptiveAveragePool(AdaptiveAveragePool(output: Extent(4, 3))), [[n, c, 9, 8]], flops: n * c * 12 * 10,
      read: 4 * n * c * 72, written: 4 * n * c * 12),
    Row(
      .adaptiveAveragePoolBackward(AdaptiveAveragePoolBackward(input: [n, c, 9, 8])), [[n, c, 4, 3]],
      flops: n * c * 12 * 10, read: 4 * n * c * 12, written: 4 * n * c * 72),
  ]

  private static let rows = dense + convolutions + elementwise + recurrent + sequences + normalisations

  @Test(arguments: rows.indices) func costIsTheFormula(index: Int) throws {
    let row = Self.rows[index]
    var graph = Graph()
    let inputs = row.inputs.map { graph.input("input", $0) }
    _ = try graph.append(row.operation, inputs, layer: "layer")
    let cost = graph.cost(of: graph.nodes[0])
    #expect(cost.flops == FLOPs(row.flops), "\(row.operation.name)")
    #expect(cost.bytesRead == Bytes(row.read), "\(row.operation.name)")
    #expect(cost.bytesWritten == Bytes(row.written), "\(row.operation.name)")
    #expect(graph.cost() == cost && graph.cost { _ in false } == .zero)
  }

  @Test func costsAddUpByPass() throws {
    var graph = Graph()
    let x = graph.input("x", TensorType([3, 5]))
    let weight = graph.parameter("weight", [7, 5], .zeros)
    let y = try graph.append(.dense(Dense(hasBias: false)), [x, weight], layer: "f")[0]
    let target = graph.input("target", TensorType([3, 7]))
    let loss = try graph.append(.elementLoss(ElementLoss(.squaredError, divisor: 21)), [y, target], layer: "loss")[0]
    let whole = try graph.differentiated(loss)
    #expect(whole.cost { $0.pass == .forward } == graph.cost())
    #expect(whole.cost { $0.pass == .forward }.flops == FLOPs(2 * 3 * 5 * 7 + 3 * 21))
    // The input needs no gradient: half of a dense layer's backward.
    #expect(whole.cost { $0.pass == .backward }.flops == FLOPs(2 * 3 * 5 * 7 + 2 * 21))
    #expect(whole.cost() == whole.cost { $0.pass == .forward } + whole.cost { $0.pass == .backward })
    #expect(whole.parameterCount == 35)
  }
}
