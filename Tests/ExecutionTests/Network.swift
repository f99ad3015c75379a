import ModelGraph
import Models
import Testing

/// A model of several layers at any batch size, with elements for all that its graph takes.
struct Network: Sendable, CustomTestStringConvertible {
  enum Loss: Sendable { case crossEntropy, squaredError }

  let name: String
  let loss: Loss
  /// [C, H, W] of a sample.
  let sample: [Int]
  /// Normalised features need two samples.
  let smallestBatch: Int
  /// Appends the layers and gives their last value, [N, K].
  let layers: @Sendable (inout Graph, ValueID) throws -> ValueID

  var testDescription: String { name }

  init(
    _ name: String, _ loss: Loss = .crossEntropy, sample: [Int], smallestBatch: Int = 1,
    _ layers: @escaping @Sendable (inout Graph, ValueID) throws -> ValueID
  ) {
    self.name = name
    self.loss = loss
    self.sample = sample
    self.smallestBatch = smallestBatch
    self.layers = layers
  }

  func inference(batch: Int) throws -> Graph {
    var graph = Graph()
    let x = graph.input("x", TensorType(Shape([batch] + sample)))
    graph.outputs["logits"] = try layers(&graph, x)
    return graph
  }

  func training(batch: Int) throws -> Graph {
    var graph = try inference(batch: batch)
    let logits = try #require(graph.outputs["logits"])
    switch loss {
    case .squaredError: graph.outputs["loss"] = try graph.meanSquared(logits)
    case .crossEntropy:
      let labels = graph.input("labels", TensorType([batch], .int32))
      graph.outputs["loss"] = try graph.apply(
        .softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: batch)), logits, labels)
    }
    return try graph.differentiated(try #require(graph.outputs["loss"]))
  }

  /// Elements exact in float32, the weights of a layer small enough that nothing saturates; labels cycle through the
  /// classes, every seventh left out.
  static func given(for graph: Graph, classes: Int) -> [ValueID: [Double]] {
    var given: [ValueID: [Double]] = [:]
    for id in graph.inputs + graph.stored {
      let type = graph[id].type
      guard type.elementType == .float32 else {
        given[id] = (0..<type.shape.elementCount).map { $0 % 7 == 6 ? -1 : Double($0 * 3 % classes) }
        continue
      }
      let fanIn = type.shape.dimensions.dropFirst().reduce(1, *)
      let scale = graph[id].isParameter ? 1.5 / Double(fanIn).squareRoot() : 1
      given[id] = Example.pattern(type.shape.elementCount, salt: id.index).map { Double(Float($0 * scale)) }
    }
    return given
  }

  static let all = [
    stridedBlocks, pooledChain, overlappingPools, fanOut, dropouts, smooth, remainders, residualBlocks, narrowNorms,
    volumes, depthwise,
  ]

  /// Channels 3, 16, 32: blocked layouts, unequal strides and padding.
  static let stridedBlocks = Network("strided blocks", sample: [3, 11, 9]) { graph, x in
    var y = try graph.convolution(
      "c1", x, .init(channels: 16, kernel: Extent(3, 2), stride: Extent(2, 1), padding: Extent(1)))
    y = try graph.activation("r1", y, .relu)
    y = try graph.convolution(
      "c2", y, .init(channels: 32, kernel: Extent(2, 3), stride: Extent(1, 2), padding: Extent(0, 2)))
    return try graph.dense("f", try graph.flatten("flat", y), outputs: 7)
  }

  /// Channels 1, 6, 16: fusion, and masks before unpooling.
  static let pooledChain = Network("pooled chain", sample: [1, 18, 15]) { graph, x in
    var y = try graph.convolution("c1", x, .init(channels: 6, kernel: Extent(5), padding: Extent(2, 1)))
    y = try graph.maxPool("p1", try graph.activation("r1", y, .relu), Window(kernel: Extent(2), stride: Extent(2)))
    y = try graph.convolution("c2", y, .init(channels: 16, kernel: Extent(4, 3)))
    y = try graph.maxPool(
      "p2", try graph.activation("r2", y, .relu), Window(kernel: Extent(2, 3), stride: Extent(2, 3)))
    y = try graph.dense("f1", try graph.flatten("flat", y), outputs: 20)
    return try graph.dense("f2", try graph.activation("r3", y, .relu), outputs: 5)
  }

  static let overlappingPools = Network("overlapping pools", .squaredError, sample: [3, 12, 10]) { graph, x in
    var y = try graph.convolution("c1", x, .init(channels: 16, kernel: Extent(3), padding: Extent(1)))
    y = try graph.maxPool(
      "p1", try graph.activation("r1", y, .relu),
      Window(
        kernel: Extent(3, 2), stride: Extent(2, 1),
        padding: Extent(1, 0)))
    y = try graph.convolution("c2", y, .init(channels: 32, kernel: Extent(2, 3)))
    y = try graph.maxPool(
      "p2", try graph.activation("r2", y, .relu), Window(kernel: Extent(3), stride: Extent(1), padding: Extent(1)))
    return try graph.dense("f", try graph.flatten("flat", y), outputs: 4)
  }

  /// Values read two and three times, between layers of blocked channels.
  static let fanOut = Network("fan-out", sample: [3, 8, 7]) { graph, x in
    let a = try graph.convolution("c1", x, .init(channels: 16, kernel: Extent(3), padding: Extent(1)))
    let b = try graph.activation(
      "r2", graph.convolution("c2", a, .init(channels: 16, kernel: Extent(3), padding: Extent(1))), .relu)
    let sum = try graph.activation("r3", graph.add("a3", [a, b]), .relu)
    let pooled = try graph.maxPool("p4", sum, Window(kernel: Extent(2), stride: Extent(2)))
    let reduced = try graph.convolution(
      "c5", graph.add("a5", [sum, b]), .init(channels: 16, kernel: Extent(2), stride: Extent(2)))
    let y = try graph.add("a6", [reduced, pooled])
    return try graph.dense("f", try graph.flatten("flat", graph.add("a7", [y, y])), outputs: 6)
  }

  static let dropouts = Network("dropout between layers", .squaredError, sample: [3, 9, 8]) { graph, x in
    var y = try graph.convolution("c1", x, .init(channels: 32, kernel: Extent(3, 2)))
    y = try graph.dropout("d1", try graph.activation("r1", y, .relu), rate: 0.25)
    y = try graph.convolution("c2", y, .init(channels: 16, kernel: Extent(2), stride: Extent(2, 1)))
    y = try graph.dropout("d2", y, rate: 0.5)
    y = try graph.dense("f1", try graph.flatten("flat", y), outputs: 11)
    return try graph.dense("f2", try graph.dropout("d3", graph.activation("t", y, .tanh), rate: 0.1), outputs: 3)
  }

  /// Channels that leave blocks with padding, under activations that do not keep 0.
  static let smooth = Network("padded blocks under sigmoid and tanh", .squaredError, sample: [3, 9, 7]) { graph, x in
    var y = try graph.convolution("c1", x, .init(channels: 10, kernel: Extent(3, 2)))
    y = try graph.convolution("c2", graph.activation("s1", y, .sigmoid), .init(channels: 20, kernel: Extent(2, 3)))
    y = try graph.maxPool("p", graph.activation("t2", y, .tanh), Window(kernel: Extent(2), stride: Extent(1)))
    y = try graph.dense("f1", graph.flatten("flat", y), outputs: 9)
    return try graph.dense("f2", graph.activation("s3", y, .sigmoid), outputs: 4)
  }

  /// Normalisations that take over ReLU and additions: with a normalised shortcut, with a plain one, before a pool.
  static let residualBlocks = Network("residual blocks", sample: [3, 10, 9]) { graph, x in
    let settings = BatchNormalisationSettings(isTraining: true)
    func normalised(_ name: String, _ x: ValueID, channels: Int, stride: Int = 1, in graph: inout Graph) throws
      -> ValueID
    {
      let y = try graph.convolution(
        "c" + name, x,
        .init(channels: channels, kernel: Extent(3), stride: Extent(stride), padding: Extent(1), hasBias: false))
      return try graph.batchNormalisation("n" + name, y, settings)
    }
    var y = try graph.activation("r0", normalised("0", x, channels: 16, in: &graph), .relu)
    y = try graph.maxPool("p", y, Window(kernel: Extent(3), stride: Extent(2), padding: Extent(1)))
    var z = try graph.activation("r1", normalised("1", y, channels: 32, stride: 2, in: &graph), .relu)
    z = try normalised("2", z, channels: 32, in: &graph)
    let shortcut = try normalised("3", y, channels: 32, stride: 2, in: &graph)
    y = try graph.activation("r2", graph.add("a2", [z, shortcut]), .relu)
    z = try graph.activation("r4", normalised("4", y, channels: 32, in: &graph), .relu)
    z = try normalised("5", z, channels: 32, in: &graph)
    y = try graph.activation("r5", graph.add("a5", [y, z]), .relu)
    return try graph.dense("f", graph.flatten("flat", graph.globalAveragePool("g", y)), outputs: 5)
  }

  /// Channels that do not fill a vector, and a normalisation of features, without ReLU behind.
  static let narrowNorms = Network("norms of narrow layers", .squaredError, sample: [1, 9, 8], smallestBatch: 2) {
    graph, x in
    let settings = BatchNormalisationSettings(epsilon: 0.01, isTraining: true)
    var y = try graph.convolution("c1", x, .init(channels: 21, kernel: Extent(3), hasBias: false))
    y = try graph.activation("r1", graph.batchNormalisation("n1", y, settings), .relu)
    y = try graph.convolution("c2", y, .init(channels: 6, kernel: Extent(2), stride: Extent(2), hasBias: false))
    y = try graph.activation("t2", graph.batchNormalisation("n2", y, settings), .tanh)
    y = try graph.dense("f1", graph.flatten("flat", y), outputs: 19, hasBias: false)
    return try graph.dense("f2", graph.batchNormalisation("n3", y, settings), outputs: 4)
  }

  static let volumes = Network("volumes", sample: [2, 5, 6, 7]) { graph, x in
    var y = try graph.convolution("c1", x, .init(channels: 16, kernel: Extent(2, 3, 2), padding: Extent(1, 0, 1)))
    y = try graph.maxPool("p1", graph.activation("r1", y, .relu), Window(kernel: Extent(2), stride: Extent(1, 2, 2)))
    y = try graph.convolution("c2", y, .init(channels: 8, kernel: Extent(1, 2, 3), groups: 2))
    return try graph.dense("f", graph.flatten("flat", graph.globalAveragePool("g", y)), outputs: 3)
  }

  static let depthwise = Network("depthwise and dilated", sample: [3, 12, 11]) { graph, x in
    var y = try graph.convolution("c1", x, .init(channels: 32, kernel: Extent(3)))
    y = try graph.convolution("c2", y, .init(channels: 32, kernel: Extent(3), stride: Extent(2, 1), groups: 32))
    y = try graph.convolution("c3", graph.activation("r2", y, .relu), .init(channels: 16, kernel: Extent(1)))
    y = try graph.averagePool("p", y, Window(kernel: Extent(2), stride: Extent(1), padding: Extent(1)))
    y = try graph.convolution("c4", y, .init(channels: 16, kernel: Extent(2), dilation: Extent(2, 3), groups: 4))
    return try graph.dense("f", graph.flatten("flat", y), outputs: 7)
  }

  /// Windows that do not reach the last rows and columns.
  static let remainders = Network("windows with remainders", sample: [2, 15, 16]) { graph, x in
    var y = try graph.convolution(
      "c1", x, .init(channels: 16, kernel: Extent(2), stride: Extent(3), hasBias: false))
    y = try graph.maxPool("p", graph.activation("r1", y, .relu), Window(kernel: Extent(2), stride: Extent(1, 3)))
    y = try graph.convolution("c2", y, .init(channels: 5, kernel: Extent(2, 1), stride: Extent(3, 2)))
    return try graph.dense("f", graph.flatten("flat", y), outputs: 3, hasBias: false)
  }
}
