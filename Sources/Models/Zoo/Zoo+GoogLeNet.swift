import ModelGraph

extension Zoo {
  func googlenet(_ classes: Int, hasAuxiliaryHeads: Bool) -> ModelSpecification {
    var layers = NetworkLayers(initialisation: narrow, epsilon: 0.001)
    layers.inceptionUnit("conv1", channels: 64, kernel: Extent(7), stride: 2)
    layers.maxPool("maxpool1", kernel: 3, stride: 2, roundsUp: true)
    layers.inceptionUnit("conv2", channels: 64, kernel: Extent(1))
    layers.inceptionUnit("conv3", channels: 192, kernel: Extent(3))
    layers.maxPool("maxpool2", kernel: 3, stride: 2, roundsUp: true)
    layers.module("inception3a", 64, (96, 128), (16, 32), 32)
    layers.module("inception3b", 128, (128, 192), (32, 96), 64)
    layers.maxPool("maxpool3", kernel: 3, stride: 2, roundsUp: true)
    layers.module("inception4a", 192, (96, 208), (16, 48), 64)
    layers.module("inception4b", 160, (112, 224), (24, 64), 64)
    layers.module("inception4c", 128, (128, 256), (24, 64), 64)
    layers.module("inception4d", 112, (144, 288), (32, 64), 64)
    layers.module("inception4e", 256, (160, 320), (32, 128), 128)
    layers.maxPool("maxpool4", kernel: 2, stride: 2, roundsUp: true)
    layers.module("inception5a", 256, (160, 320), (32, 128), 128)
    layers.module("inception5b", 384, (192, 384), (48, 128), 128)
    layers.list += [
      .init(.globalAveragePool, name: "avgpool"), .init(.flatten), .init(.dropout(rate: 0.2), name: "dropout"),
      .init(.dense(outputs: classes, initialisation: narrow), name: "fc"),
    ]
    let heads = [("aux1", "inception4a"), ("aux2", "inception4d")].map { Self.head($0, from: $1, classes) }
    return ModelSpecification(
      name: rawValue, layers: layers.list, auxiliaryHeads: hasAuxiliaryHeads ? heads : [], smallestImage: 31)
  }

  /// An auxiliary classifier (torchvision's `InceptionAux`).
  private static func head(_ name: String, from source: String, _ classes: Int) -> AuxiliaryHead {
    AuxiliaryHead(
      weight: 0.3,
      layers: [
        .init(.adaptiveAveragePool(Extent(4)), name: "\(name).pool", from: source),
        .init(
          .convolution(.init(channels: 128, kernel: Extent(1), hasBias: false, initialisation: narrow)),
          name: "\(name).conv.conv"),
        .init(.batchNormalisation(epsilon: 0.001, activation: .relu), name: "\(name).conv.bn"),
        .init(.flatten, name: "\(name).flatten"),
        .init(.dense(outputs: 1024, activation: .relu, initialisation: narrow), name: "\(name).fc1"),
        .init(.dropout(rate: 0.7), name: "\(name).dropout"),
        .init(.dense(outputs: classes, initialisation: narrow), name: "\(name).fc2"),
      ])
  }
}

/// torchvision's, but for the dense layers' biases, which begin at 0 here and are uniform(±1/√fan in) there.
private let narrow = WeightInitialisation.normal(deviation: 0.01)

extension NetworkLayers {
  /// Four branches side by side (figure 2b); torchvision's third has 3×3 where the paper has 5×5.
  fileprivate mutating func module(
    _ name: String, _ one: Int, _ three: (reduce: Int, out: Int), _ five: (reduce: Int, out: Int), _ pooled: Int
  ) {
    let input = last
    inceptionUnit("\(name).branch1", channels: one, kernel: Extent(1))
    inceptionUnit("\(name).branch2.0", channels: three.reduce, kernel: Extent(1), from: input)
    inceptionUnit("\(name).branch2.1", channels: three.out, kernel: Extent(3))
    inceptionUnit("\(name).branch3.0", channels: five.reduce, kernel: Extent(1), from: input)
    inceptionUnit("\(name).branch3.1", channels: five.out, kernel: Extent(3))
    maxPool("\(name).branch4.0", kernel: 3, stride: 1, padding: 1, roundsUp: true, from: input)
    inceptionUnit("\(name).branch4.1", channels: pooled, kernel: Extent(1))
    list.append(
      .init(
        .concatenate(["branch1", "branch2.1", "branch3.1", "branch4.1"].map { "\(name).\($0).bn" }), name: name))
  }
}
