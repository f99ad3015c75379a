import ModelGraph

/// A graph as it is put together from layers that share weights by name and may be frozen.
///
/// Layers with the same name have the same weights: the head of a detector runs on several levels. Where `isFrozen`, what
/// would be a parameter is a statistic that nothing observes: it is kept and read, and gets no gradient.
struct NetworkBuilder {
  enum Normalisation: Hashable, Sendable {
    case batch
    /// A batch norm whose numbers stay: a factor for each channel, the shift going with it.
    case frozen
    case instance
    case group(Int)
    case none
  }

  var graph = Graph()
  private(set) var losses: [ValueID] = []
  var isFrozen = false
  var normalisation = Normalisation.batch
  private var weights: [String: ValueID] = [:]

  init(_ normalisation: Normalisation = .batch) { self.normalisation = normalisation }

  func shape(_ value: ValueID) -> [Int] { graph[value].type.shape.dimensions }

  mutating func input(_ name: String, _ shape: [Int], _ type: ElementType = .float32) -> ValueID {
    graph.input(name, TensorType(Shape(shape), type))
  }

  /// The weights of this name, made if there are none yet.
  mutating func weight(_ name: String, _ shape: [Int], frozen: Bool? = nil) -> ValueID {
    if let known = weights[name] { return known }
    let initialiser = Initialiser.normal(deviation: 0.02)
    let made =
      frozen ?? isFrozen
      ? graph.statistic(name, Shape(shape), initialiser, momentum: 0)
      : graph.parameter(name, Shape(shape), initialiser)
    weights[name] = made
    return made
  }

  mutating func append(_ operation: ModelGraph.Operation, _ inputs: [ValueID], layer: String) throws -> ValueID {
    try graph.append(operation, inputs, layer: layer)[0]
  }

  mutating func part(_ name: String, multiplicity: Int = 1) -> ModelPart {
    ModelPart(name, graph, losses: losses, multiplicity: multiplicity)
  }
}

// MARK: Layers

extension NetworkBuilder {
  /// - Parameter padding: nil for what keeps the size at a stride of 1.
  mutating func convolution(
    _ name: String, _ x: ValueID, _ channels: Int, kernel: [Int], stride: [Int] = [1], padding: [Int]? = nil,
    dilation: Int = 1, groups: Int = 1, hasBias: Bool = true
  ) throws -> ValueID {
    let rank = shape(x).count - 2
    let sides = kernel.count == rank ? kernel : Array(repeating: kernel[0], count: rank)
    let w = weight(name + ".weight", [channels, shape(x)[1] / groups] + sides)
    let rule = Convolution(
      stride: Extent(stride), padding: Extent(padding ?? sides.map { dilation * ($0 - 1) / 2 }),
      dilation: Extent(dilation), groups: groups, hasBias: hasBias)
    let inputs = hasBias ? [x, w, weight(name + ".bias", [channels])] : [x, w]
    return try append(.convolution(rule), inputs, layer: name)
  }

  /// The transposed convolution without padding: each position becomes a block of the kernel's size.
  mutating func transposedConvolution(
    _ name: String, _ x: ValueID, _ channels: Int, kernel: [Int], stride: [Int], padding: Int = 0
  ) throws -> ValueID {
    let input = shape(x)
    let rank = input.count - 2
    func sides(_ numbers: [Int]) -> [Int] {
      numbers.count == rank ? numbers : Array(repeating: numbers[0], count: rank)
    }
    let (kernels, strides) = (sides(kernel), sides(stride))
    let spatial = (0..<rank).map { (input[$0 + 2] - 1) * strides[$0] + kernels[$0] - 2 * padding }
    let w = weight(name + ".weight", [input[1], channels] + kernels)
    let forward = Convolution(stride: Extent(strides), padding: Extent(padding), hasBias: false)
    return try append(
      .convolutionBackwardInput(
        ConvolutionBackwardInput(forward: forward, input: Shape([input[0], channels] + spatial))),
      [x, w], layer: name)
  }

  /// Each position repeated `factor` times in each direction.
  mutating func upsample(_ name: String, _ x: ValueID, factor: Int = 2) throws -> ValueID {
    let input = shape(x)
    let rank = input.count - 2
    let positions = (0..<rank).reduce(1) { product, _ in product * factor }
    // What an average pool spreads in equal parts is the value itself, after this.
    let whole = try append(.scale(Scale(by: Double(positions))), [x], layer: name)
    let pool = AveragePool(window: Window(kernel: Extent(factor), stride: Extent(factor)))
    let output = Shape(Array(input[..<2]) + input[2...].map { $0 * factor })
    return try append(
      .averagePoolBackward(AveragePoolBackward(forward: pool, input: output)), [whole], layer: name)
  }

  mutating func norm(_ name: String, _ x: ValueID) throws -> ValueID {
    let channels = shape(x)[1]
    func affine() -> [ValueID] { [weight(name + ".weight", [channels]), weight(name + ".bias", [channels])] }
    switch normalisation {
    case .none: return x
    case .frozen:
      let factors = weight(
        name + ".weight", [1, channels] + Array(repeating: 1, count: shape(x).count - 2), frozen: true)
      return try append(.multiply(Multiply()), [x, factors], layer: name)
    case .batch: return try append(.batchNormalisation(BatchNormalisation(epsilon: 1e-5)), [x] + affine(), layer: name)
    case .instance:
      let rule = GroupNormalisation(epsilon: 1e-5, groups: channels)
      return try append(.groupNormalisation(rule), [x] + affine(), layer: name)
    case .group(let groups):
      return try append(
        .groupNormalisation(GroupNormalisation(epsilon: 1e-5, groups: groups)), [x] + affine(), layer: name)
    }
  }

  mutating func activation(_ name: String, _ x: ValueID, _ function: ActivationFunction = .relu) throws -> ValueID {
    try append(.activation(Activation(function)), [x], layer: name)
  }

  /// Convolution, norm and activation. A convolution has a bias where no norm follows.
  mutating func unit(
    _ name: String, _ x: ValueID, _ channels: Int, kernel: [Int], stride: [Int] = [1], dilation: Int = 1,
    groups: Int = 1, activation function: ActivationFunction? = .relu
  ) throws -> ValueID {
    var y = try convolution(
      name, x, channels, kernel: kernel, stride: stride, dilation: dilation, groups: groups,
      hasBias: normalisation == .none)
    y = try norm(name + ".norm", y)
    return try function.map { try activation(name, y, $0) } ?? y
  }

  mutating func dense(_ name: String, _ x: ValueID, _ outputs: Int, hasBias: Bool = true) throws -> ValueID {
    let w = weight(name + ".weight", [outputs, shape(x)[shape(x).count - 1]])
    let inputs = hasBias ? [x, w, weight(name + ".bias", [outputs])] : [x, w]
    return try append(.dense(Dense(hasBias: hasBias)), inputs, layer: name)
  }

  mutating func maxPool(_ name: String, _ x: ValueID, kernel: Int, stride: Int, padding: Int = 0) throws -> ValueID {
    let window = Window(kernel: Extent(kernel), stride: Extent(stride), padding: Extent(padding))
    return try append(.maxPool(MaxPool(window: window)), [x], layer: name)
  }

  mutating func add(_ name: String, _ values: [ValueID]) throws -> ValueID {
    try append(.add(Add()), values, layer: name)
  }

  mutating func concatenate(_ name: String, _ values: [ValueID], dimension: Int = 1) throws -> ValueID {
    try append(.concatenate(Concatenate(dimension: dimension)), values, layer: name)
  }

  mutating func dropout(_ name: String, _ x: ValueID, rate: Double) throws -> ValueID {
    try graph.dropout(name, x, rate: rate)
  }

  mutating func flatten(_ name: String, _ x: ValueID) throws -> ValueID { try graph.flatten(name, x) }

  /// The mean of each channel: [N, C, …] → [N, C].
  mutating func globalAverage(_ name: String, _ x: ValueID) throws -> ValueID {
    let pooled = try append(.adaptiveAveragePool(AdaptiveAveragePool(output: Extent(1))), [x], layer: name)
    return try graph.flatten(name, pooled)
  }
}

// MARK: Losses

extension NetworkBuilder {
  /// Scores [N, …, K] against a label each.
  mutating func crossEntropy(_ name: String, _ scores: ValueID) throws {
    let labels = Array(shape(scores).dropLast())
    let target = input(name + ".labels", labels, .int32)
    let rule = SoftmaxCrossEntropy(divisor: max(labels.reduce(1, *), 1))
    losses.append(try append(.softmaxCrossEntropy(rule), [scores, target], layer: name))
  }

  /// Numbers of any shape against as many targets.
  mutating func elementLoss(_ name: String, _ x: ValueID, _ function: ElementLossFunction) throws {
    let target = input(name + ".target", shape(x))
    let rule = ElementLoss(function, divisor: max(shape(x).reduce(1, *), 1))
    losses.append(try append(.elementLoss(rule), [x, target], layer: name))
  }

  /// Yes or no for each element.
  mutating func binaryLoss(_ name: String, _ x: ValueID) throws {
    try elementLoss(name, x, .binaryCrossEntropy(weights: []))
  }

  /// A class for each position of [N, K, …]: the channels are moved behind the positions.
  mutating func pixelLoss(_ name: String, _ x: ValueID) throws {
    let sides = shape(x)
    let flat = try append(
      .reshape(Reshape(to: [sides[0], sides[1], sides[2...].reduce(1, *)])), [x], layer: name)
    let last = try append(.transpose(Transpose(order: [0, 2, 1])), [flat], layer: name)
    try crossEntropy(name, last)
  }
}
