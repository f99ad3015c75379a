package import ModelGraph

// Shapes: N samples, C channels, I inputs, O outputs, P pieces.

extension Graph {
  /// y = f(x), element by element, of any shape; no parameters.
  ///
  ///     let positive = try graph.activation("relu1", x, .relu)
  ///
  /// - Throws: `GraphError` if a number of the function is out of its range.
  package mutating func activation(_ name: String, _ x: ValueID, _ function: ActivationFunction) throws -> ValueID {
    try append(.activation(Activation(function)), [x], layer: name)[0]
  }

  /// y = x where it is positive, else slope · x with slopes that are learned (He et al. 2015).
  ///
  /// x [N, C, …] → y of the same shape. Parameter: `<name>.slope` [C], or [1] if the channels share one; all are
  /// `settings.initialSlope` (0.25) at first: PyTorch's `nn.PReLU`.
  ///
  ///     let y = try graph.prelu("prelu1", x, PReLUSettings(isPerChannel: true))
  ///
  /// - Throws: `GraphError` if each channel should have a slope and x has no channels.
  package mutating func prelu(
    _ name: String, _ x: ValueID, _ settings: PReLUSettings = PReLUSettings()
  ) throws -> ValueID {
    let shape = self[x].type.shape
    guard !settings.isPerChannel || shape.rank >= 2 else {
      throw GraphError(
        .shapeMismatch, layer: name, key: "per_channel",
        "a slope for each channel takes [samples, channels, …], its input is \(shape); use one slope for all")
    }
    let slopes: Shape = [settings.isPerChannel ? shape[1] : 1]
    let slope = parameter(name + ".slope", slopes, .constant(Float(settings.initialSlope)))
    return try append(.prelu(PReLU()), [x, slope], layer: name)[0]
  }

  /// y[…, o] = max over p of (x W + b)[…, p · O + o]: the largest of P linear functions (Goodfellow et al. 2013).
  ///
  /// x […, I] → y […, O]. Parameters: those of a dense layer of P · O outputs, `<name>.weight` [P · O, I] and
  /// `<name>.bias` [P · O], both drawn from uniform(±1/√I); the rows of piece p begin at p · O.
  ///
  ///     let hidden = try graph.maxout("m1", x, outputs: 64, pieces: 3)
  ///
  /// - Throws: `GraphError` if `outputs` is below 1, `pieces` outside 2 ... 256, or x does not fit a dense layer.
  package mutating func maxout(
    _ name: String, _ x: ValueID, outputs: Int, pieces: Int, hasBias: Bool = true
  ) throws -> ValueID {
    try requireAtLeastOne(outputs, "outputs", layer: name)
    let operation = Maxout(pieces: pieces)
    let (count, overflow) = outputs.multipliedReportingOverflow(by: pieces)
    guard !overflow, count <= largestTensor else {
      throw GraphError(.invalidArgument, layer: name, "\(outputs) outputs of \(pieces) pieces each; use fewer")
    }
    _ = try operation.outputTypes([TensorType([count])], layer: name)
    let linear = try dense(name, x, outputs: count, hasBias: hasBias)
    return try append(.maxout(operation), [linear], layer: name)[0]
  }

  /// y = eˣ / Σ eˣ along a dimension, −1 the last one: scores to probabilities. x of any shape; no parameters.
  ///
  ///     let probabilities = try graph.softmax("softmax", logits)
  ///
  /// - Throws: `GraphError` if x is a scalar or has no such dimension.
  package mutating func softmax(_ name: String, _ x: ValueID, dimension: Int = -1) throws -> ValueID {
    try append(.softmax(Softmax(dimension: dimension)), [x], layer: name)[0]
  }

  /// y = x − log Σ eˣ along a dimension, −1 the last one: the logarithm of a softmax, where it would be 0 as well. x of
  /// any shape; no parameters.
  ///
  ///     let scores = try graph.logSoftmax("scores", logits, dimension: 1)
  ///
  /// - Throws: `GraphError` if x is a scalar or has no such dimension.
  package mutating func logSoftmax(_ name: String, _ x: ValueID, dimension: Int = -1) throws -> ValueID {
    try append(.softmax(Softmax(dimension: dimension, isLogarithm: true)), [x], layer: name)[0]
  }
}
