import ModelGraph

extension Zoo {
  static func mlp(_ classes: Int) -> ModelSpecification {
    ModelSpecification(
      name: Zoo.mlp.rawValue,
      layers: [
        .init(.flatten),
        .init(.dense(outputs: 512, activation: .relu), name: "l1"),
        .init(.dense(outputs: 256, activation: .relu), name: "l2"),
        .init(.dense(outputs: classes), name: "l3"),
      ])
  }

  static func lenet5(_ classes: Int) -> ModelSpecification {
    ModelSpecification(
      name: Zoo.lenet5.rawValue,
      layers: [
        .init(.convolution(.init(channels: 6, kernel: Extent(5), padding: Extent(2), activation: .relu)), name: "c1"),
        .init(.maxPool(Window(kernel: Extent(2), stride: Extent(2))), name: "p1"),
        .init(.convolution(.init(channels: 16, kernel: Extent(5), activation: .relu)), name: "c2"),
        .init(.maxPool(Window(kernel: Extent(2), stride: Extent(2))), name: "p2"),
        .init(.flatten),
        .init(.dense(outputs: 120, activation: .relu), name: "f1"),
        .init(.dense(outputs: 84, activation: .relu), name: "f2"),
        .init(.dense(outputs: classes), name: "f3"),
      ], smallestImage: 12)
  }

  /// Layer names are torchvision's: `features.0` … `classifier.6`.
  static func alexnet(_ classes: Int) -> ModelSpecification {
    func convolution(_ index: Int, _ channels: Int, _ kernel: Int, stride: Int = 1, padding: Int) -> LayerSpecification
    {
      let settings = ConvolutionSettings(
        channels: channels, kernel: Extent(kernel), stride: Extent(stride), padding: Extent(padding), activation: .relu)
      return .init(.convolution(settings), name: "features.\(index)")
    }
    func pool(_ index: Int) -> LayerSpecification {
      .init(.maxPool(Window(kernel: Extent(3), stride: Extent(2))), name: "features.\(index)")
    }
    return ModelSpecification(
      name: Zoo.alexnet.rawValue,
      layers: [
        convolution(0, 64, 11, stride: 4, padding: 2), pool(2),
        convolution(3, 192, 5, padding: 2), pool(5),
        convolution(6, 384, 3, padding: 1), convolution(8, 256, 3, padding: 1), convolution(10, 256, 3, padding: 1),
        pool(12), .init(.adaptiveAveragePool(Extent(6)), name: "avgpool"), .init(.flatten),
        .init(.dropout(rate: 0.5), name: "classifier.0"),
        .init(.dense(outputs: 4096, activation: .relu), name: "classifier.1"),
        .init(.dropout(rate: 0.5), name: "classifier.3"),
        .init(.dense(outputs: 4096, activation: .relu), name: "classifier.4"),
        .init(.dense(outputs: classes), name: "classifier.6"),
      ], smallestImage: 63)
  }

  /// Simonyan & Zisserman 2015, table 1; layer names are torchvision's.
  ///
  /// - Parameter convolutions: of each of the five stages, which have 64, 128, 256, 512 and 512 channels.
  func vgg(_ convolutions: [Int], _ classes: Int) -> ModelSpecification {
    var layers: [LayerSpecification] = []
    var index = 0
    let narrow = WeightInitialisation.normal(deviation: 0.01)
    for (count, channels) in zip(convolutions, [64, 128, 256, 512, 512]) {
      for _ in 0..<count {
        let settings = ConvolutionSettings(
          channels: channels, kernel: Extent(3), padding: Extent(1), activation: .relu, initialisation: .heNormal)
        layers.append(.init(.convolution(settings), name: "features.\(index)"))
        index += 2
      }
      layers.append(.init(.maxPool(Window(kernel: Extent(2), stride: Extent(2))), name: "features.\(index)"))
      index += 1
    }
    layers += [
      .init(.adaptiveAveragePool(Extent(7)), name: "avgpool"), .init(.flatten),
      .init(.dense(outputs: 4096, activation: .relu, initialisation: narrow), name: "classifier.0"),
      .init(.dropout(rate: 0.5), name: "classifier.2"),
      .init(.dense(outputs: 4096, activation: .relu, initialisation: narrow), name: "classifier.3"),
      .init(.dropout(rate: 0.5), name: "classifier.5"),
      .init(.dense(outputs: classes, initialisation: narrow), name: "classifier.6"),
    ]
    return ModelSpecification(name: rawValue, layers: layers, smallestImage: 32)
  }
}
