import ModelGraph

/// The layers of a convolutional network as they are put together; where torchvision has the network, names are its own.
struct NetworkLayers {
  var list: [LayerSpecification] = []
  /// Of every convolution.
  var initialisation = WeightInitialisation.heNormal
  /// Of every batch norm.
  var epsilon = 1e-5
  var momentum = 0.1

  /// The name of the layer that was put last; the model's input before the first.
  var last: String { list.last?.name ?? ModelSpecification.inputName }

  /// - Parameter padding: nil for what keeps the size at a stride of 1, which takes odd kernels.
  mutating func convolution(
    _ name: String, channels: Int, kernel: Extent, stride: Int = 1, padding: Extent? = nil, groups: Int = 1,
    hasBias: Bool = false, activation: ActivationFunction? = nil, from: String? = nil
  ) {
    let settings = ConvolutionSettings(
      channels: channels, kernel: kernel, stride: Extent(stride),
      padding: padding ?? Extent(kernel.sides.map { ($0 - 1) / 2 }), groups: groups, hasBias: hasBias,
      activation: activation, initialisation: initialisation)
    list.append(.init(.convolution(settings), name: name, from: from))
  }

  mutating func norm(_ name: String, _ activation: ActivationFunction? = nil, from: String? = nil) {
    list.append(
      .init(
        .batchNormalisation(epsilon: epsilon, momentum: momentum, activation: activation), name: name, from: from))
  }

  mutating func maxPool(
    _ name: String, kernel: Int, stride: Int, padding: Int = 0, roundsUp: Bool = false, from: String? = nil
  ) {
    let window = Window(
      kernel: Extent(kernel), stride: Extent(stride), padding: Extent(padding), roundsUp: roundsUp)
    list.append(.init(.maxPool(window), name: name, from: from))
  }

  mutating func averagePool(
    _ name: String, kernel: Int, stride: Int, padding: Int = 0, countsPadding: Bool = true, from: String? = nil
  ) {
    let window = Window(kernel: Extent(kernel), stride: Extent(stride), padding: Extent(padding))
    list.append(.init(.averagePool(window, countsPadding: countsPadding), name: name, from: from))
  }

  /// x · σ(W₂ f(W₁ mean(x))), a weight for each channel from all of them (Hu et al. 2018): the mean over all positions, two
  /// convolutions of 1×1 named `<name>.fc1` and `<name>.fc2`, and the product, `<name>.scale`.
  mutating func squeezeExcitation(
    _ name: String, channels: Int, squeezed: Int, activation: ActivationFunction = .relu
  ) {
    let x = last
    list.append(.init(.adaptiveAveragePool(Extent(1)), name: "\(name).avgpool"))
    convolution("\(name).fc1", channels: squeezed, kernel: Extent(1), hasBias: true, activation: activation)
    convolution("\(name).fc2", channels: channels, kernel: Extent(1), hasBias: true, activation: .sigmoid)
    list.append(.init(.multiply(x, "\(name).fc2"), name: "\(name).scale"))
  }

  /// The mean of each channel, dropout, and a dense layer to the classes.
  mutating func classifier(
    _ name: String, _ classes: Int, dropout: Double = 0, hasBias: Bool = true,
    initialisation: WeightInitialisation = .uniform
  ) {
    list.append(.init(.globalAveragePool, name: "avgpool"))
    list.append(.init(.flatten, name: "flatten"))
    if dropout > 0 { list.append(.init(.dropout(rate: dropout), name: "dropout")) }
    list.append(.init(.dense(outputs: classes, hasBias: hasBias, initialisation: initialisation), name: name))
  }
}
