import ModelGraph

struct UnknownGoldenCase: Error {
  let name: String
}

extension GoldenCase {
  /// The graph that scripts/golden describes in PyTorch under this name; its inputs, parameters and outputs have the
  /// names of the file's entries.
  static func graph(_ name: String) throws -> Graph {
    var graph = Graph()
    switch name {
    case "mlp": try appendMLP(to: &graph)
    case "lenet5": try appendLeNet5(to: &graph)
    case "convolution":
      let rule = Convolution(stride: Extent(2, 1), padding: Extent(1, 2))
      let x = graph.parameter("x", [2, 3, 7, 6])
      let y = try graph.apply(
        .convolution(rule), x, graph.parameter("weight", [4, 3, 3, 2]), graph.parameter("bias", [4]))
      graph.outputs = ["y": y, "loss": try graph.meanSquared(y)]
    case "max-pool":
      let window = Window(kernel: Extent(3, 2), stride: Extent(2, 1), padding: Extent(1, 1))
      let y = try graph.apply(.maxPool(MaxPool(window: window)), graph.parameter("x", [2, 3, 8, 7]))
      graph.outputs = ["y": y, "loss": try graph.meanSquared(y)]
    case "softmax-cross-entropy":
      let x = graph.parameter("x", [4, 7])
      try graph.appendCrossEntropy(x, samples: 4)
    case "label-smoothing":
      try graph.appendCrossEntropy(graph.parameter("x", [5, 6]), samples: 5, smoothing: 0.3)
    case "mse":
      graph.outputs["loss"] = try graph.meanSquared(graph.parameter("x", [3, 5]))
    case "token-classifier": try appendTokenClassifier(to: &graph)
    case "trained-batch-norm": try appendTrainedBatchNorm(to: &graph)
    case "sequence-cross-entropy":
      let x = graph.parameter("x", [2, 3, 7])
      let labels = graph.input("labels", TensorType([2, 3], .int32))
      let rule = SoftmaxCrossEntropy(divisor: 6, smoothing: 0.1, weights: [1, 0.5, 2, 0.25, 1.5, 3, 0.75])
      graph.outputs["loss"] = try graph.apply(.softmaxCrossEntropy(rule), x, labels)
    case "mean-absolute-error": try graph.appendElementLoss(.absoluteError)
    case "huber": try graph.appendElementLoss(.huber(delta: 0.6))
    case "binary-cross-entropy": try graph.appendElementLoss(.binaryCrossEntropy(weights: []))
    case "binary-cross-entropy-weighted":
      try graph.appendElementLoss(.binaryCrossEntropy(weights: [0.5, 2, 3, 1, 0.25]))
    case "prelu", "prelu-shared":
      let slope = graph.parameter("slope", [name == "prelu" ? 3 : 1])
      try graph.appendPointwise([.prelu(PReLU())], [graph.parameter("x", [4, 3, 5]), slope])
    case "maxout":
      let operations: [ModelGraph.Operation] = [.dense(Dense()), .maxout(Maxout(pieces: 3))]
      try graph.appendPointwise(
        operations,
        [graph.parameter("x", [4, 7]), graph.parameter("weight", [15, 7]), graph.parameter("bias", [15])])
    default:
      if let found = pointwise.first(where: { $0.name == name }) {
        try graph.appendPointwise([found.operation], [graph.parameter("x", [4, 3, 5])])
      } else if let found = (shaping + spatial).first(where: { $0.name == name }) {
        let inputs = found.inputs.enumerated().map { graph.parameter("x\($0.offset)", $0.element) }
        try graph.appendPointwise([found.operation], inputs)
      } else if let found = normalised.first(where: { $0.name == name }) {
        try appendBatchNorm(of: found.shape, to: &graph)
      } else if let found = normalisations.first(where: { $0.name == name }) {
        try graph.appendPointwise(
          [found.operation],
          [
            graph.parameter("x", found.x), graph.parameter("weight", found.learned),
            graph.parameter("bias", found.learned),
          ])
      } else if let cell = RecurrentCell.allCases.first(where: { name == "\($0.rawValue)-encoder-decoder" }) {
        try appendEncoderDecoder(cell, to: &graph)
      } else {
        throw UnknownGoldenCase(name: name)
      }
    }
    guard let loss = graph.outputs["loss"] else { throw UnknownGoldenCase(name: name) }
    return try graph.differentiated(loss)
  }

  /// Operations from x [4, 3, 5] to y of the same shape.
  static let pointwise: [(name: String, operation: ModelGraph.Operation)] = [
    ("sigmoid", .activation(Activation(.sigmoid))), ("tanh", .activation(Activation(.tanh))),
    ("leaky-relu", .activation(Activation(.leakyReLU(slope: 0.2)))), ("elu", .activation(Activation(.elu(alpha: 1.3)))),
    ("swish", .activation(Activation(.swish))), ("gelu", .activation(Activation(.gelu(.erf)))),
    ("gelu-tanh", .activation(Activation(.gelu(.tanh)))), ("softmax", .softmax(Softmax(dimension: 1))),
    ("log-softmax", .softmax(Softmax(dimension: 0, isLogarithm: true))),
    ("log-softmax-last", .softmax(Softmax(isLogarithm: true))),
  ]

  /// Operations that combine values or move elements, with the shapes of their inputs.
  static let shaping: [(name: String, operation: ModelGraph.Operation, inputs: [Shape])] = [
    ("concatenate", .concatenate(Concatenate(dimension: 1)), [[2, 3, 4], [2, 1, 4], [2, 2, 4]]),
    ("slice", .slice(Slice(dimension: 1, start: 2, count: 3)), [[2, 7, 4]]),
    ("transpose", .transpose(Transpose(order: [2, 0, 1])), [[2, 3, 4]]),
    ("subtract", .subtract(Subtract()), [[2, 3, 4], [2, 3, 4]]),
    ("multiply", .multiply(Multiply()), [[2, 3, 4], [1, 3, 1]]),
    ("sum-of-three", .add(Add()), [[2, 3, 4], [2, 3, 4], [2, 3, 4]]),
    ("mean", .reduce(Reduce(.mean, first: 1, last: 1)), [[2, 3, 4]]),
    ("sum", .reduce(Reduce(.sum, first: 1, last: 2)), [[2, 3, 4, 5]]),
  ]

  /// Normalisations in training, with the shapes of x and of the weight and bias.
  static let normalisations: [(name: String, operation: ModelGraph.Operation, x: Shape, learned: Shape)] = [
    ("layer-norm", .layerNormalisation(LayerNormalisation(epsilon: 0.02)), [3, 4, 19], [19]),
    ("layer-norm-of-two", .layerNormalisation(LayerNormalisation(epsilon: 1e-5, dimensions: 2)), [3, 5, 4], [5, 4]),
    ("group-norm", .groupNormalisation(GroupNormalisation(epsilon: 0.02, groups: 2)), [3, 6, 5, 4], [6]),
    ("instance-norm", .groupNormalisation(GroupNormalisation(epsilon: 1e-5, groups: 4)), [3, 4, 7], [4]),
  ]

  private static func appendMLP(to graph: inout Graph) throws {
    let x = graph.input("x", TensorType([3, 1, 28, 28]))
    let flat = try graph.apply(.reshape(Reshape(to: [3, 784])), x)
    let first = try graph.appendDense("f1", flat, 784, 512)
    let second = try graph.appendDense("f2", try graph.apply(.activation(Activation(.relu)), first), 512, 256)
    let logits = try graph.appendDense("f3", try graph.apply(.activation(Activation(.relu)), second), 256, 10)
    graph.outputs["logits"] = logits
    try graph.appendCrossEntropy(logits, samples: 3)
    graph.outputs["probabilities"] = nil
  }

  private static func appendLeNet5(to graph: inout Graph) throws {
    let window = MaxPool(window: Window(kernel: Extent(2), stride: Extent(2)))
    func reluAndPool(_ value: ValueID, in graph: inout Graph) throws -> ValueID {
      try graph.apply(.maxPool(window), try graph.apply(.activation(Activation(.relu)), value))
    }
    let x = graph.input("x", TensorType([2, 1, 28, 28]))
    let first = try graph.apply(
      .convolution(Convolution(padding: Extent(2))), x, graph.parameter("c1.weight", [6, 1, 5, 5]),
      graph.parameter("c1.bias", [6]))
    let second = try graph.apply(
      .convolution(Convolution()), try reluAndPool(first, in: &graph),
      graph.parameter("c2.weight", [16, 6, 5, 5]), graph.parameter("c2.bias", [16]))
    let flat = try graph.apply(.reshape(Reshape(to: [2, 400])), try reluAndPool(second, in: &graph))
    let third = try graph.appendDense("f1", flat, 400, 120)
    let fourth = try graph.appendDense("f2", try graph.apply(.activation(Activation(.relu)), third), 120, 84)
    let logits = try graph.appendDense("f3", try graph.apply(.activation(Activation(.relu)), fourth), 84, 10)
    graph.outputs["logits"] = logits
    try graph.appendCrossEntropy(logits, samples: 2)
    graph.outputs["probabilities"] = nil
  }
}

extension GoldenCase {
  private static func appendEncoderDecoder(_ cell: RecurrentCell, to graph: inout Graph) throws {
    let x = graph.parameter("x", [3, 5, 4])
    let first = graph.recurrentParameters("first.", cell, features: 4, units: 7)
    let state = (cell.hasCellState ? ["h0", "c0"] : ["h0"]).map { graph.parameter($0, [3, 7]) }
    let encoded = try graph.append(
      .recurrent(Recurrent(cell, hasInitialState: true)), [x] + first + state, layer: "first")
    let final = encoded[1..<(1 + state.count)]
    let decoded = try graph.append(
      .recurrent(Recurrent(cell, direction: .reverse, hasInitialState: true)),
      [encoded[0]] + graph.recurrentParameters("second.", cell, features: 7, units: 7) + final, layer: "second")
    graph.outputs = ["y": encoded[0], "z": decoded[0], "h": decoded[1], "loss": try graph.meanSquared(decoded[0])]
  }

  private static func appendTokenClassifier(to graph: inout Graph) throws {
    let tokens = graph.input("tokens", TensorType([2, 5], .int32))
    let x = try graph.apply(.embedding(Embedding()), tokens, graph.parameter("table", [9, 4]))
    let weights = graph.recurrentParameters("gru.", .gru, features: 4, units: 6)
    let h = try graph.append(.recurrent(Recurrent(.gru)), [x] + weights, layer: "gru")[1]
    let logits = try graph.apply(.dense(Dense()), h, graph.parameter("weight", [3, 6]), graph.parameter("bias", [3]))
    graph.outputs["logits"] = logits
    try graph.appendCrossEntropy(logits, samples: 2)
    graph.outputs["probabilities"] = nil
  }
}

extension Graph {
  /// W_ih, W_hh, b_ih and b_hh of a recurrent layer.
  mutating func recurrentParameters(_ prefix: String, _ cell: RecurrentCell, features: Int, units: Int) -> [ValueID] {
    let rows = cell.gateCount * units
    return [
      parameter(prefix + "weight_ih", [rows, features]), parameter(prefix + "weight_hh", [rows, units]),
      parameter(prefix + "bias_ih", [rows]), parameter(prefix + "bias_hh", [rows]),
    ]
  }

  /// The operations one behind the other, the first one on all inputs; outputs `y` and `loss`.
  fileprivate mutating func appendPointwise(_ operations: [ModelGraph.Operation], _ inputs: [ValueID]) throws {
    var values = inputs
    for operation in operations { values = [try append(operation, values, layer: operation.name)[0]] }
    outputs = ["y": values[0], "loss": try meanSquared(values[0])]
  }

  /// The mean over x [3, 5].
  fileprivate mutating func appendElementLoss(_ function: ElementLossFunction) throws {
    let (x, target) = (parameter("x", [3, 5]), input("target", TensorType([3, 5])))
    outputs["loss"] = try apply(.elementLoss(ElementLoss(function, divisor: 15)), x, target)
  }

  fileprivate mutating func appendDense(_ name: String, _ x: ValueID, _ inputs: Int, _ outputs: Int) throws -> ValueID {
    try append(
      .dense(Dense()), [x, parameter("\(name).weight", [outputs, inputs]), parameter("\(name).bias", [outputs])],
      layer: name)[0]
  }

  /// The mean over `samples`, with the outputs `probabilities` and `loss`.
  fileprivate mutating func appendCrossEntropy(_ logits: ValueID, samples: Int, smoothing: Double = 0) throws {
    let labels = input("labels", TensorType([samples], .int32))
    let values = try append(
      .softmaxCrossEntropy(SoftmaxCrossEntropy(divisor: samples, smoothing: smoothing)), [logits, labels], layer: "loss"
    )
    outputs["loss"] = values[0]
    outputs["probabilities"] = values[1]
  }
}
