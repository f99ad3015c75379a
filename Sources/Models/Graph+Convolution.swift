package import ModelGraph

// Shapes: N samples, C input channels, O output channels, G groups, I… input, K… kernel and P… output extents, of one to
// three spatial dimensions.

extension Graph {
  /// y[n,o,p] = b[o] + Σ x[n,c,p·stride + k·dilation − padding] W[o,c,k]: one small filter a channel, slid over the input.
  ///
  /// x [N, C, I…] → y [N, O, P…], P = (I + 2 padding − dilation (K − 1) − 1) / stride + 1 rounded down. Parameters:
  /// `<name>.weight` [O, C/G, K…] and `<name>.bias` [O], both drawn from uniform(±1/√(C/G·K…)) unless told otherwise
  /// (the defaults of PyTorch's `nn.Conv2d`). As many groups as channels make a depthwise convolution.
  ///
  ///     let edges = try graph.convolution("c1", x, ConvolutionSettings(channels: 6, kernel: Extent(5), padding: Extent(2)))
  ///
  /// - Throws: `GraphError` if x is not [samples, channels, …], the kernel does not fit it, or a number is out of range.
  package mutating func convolution(
    _ name: String, _ x: ValueID, _ settings: ConvolutionSettings, weightInitialiser: Initialiser? = nil,
    biasInitialiser: Initialiser? = nil
  ) throws -> ValueID {
    try requireAtLeastOne(settings.channels, "channels", layer: name)
    try requireAtLeastOne(settings.groups, "groups", layer: name)
    let input = self[x].type
    let rank = input.shape.rank - 2
    guard (1...3).contains(rank), let kernel = settings.kernel.sides(rank: rank) else {
      throw GraphError(
        .shapeMismatch, layer: name, key: "kernel",
        "a convolution with a kernel of \(settings.kernel) takes [samples, channels, …] with as many spatial "
          + "dimensions, its input is \(input.shape)")
    }
    guard input.shape[1] % settings.groups == 0 else {
      throw GraphError(
        .invalidArgument, layer: name, key: "groups",
        "\(settings.groups) groups do not divide the \(input.shape[1]) channels of the input \(input.shape); use a divisor"
      )
    }
    let operation = Convolution(
      stride: settings.stride, padding: settings.padding, dilation: settings.dilation, groups: settings.groups,
      hasBias: settings.hasBias)
    let weights = Shape([settings.channels, input.shape[1] / settings.groups] + kernel)
    let result = try operation.outputTypes([input, TensorType(weights)], layer: name)
    let taps = weights.elementCount / settings.channels
    try requireFeasible(result + [TensorType(weights)], workPerOutput: taps, layer: name)
    let fanOut = settings.channels / settings.groups * kernel.reduce(1, *)
    let drawn = weightInitialiser ?? settings.initialisation.weights(fanIn: taps, fanOut: fanOut)
    var inputs = [x, parameter(name + ".weight", weights, drawn)]
    if settings.hasBias {
      let bias = biasInitialiser ?? settings.initialisation.bias(fanIn: taps)
      inputs.append(parameter(name + ".bias", [settings.channels], bias))
    }
    return try append(.convolution(operation), inputs, layer: name)[0]
  }

  /// The largest element of each window. x [N, C, I…] → y [N, C, P…]; no parameters.
  ///
  ///     let half = try graph.maxPool("p1", x, Window(kernel: Extent(2), stride: Extent(2)))
  ///
  /// - Throws: `GraphError` if x is not [samples, channels, …] or the window does not fit it.
  package mutating func maxPool(_ name: String, _ x: ValueID, _ window: Window) throws -> ValueID {
    let operation = MaxPool(window: window)
    let result = try operation.outputTypes([self[x].type], layer: name)
    try requireFeasible(result, workPerOutput: 256, layer: name)
    return try append(.maxPool(operation), [x], layer: name)[0]
  }

  /// The mean of each window. x [N, C, I…] → y [N, C, P…]; no parameters.
  ///
  ///     let half = try graph.averagePool("p1", x, Window(kernel: Extent(2), stride: Extent(2)))
  ///
  /// - Parameter countsPadding: whether positions on the padding count in the mean, as zeros.
  /// - Throws: `GraphError` if x is not [samples, channels, …] or the window does not fit it.
  package mutating func averagePool(
    _ name: String, _ x: ValueID, _ window: Window, countsPadding: Bool = true
  ) throws -> ValueID {
    let operation = AveragePool(window: window, countsPadding: countsPadding)
    let result = try operation.outputTypes([self[x].type], layer: name)
    let taps = window.kernel.sides(rank: self[x].type.shape.rank - 2)?.reduce(1, *) ?? 1
    try requireFeasible(result, workPerOutput: taps, layer: name)
    return try append(.averagePool(operation), [x], layer: name)[0]
  }

  /// The means of as many windows as `output` says, which cover the input: window i of P is ⌊i I / P⌋ ..< ⌈(i + 1) I / P⌉
  /// (PyTorch's `nn.AdaptiveAvgPool2d`). x [N, C, I…] → y [N, C, P…]; no parameters, and no operation where I = P.
  ///
  ///     let features = try graph.adaptiveAveragePool("pool", x, output: Extent(6))
  ///
  /// - Throws: `GraphError` if x is not [samples, channels, …] or `output` is for another number of dimensions.
  package mutating func adaptiveAveragePool(_ name: String, _ x: ValueID, output: Extent) throws -> ValueID {
    let operation = AdaptiveAveragePool(output: output)
    let result = try operation.outputTypes([self[x].type], layer: name)[0]
    return result == self[x].type ? x : try append(.adaptiveAveragePool(operation), [x], layer: name)[0]
  }

  /// The mean over all positions of each channel. x [N, C, I…] → y [N, C, 1…]; no parameters.
  ///
  ///     let features = try graph.flatten("flatten", graph.globalAveragePool("pool", x))
  ///
  /// - Throws: `GraphError` if x is not [samples, channels, …].
  package mutating func globalAveragePool(_ name: String, _ x: ValueID) throws -> ValueID {
    let spatial = Array(self[x].type.shape.dimensions.dropFirst(2))
    guard (1...3).contains(spatial.count) else {
      throw GraphError(
        .shapeMismatch, layer: name,
        "global pooling takes [samples, channels, …] with one to three spatial dimensions, its input is "
          + "\(self[x].type.shape)")
    }
    return try averagePool(name, x, Window(kernel: Extent(spatial), stride: Extent(1)))
  }
}
