import ModelGraph

extension Zoo {
  /// Huang et al. 2017: in a block, every layer reads what all layers before it made. Names are torchvision's.
  ///
  /// - Parameters:
  ///   - growth: channels that a layer adds.
  ///   - start: channels of the stem.
  ///   - blocks: layers of each dense block; between two of them the channels and each side are halved.
  func densenet(growth: Int, start: Int, blocks: [Int], _ classes: Int) -> ModelSpecification {
    var layers = NetworkLayers()
    layers.convolution("features.conv0", channels: start, kernel: Extent(7), stride: 2)
    layers.norm("features.norm0", .relu)
    layers.maxPool("features.pool0", kernel: 3, stride: 2, padding: 1)
    var channels = start
    for (index, count) in blocks.enumerated() {
      let block = "features.denseblock\(index + 1)"
      var made = [layers.last]
      for layer in 1...count {
        let name = "\(block).denselayer\(layer)"
        if made.count > 1 { layers.list.append(.init(.concatenate(made), name: "\(name).concat")) }
        layers.norm("\(name).norm1", .relu)
        layers.convolution("\(name).conv1", channels: 4 * growth, kernel: Extent(1))
        layers.norm("\(name).norm2", .relu)
        layers.convolution("\(name).conv2", channels: growth, kernel: Extent(3))
        made.append(layers.last)
      }
      layers.list.append(.init(.concatenate(made), name: block))
      channels += count * growth
      guard index < blocks.count - 1 else { continue }
      channels /= 2
      let transition = "features.transition\(index + 1)"
      layers.norm("\(transition).norm", .relu)
      layers.convolution("\(transition).conv", channels: channels, kernel: Extent(1))
      layers.averagePool("\(transition).pool", kernel: 2, stride: 2)
    }
    layers.norm("features.norm5", .relu)
    layers.classifier("classifier", classes)
    return ModelSpecification(name: rawValue, layers: layers.list, smallestImage: 29)
  }
}
