import ModelGraph

extension Zoo {
  /// Howard et al. 2017: 3×3 convolutions of each channel by itself, 1×1 convolutions between them.
  func mobilenetV1(_ classes: Int) -> ModelSpecification {
    var layers = NetworkLayers()
    func unit(_ name: String, _ channels: Int, kernel: Int, stride: Int = 1, groups: Int = 1) {
      layers.convolution("\(name).conv", channels: channels, kernel: Extent(kernel), stride: stride, groups: groups)
      layers.norm("\(name).bn", .relu)
    }
    unit("stem", 32, kernel: 3, stride: 2)
    var channels = 32
    let blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + Array(repeating: (512, 1), count: 5)
    for (index, (outputs, stride)) in (blocks + [(1024, 2), (1024, 1)]).enumerated() {
      unit("block\(index).depthwise", channels, kernel: 3, stride: stride, groups: channels)
      unit("block\(index).pointwise", outputs, kernel: 1)
      channels = outputs
    }
    layers.classifier("classifier", classes)
    return ModelSpecification(name: rawValue, layers: layers.list, smallestImage: 1)
  }

  /// Sandler et al. 2018: narrow blocks with shortcuts, wide inside. Names are torchvision's; ReLU has no upper end of 6.
  func mobilenetV2(_ classes: Int) -> ModelSpecification {
    var layers = NetworkLayers()
    func unit(_ name: String, _ channels: Int, kernel: Int, stride: Int = 1, groups: Int = 1) {
      layers.convolution("\(name).0", channels: channels, kernel: Extent(kernel), stride: stride, groups: groups)
      layers.norm("\(name).1", .relu)
    }
    unit("features.0", 32, kernel: 3, stride: 2)
    var (channels, index) = (32, 1)
    let stages = [
      (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ]
    for (expansion, outputs, count, firstStride) in stages {
      for layer in 0..<count {
        let (input, name, stride) = (layers.last, "features.\(index).conv", layer == 0 ? firstStride : 1)
        var part = 0
        if expansion > 1 {
          unit("\(name).0", channels * expansion, kernel: 1)
          part = 1
        }
        let expanded = channels * expansion
        unit("\(name).\(part)", expanded, kernel: 3, stride: stride, groups: expanded)
        layers.convolution("\(name).\(part + 1)", channels: outputs, kernel: Extent(1))
        layers.norm("\(name).\(part + 2)")
        if stride == 1, channels == outputs {
          layers.list.append(.init(.add([input, layers.last]), name: "features.\(index).add"))
        }
        channels = outputs
        index += 1
      }
    }
    unit("features.18", 1280, kernel: 1)
    layers.classifier("classifier.1", classes, dropout: 0.2, initialisation: .normal(deviation: 0.01))
    return ModelSpecification(name: rawValue, layers: layers.list, smallestImage: 1)
  }

  /// Iandola et al. 2016, version 1.1: 1×1 convolutions that squeeze, 1×1 and 3×3 side by side that expand. Names are
  /// torchvision's.
  func squeezenet(_ classes: Int) -> ModelSpecification {
    var layers = NetworkLayers()
    func fire(_ index: Int, _ squeezed: Int, _ expanded: Int) {
      let name = "features.\(index)"
      layers.convolution("\(name).squeeze", channels: squeezed, kernel: Extent(1), hasBias: true, activation: .relu)
      let squeezed = layers.last
      for side in [1, 3] {
        layers.convolution(
          "\(name).expand\(side)x\(side)", channels: expanded, kernel: Extent(side), hasBias: true, activation: .relu,
          from: squeezed)
      }
      layers.list.append(.init(.concatenate(["\(name).expand1x1", "\(name).expand3x3"]), name: name))
    }
    layers.convolution(
      "features.0", channels: 64, kernel: Extent(3), stride: 2, padding: Extent(0), hasBias: true, activation: .relu)
    layers.maxPool("features.2", kernel: 3, stride: 2, roundsUp: true)
    fire(3, 16, 64)
    fire(4, 16, 64)
    layers.maxPool("features.5", kernel: 3, stride: 2, roundsUp: true)
    fire(6, 32, 128)
    fire(7, 32, 128)
    layers.maxPool("features.8", kernel: 3, stride: 2, roundsUp: true)
    for (index, (squeezed, expanded)) in [(48, 192), (48, 192), (64, 256), (64, 256)].enumerated() {
      fire(9 + index, squeezed, expanded)
    }
    layers.list.append(.init(.dropout(rate: 0.5), name: "classifier.0"))
    layers.initialisation = .normal(deviation: 0.01)
    layers.convolution("classifier.1", channels: classes, kernel: Extent(1), hasBias: true, activation: .relu)
    layers.list += [.init(.globalAveragePool, name: "classifier.3"), .init(.flatten, name: "flatten")]
    return ModelSpecification(name: rawValue, layers: layers.list, smallestImage: 25)
  }
}
