import ModelGraph

extension Zoo {
  /// - Parameter blocks: residual blocks of each of the four stages, which have 64, 128, 256 and 512 channels (four times
  ///   as many behind a bottleneck).
  func resnet(_ blocks: [Int], isBottleneck: Bool, _ classes: Int) -> ModelSpecification {
    var layers = ResidualLayers()
    layers.convolution("conv1", channels: 64, kernel: 7, stride: 2, padding: 3)
    layers.norm("bn1", isRectified: true)
    layers.list.append(
      .init(.maxPool(Window(kernel: Extent(3), stride: Extent(2), padding: Extent(1))), name: "maxpool"))
    for (stage, count) in blocks.enumerated() {
      for block in 0..<count {
        layers.block(
          "layer\(stage + 1).\(block)", width: 64 << stage, stride: stage > 0 && block == 0 ? 2 : 1,
          isBottleneck: isBottleneck, changesChannels: block == 0 && (stage > 0 || isBottleneck))
      }
    }
    layers.list += [
      .init(.globalAveragePool, name: "avgpool"), .init(.flatten), .init(.dense(outputs: classes), name: "fc"),
    ]
    return ModelSpecification(name: rawValue, layers: layers.list, smallestImage: 1)
  }
}

/// The layers of a residual network as they are put together; names are torchvision's.
private struct ResidualLayers {
  var list: [LayerSpecification] = []

  mutating func convolution(
    _ name: String, channels: Int, kernel: Int, stride: Int = 1, padding: Int, from: String? = nil
  ) {
    let settings = ConvolutionSettings(
      channels: channels, kernel: Extent(kernel), stride: Extent(stride), padding: Extent(padding), hasBias: false,
      initialisation: .heNormal)
    list.append(.init(.convolution(settings), name: name, from: from))
  }

  mutating func norm(_ name: String, isRectified: Bool) {
    list.append(.init(.batchNormalisation(activation: isRectified ? .relu : nil), name: name))
  }

  /// One residual block (He et al. 2016, figure 5).
  mutating func block(_ name: String, width: Int, stride: Int, isBottleneck: Bool, changesChannels: Bool) {
    let input = list.last?.name
    let channels = isBottleneck ? 4 * width : width
    if isBottleneck {
      convolution("\(name).conv1", channels: width, kernel: 1, padding: 0)
      norm("\(name).bn1", isRectified: true)
      convolution("\(name).conv2", channels: width, kernel: 3, stride: stride, padding: 1)
      norm("\(name).bn2", isRectified: true)
      convolution("\(name).conv3", channels: channels, kernel: 1, padding: 0)
      norm("\(name).bn3", isRectified: false)
    } else {
      convolution("\(name).conv1", channels: width, kernel: 3, stride: stride, padding: 1)
      norm("\(name).bn1", isRectified: true)
      convolution("\(name).conv2", channels: width, kernel: 3, padding: 1)
      norm("\(name).bn2", isRectified: false)
    }
    let transformed = list.last?.name ?? ""
    var shortcut = input ?? ""
    if changesChannels || stride > 1 {
      convolution("\(name).downsample.0", channels: channels, kernel: 1, stride: stride, padding: 0, from: input)
      norm("\(name).downsample.1", isRectified: false)
      shortcut = "\(name).downsample.1"
    }
    list.append(.init(.add([transformed, shortcut]), name: "\(name).add"))
    list.append(.init(.activation(.relu), name: "\(name).relu"))
  }
}
