import ModelGraph
import Models
import Testing
import Units

/// Parameters and FLOPs of layers against the usual hand formulas: a multiply-add counts as two, what sees every element
/// of its weights costs twice as much on the way back (input and weights), the first layer once. A bias is an addition an
/// output, and one for its gradient.
///
/// B samples, I inputs, O outputs, H units, T steps, G groups.
@Suite struct FormulaTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let kind: LayerSpecification.Kind
    let sample: SampleShape
    let parameters: Int
    let forward: Int
    let backward: Int
    /// The part of backward that a first layer is spared.
    var input = 0
  }

  static let b = 3

  static let dense: [Row] = [
    Row(
      testDescription: "dense", kind: .dense(outputs: 7), sample: [5], parameters: 5 * 7 + 7,
      forward: 2 * b * 5 * 7 + b * 7, backward: 4 * b * 5 * 7 + b * 7, input: 2 * b * 5 * 7),
    Row(
      testDescription: "dense without bias", kind: .dense(outputs: 7, hasBias: false), sample: [5], parameters: 5 * 7,
      forward: 2 * b * 5 * 7, backward: 4 * b * 5 * 7, input: 2 * b * 5 * 7),
    Row(
      testDescription: "dense at every step", kind: .dense(outputs: 7), sample: [4, 5], parameters: 5 * 7 + 7,
      forward: 2 * b * 4 * 5 * 7 + b * 4 * 7, backward: 4 * b * 4 * 5 * 7 + b * 4 * 7, input: 2 * b * 4 * 5 * 7),
    // Pieces of a maximum: a dense layer of O · P outputs, then P − 1 comparisons, and back a copy.
    Row(
      testDescription: "maxout", kind: .maxout(outputs: 7, pieces: 3), sample: [5], parameters: 5 * 21 + 21,
      forward: 2 * b * 5 * 21 + b * 21 + 2 * b * 7, backward: 4 * b * 5 * 21 + b * 21 + b * 7,
      input: 2 * b * 5 * 21),
  ]

  /// 2 · B · O · P… · (I / G) · K…, P = ⌊(X + 2 padding − dilation (K − 1) − 1) / stride⌋ + 1.
  static func convolution(
    _ name: String, _ settings: ConvolutionSettings, _ sample: SampleShape, channels i: Int, kernel: Int, output: Int
  ) -> Row {
    let (o, g) = (settings.channels, settings.groups)
    let work = 2 * b * o * output * (i / g) * kernel
    let bias = settings.hasBias ? b * o * output : 0
    return Row(
      testDescription: name, kind: .convolution(settings), sample: sample,
      parameters: o * (i / g) * kernel + (settings.hasBias ? o : 0), forward: work + bias, backward: 2 * work + bias,
      input: work)
  }

  static let convolutions: [Row] = [
    // ⌊(17 + 2 − 2 · 3 − 1) / 2⌋ + 1 = 7
    convolution(
      "convolution 1D, dilated",
      .init(channels: 5, kernel: Extent(4), stride: Extent(2), padding: Extent(1), dilation: Extent(2)), [3, 17],
      channels: 3, kernel: 4, output: 7),
    // ⌊(11 + 2 − 3) / 2⌋ + 1 = 6, 9 − 2 + 1 = 8
    convolution(
      "convolution 2D in groups",
      .init(
        channels: 4, kernel: Extent(3, 2), stride: Extent(2, 1), padding: Extent(1, 0), groups: 2, hasBias: false),
      [6, 11, 9], channels: 6, kernel: 6, output: 48),
    // ⌊(8 − 2 · 2 − 1) / 1⌋ + 1 = 4 rows, ⌊(7 − 2 · 1 − 1) / 1⌋ + 1 = 5 columns
    convolution(
      "convolution 2D, dilated", .init(channels: 4, kernel: Extent(3, 2), dilation: Extent(2)), [3, 8, 7],
      channels: 3, kernel: 6, output: 20),
    // 5 − 1 = 4, 6 − 2 = 4, 7 − 1 + … : kernels of 2, 3 and 2
    convolution(
      "convolution 3D", .init(channels: 4, kernel: Extent(2, 3, 2)), [3, 5, 6, 7], channels: 3, kernel: 12,
      output: 4 * 4 * 6),
    convolution(
      "convolution 3D in groups, dilated", .init(channels: 6, kernel: Extent(2), dilation: Extent(3), groups: 3),
      [3, 5, 6, 7], channels: 3, kernel: 8, output: 2 * 3 * 4),
    // C · K parameters and 2 · B · C · P · K.
    convolution(
      "depthwise convolution", .init(channels: 5, kernel: Extent(3), padding: Extent(1), groups: 5), [5, 8, 7],
      channels: 5, kernel: 9, output: 56),
  ]

  static let pools: [Row] = [
    // k² an output, and one for each output on the way back.
    Row(
      testDescription: "max pool 1D", kind: .maxPool(Window(kernel: Extent(3), stride: Extent(2))), sample: [5, 10],
      parameters: 0, forward: b * 5 * 4 * 3, backward: b * 5 * 4),
    Row(
      testDescription: "max pool 2D", kind: .maxPool(Window(kernel: Extent(3, 2), stride: Extent(2, 3))),
      sample: [5, 9, 8], parameters: 0, forward: b * 5 * 12 * 6, backward: b * 5 * 12),
    Row(
      testDescription: "max pool 3D", kind: .maxPool(Window(kernel: Extent(2), stride: Extent(2))),
      sample: [5, 4, 6, 8], parameters: 0, forward: b * 5 * 24 * 8, backward: b * 5 * 24),
    // k² on the way back as well.
    Row(
      testDescription: "average pool 1D",
      kind: .averagePool(Window(kernel: Extent(3), stride: Extent(2)), countsPadding: true), sample: [5, 10],
      parameters: 0, forward: b * 5 * 4 * 3, backward: b * 5 * 4 * 3),
    Row(
      testDescription: "average pool 2D",
      kind: .averagePool(Window(kernel: Extent(3, 2), stride: Extent(2, 3)), countsPadding: false), sample: [5, 9, 8],
      parameters: 0, forward: b * 5 * 12 * 6, backward: b * 5 * 12 * 6),
    Row(
      testDescription: "average pool 3D",
      kind: .averagePool(Window(kernel: Extent(2), stride: Extent(2)), countsPadding: true), sample: [5, 4, 6, 8],
      parameters: 0, forward: b * 5 * 24 * 8, backward: b * 5 * 24 * 8),
    Row(
      testDescription: "global average pool", kind: .globalAveragePool, sample: [5, 9, 8], parameters: 0,
      forward: b * 5 * 72, backward: b * 5 * 72),
  ]

  static let elementwise: [Row] = [
    Row(
      testDescription: "batch norm", kind: .batchNormalisation(), sample: [5, 9, 8], parameters: 2 * 5,
      forward: 9 * b * 360, backward: 21 * b * 360),
    Row(
      testDescription: "layer norm", kind: .layerNormalisation(dimensions: 2, epsilon: 1e-5, activation: nil),
      sample: [5, 9, 8], parameters: 2 * 72, forward: 9 * b * 360, backward: 21 * b * 360),
    Row(
      testDescription: "group norm", kind: .groupNormalisation(groups: 3, epsilon: 1e-5, activation: nil),
      sample: [6, 9, 8], parameters: 2 * 6, forward: 9 * b * 432, backward: 21 * b * 432),
    Row(
      testDescription: "softmax", kind: .softmax(), sample: [4, 7], parameters: 0, forward: 5 * b * 28,
      backward: 8 * b * 28),
    Row(
      testDescription: "relu", kind: .activation(.relu), sample: [4, 7], parameters: 0, forward: b * 28,
      backward: b * 28),
    Row(
      testDescription: "gelu", kind: .activation(.gelu(.erf)), sample: [4, 7], parameters: 0, forward: 8 * b * 28,
      backward: 13 * b * 28),
    Row(
      testDescription: "tanh", kind: .activation(.tanh), sample: [4, 7], parameters: 0, forward: 8 * b * 28,
      backward: 13 * b * 28),
    Row(
      testDescription: "dropout", kind: .dropout(rate: 0.25), sample: [4, 7], parameters: 0, forward: b * 28,
      backward: b * 28),
  ]

  /// Γ (I H + H² + 2 H) parameters a direction, 2 · B · T · Γ (I H + H²) and e · B · T · H; twice that on the way back.
  static let recurrent: [Row] = [(RecurrentCell.rnn, 1, 2), (.gru, 3, 11), (.lstm, 4, 12)].flatMap {
    cell, gates, elementwise -> [Row] in
    let (t, i, h) = (6, 5, 7)
    func products(_ i: Int) -> Int { 2 * b * t * gates * i * h }
    func work(_ i: Int) -> Int { products(i) + products(h) + elementwise * b * t * h }
    func parameters(_ i: Int) -> Int { gates * (i * h + h * h + 2 * h) }
    func row(_ name: String, _ settings: RecurrentSettings, parameters: Int, work: Int, input: Int, more: Int = 0)
      -> Row
    {
      Row(
        testDescription: "\(cell.rawValue), \(name)", kind: .recurrent(settings), sample: [t, i],
        parameters: parameters, forward: work, backward: 2 * work + more, input: input)
    }
    return [
      row(
        "one layer", .init(cell, units: h, returns: .sequence), parameters: parameters(i), work: work(i),
        input: products(i)),
      row(
        "three layers", .init(cell, units: h, layers: 3, returns: .sequence),
        parameters: parameters(i) + 2 * parameters(h), work: work(i) + 2 * work(h), input: products(i)),
      // A layer above a bidirectional one has inputs of 2 H. Where both directions read one tensor, its gradients are
      // added: the input of the second layer, and that of the first where it is wanted.
      row(
        "bidirectional, two layers", .init(cell, units: h, layers: 2, isBidirectional: true, returns: .sequence),
        parameters: 2 * (parameters(i) + parameters(2 * h)), work: 2 * (work(i) + work(2 * h)),
        input: 2 * products(i) + b * t * i, more: b * t * 2 * h + b * t * i),
    ]
  }

  static let rows = dense + convolutions + pools + elementwise + recurrent

  /// The layer alone, its input once a parameter of the graph, whose gradient is wanted, and once data.
  @Test(arguments: rows) func aLayerCostsWhatTheFormulaSays(_ row: Row) throws {
    for isFirst in [false, true] {
      // A scale before it makes the gradient of its input wanted; alone it is the first layer.
      let scaled = isFirst ? [] : [LayerSpecification(.prelu(PReLUSettings()), name: "before")]
      let model = ModelSpecification(name: "m", layers: scaled + [LayerSpecification(row.kind, name: "layer")])
      // Without parameters nothing is trained, so such a layer is never the first with a gradient.
      if isFirst, row.parameters == 0 { continue }
      let graph = try model.trainingGraph(
        sampleShape: row.sample, shardSamples: Self.b, globalBatch: Self.b, loss: .meanSquaredError)
      let own = graph.parameters.filter { graph[$0].name.hasPrefix("layer.") }
      #expect(own.reduce(0) { $0 + graph[$1].type.shape.elementCount } == row.parameters)
      func flops(_ pass: Node.Pass) -> FLOPs { graph.cost { $0.layer == "layer" && $0.pass == pass }.flops }
      #expect(flops(.forward) == FLOPs(row.forward))
      // Normalisations hand back all their gradients at once.
      let spared = isFirst ? row.input : 0
      #expect(flops(.backward) == FLOPs(row.backward - spared), isFirst ? "as the first layer" : "inside")
    }
  }

  /// V · D parameters, no work forward, and back an addition for each number that was looked up.
  @Test func anEmbeddingLooksUpAndAddsBack() throws {
    let tokens = SampleShape(fields: [SampleField("input", [6], .int32)])
    let model = ModelSpecification(name: "m", layers: [.init(.embedding(vocabulary: 11, width: 5), name: "layer")])
    let graph = try model.trainingGraph(
      sampleShape: tokens, shardSamples: Self.b, globalBatch: Self.b, loss: .meanSquaredError)
    #expect(graph.parameterCount == 11 * 5)
    #expect(graph.cost { $0.layer == "layer" && $0.pass == .forward }.flops == FLOPs(0))
    #expect(graph.cost { $0.layer == "layer" && $0.pass == .backward }.flops == FLOPs(Self.b * 6 * 5))
  }

  /// A softmax forward; back a difference and a quotient for each score.
  @Test func crossEntropyIsASoftmax() throws {
    let model = ModelSpecification(name: "m", layers: [.init(.dense(outputs: 7))])
    let graph = try model.trainingGraph(sampleShape: [5], shardSamples: Self.b, globalBatch: 9, loss: .crossEntropy)
    #expect(graph.cost { $0.layer == "loss" && $0.pass == .forward }.flops == FLOPs(5 * Self.b * 7))
    #expect(graph.cost { $0.layer == "loss" && $0.pass == .backward }.flops == FLOPs(2 * Self.b * 7))
  }
}
