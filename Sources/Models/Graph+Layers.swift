package import ModelGraph

// Shapes: N samples, O outputs, I inputs.

extension Graph {
  /// y = x Wᵀ + b: every output sees every input feature.
  ///
  /// x [N, I] → y [N, O], or, the same at every step of a sequence, x [N, T, I] → y [N, T, O]. Parameters:
  /// `<name>.weight` [O, I] and `<name>.bias` [O], both drawn from uniform(±1/√I) unless told otherwise (the defaults of
  /// PyTorch's `nn.Linear`); see `WeightInitialisation`.
  ///
  ///     let hidden = try graph.dense("l1", x, outputs: 512)
  ///
  /// - Throws: `GraphError` if x is not [samples, features] or [samples, steps, features], or `outputs` is below 1.
  package mutating func dense(
    _ name: String, _ x: ValueID, outputs: Int, hasBias: Bool = true, initialisation: WeightInitialisation = .uniform,
    weightInitialiser: Initialiser? = nil, biasInitialiser: Initialiser? = nil
  ) throws -> ValueID {
    try requireAtLeastOne(outputs, "outputs", layer: name)
    let input = self[x].type
    guard (2...3).contains(input.shape.rank) else {
      throw GraphError(
        .shapeMismatch, layer: name,
        "a dense layer takes [samples, features], its input is \(input); put a 'flatten' layer before it")
    }
    let features = input.shape.dimensions.last ?? 0
    let operation = Dense(hasBias: hasBias)
    let weights: Shape = [outputs, features]
    let result = try operation.outputTypes([input, TensorType(weights)], layer: name)
    try requireFeasible(result + [TensorType(weights)], workPerOutput: features, layer: name)
    let drawn = weightInitialiser ?? initialisation.weights(fanIn: features, fanOut: outputs)
    var inputs = [x, parameter(name + ".weight", weights, drawn)]
    if hasBias {
      inputs.append(parameter(name + ".bias", [outputs], biasInitialiser ?? initialisation.bias(fanIn: features)))
    }
    return try append(.dense(operation), inputs, layer: name)[0]
  }

  /// All features of a sample in one row: x [N, …] → y [N, I], row-major; no parameters.
  ///
  ///     let features = try graph.flatten("flatten", images)
  ///
  /// - Throws: `GraphError` if x is a scalar.
  package mutating func flatten(_ name: String, _ x: ValueID) throws -> ValueID {
    let shape = self[x].type.shape
    guard shape.rank >= 1 else {
      throw GraphError(.shapeMismatch, layer: name, "flatten takes [samples, …], its input is a scalar")
    }
    let features = shape.dimensions.dropFirst().reduce(1, *)
    return try append(.reshape(Reshape(to: [shape[0], features])), [x], layer: name)[0]
  }

  /// y = x / (1 − rate) with probability 1 − rate, else 0; for training only. x of any shape; no parameters.
  ///
  /// The dropout layers of a graph are told apart by their order in it.
  ///
  ///     let thinned = try graph.dropout("drop", x, rate: 0.5)
  ///
  /// - Throws: `GraphError` if `rate` is outside 0 ..< 1.
  package mutating func dropout(_ name: String, _ x: ValueID, rate: Double) throws -> ValueID {
    let earlier = nodes.count { if case .dropout = $0.operation { true } else { false } }
    return try append(.dropout(Dropout(rate: rate, key: earlier)), [x], layer: name)[0]
  }
}

extension Initialiser {
  /// uniform(±1/√fanIn): PyTorch's default for the weights and the bias of dense and convolution layers.
  package static func uniform(fanIn: Int) -> Initialiser {
    .uniform(bound: Float(1 / Double(max(fanIn, 1)).squareRoot()))
  }
}

func requireAtLeastOne(_ count: Int, _ what: String, layer: String) throws {
  guard count >= 1 else {
    throw GraphError(.invalidArgument, layer: layer, key: what, "\(what) is \(count); use at least 1")
  }
}

/// Elements of one tensor: more than any machine holds, few enough that no count of a graph overflows.
let largestTensor = 1 << 40

/// Refuses a layer whose tensors or work are so large that counting them could overflow.
///
/// 2⁴⁰ elements are 4 TiB, 2⁵² multiply-adds a day of a hundred cores: no typing error gets by, no real layer is hit.
func requireFeasible(_ types: [TensorType], workPerOutput: Int, layer: String) throws {
  for type in types where boundedProduct(type.shape.dimensions, limit: largestTensor) == nil {
    throw GraphError(
      .invalidArgument, layer: layer, "a tensor of \(type.shape) has more than 2⁴⁰ elements; use fewer or smaller ones")
  }
  guard boundedProduct(types[0].shape.dimensions + [workPerOutput], limit: 1 << 52) != nil else {
    throw GraphError(
      .invalidArgument, layer: layer,
      "\(types[0].shape) outputs of \(workPerOutput) multiply-adds each are more than 2⁵²; use a smaller layer or batch"
    )
  }
}

/// The product of `factors`, none below 0; nil if it is more than `limit`.
func boundedProduct(_ factors: [Int], limit: Int) -> Int? {
  var product = 1
  for factor in factors {
    let (next, overflow) = product.multipliedReportingOverflow(by: factor)
    guard !overflow, next <= limit else { return nil }
    product = next
  }
  return product
}
