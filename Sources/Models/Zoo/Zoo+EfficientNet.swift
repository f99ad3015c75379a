import ModelGraph

/// Tan & Le 2019, table 1 scaled to a size.
struct EfficientNetwork {
  /// What the channels and the layers of EfficientNet-B0 are multiplied by, and the rate of dropout.
  let width: Double
  let depth: Double
  let dropout: Double
  /// Side of the images that the size is meant for.
  let side: Int

  /// B0 to B7.
  static let sizes = [
    EfficientNetwork(width: 1, depth: 1, dropout: 0.2, side: 224),
    EfficientNetwork(width: 1, depth: 1.1, dropout: 0.2, side: 240),
    EfficientNetwork(width: 1.1, depth: 1.2, dropout: 0.3, side: 260),
    EfficientNetwork(width: 1.2, depth: 1.4, dropout: 0.3, side: 300),
    EfficientNetwork(width: 1.4, depth: 1.8, dropout: 0.4, side: 380),
    EfficientNetwork(width: 1.6, depth: 2.2, dropout: 0.4, side: 456),
    EfficientNetwork(width: 1.8, depth: 2.6, dropout: 0.5, side: 528),
    EfficientNetwork(width: 2, depth: 3.1, dropout: 0.5, side: 600),
  ]

  /// Expansion, kernel, stride, channels and layers of each stage of B0.
  static let stages: [(expansion: Int, kernel: Int, stride: Int, channels: Int, layers: Int)] = [
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
  ]

  func channels(_ plain: Int) -> Int { roundedToEighths(Double(plain) * width) }
  func layers(_ plain: Int) -> Int { Int((Double(plain) * depth).rounded(.up)) }
}

/// The multiple of 8 that is next to `channels`, but not below nine tenths of it.
func roundedToEighths(_ channels: Double) -> Int {
  let nearest = max(8, Int(channels + 4) / 8 * 8)
  return Double(nearest) < 0.9 * channels ? nearest + 8 : nearest
}

extension Zoo {
  /// Names and numbers are torchvision's; its stochastic depth, which leaves out whole blocks at random, is not built.
  ///
  /// - Parameter isWide: whether squeeze and excitation narrows to a quarter of the channels that it sees, rather than of
  ///   the block's input (NVIDIA's EfficientNet-WideSE).
  func efficientnet(size: Int, isWide: Bool, _ classes: Int) -> ModelSpecification {
    let network = EfficientNetwork.sizes[size]
    var layers = NetworkLayers()
    if size >= 5 { (layers.epsilon, layers.momentum) = (0.001, 0.01) }
    var channels = network.channels(32)
    layers.convolution("features.0.0", channels: channels, kernel: Extent(3), stride: 2)
    layers.norm("features.0.1", .swish)
    for (index, stage) in EfficientNetwork.stages.enumerated() {
      for layer in 0..<network.layers(stage.layers) {
        let block = InvertedBottleneck(
          name: "features.\(index + 1).\(layer)", expansion: stage.expansion, kernel: stage.kernel,
          stride: layer == 0 ? stage.stride : 1, inputs: channels, outputs: network.channels(stage.channels))
        layers.append(block, squeezed: isWide ? channels * stage.expansion / 4 : channels / 4)
        channels = block.outputs
      }
    }
    layers.convolution("features.8.0", channels: 4 * channels, kernel: Extent(1))
    layers.norm("features.8.1", .swish)
    layers.classifier("classifier.1", classes, dropout: network.dropout)
    return ModelSpecification(name: rawValue, layers: layers.list, smallestImage: 1)
  }
}

/// Expand to more channels, convolve each by itself, narrow again (Sandler et al. 2018).
private struct InvertedBottleneck {
  let name: String
  let expansion: Int
  let kernel: Int
  let stride: Int
  let inputs: Int
  let outputs: Int
}

extension NetworkLayers {
  fileprivate mutating func append(_ block: InvertedBottleneck, squeezed: Int) {
    let input = last
    let expanded = block.inputs * block.expansion
    var index = 0
    func name() -> String {
      defer { index += 1 }
      return "\(block.name).block.\(index)"
    }
    if block.expansion > 1 {
      let expand = name()
      convolution("\(expand).0", channels: expanded, kernel: Extent(1))
      norm("\(expand).1", .swish)
    }
    let depthwise = name()
    convolution(
      "\(depthwise).0", channels: expanded, kernel: Extent(block.kernel), stride: block.stride, groups: expanded)
    norm("\(depthwise).1", .swish)
    squeezeExcitation(name(), channels: expanded, squeezed: max(squeezed, 1), activation: .swish)
    let project = name()
    convolution("\(project).0", channels: block.outputs, kernel: Extent(1))
    norm("\(project).1")
    guard block.stride == 1, block.inputs == block.outputs else { return }
    list.append(.init(.add([last, input]), name: "\(block.name).add"))
  }
}
