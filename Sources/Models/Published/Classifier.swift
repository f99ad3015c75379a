import ModelGraph

/// An image classifier: a network of the zoo, or one of its family in another size.
struct Classifier: PublishedArchitecture {
  enum Network: Sendable {
    case zoo(Zoo)
    case specification(ModelSpecification)
    case wide(WideResidualNetwork)
  }

  let network: Network
  let classes: Int
  /// Height and width when the run does not say them.
  let side: Int

  var samplesUnit: SampleUnit { .image }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    let image: Shape = [3, run.height ?? side, run.width ?? side]
    let model: ModelSpecification
    switch network {
    case .wide(let wide): return [try wide.part(run, side: side)]
    case .zoo(let zoo): model = zoo.model(outputs: classes)
    case .specification(let specification): model = specification
    }
    let (graph, losses) = try model.lossGraph(
      sampleShape: SampleShape(image), shardSamples: run.microBatch, globalBatch: run.microBatch, loss: .crossEntropy)
    return [ModelPart(model.name, graph, losses: losses)]
  }

  init(_ zoo: Zoo, classes: Int? = nil) {
    network = .zoo(zoo)
    self.classes = classes ?? zoo.usualOutputs
    side = zoo.sampleShape().fields[0].type.shape[1]
  }

  init(_ specification: ModelSpecification, classes: Int, side: Int) {
    network = .specification(specification)
    self.classes = classes
    self.side = side
  }

  init(_ wide: WideResidualNetwork) {
    network = .wide(wide)
    classes = wide.classes
    side = 224
  }
}

extension Classifier {
  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let key = description.key
    guard !key.contains("rcnn"), !key.contains("retinanet"), !key.contains("ssd"), !key.contains("deit") else {
      return nil
    }
    if key.contains("efficientnet") { return try efficientNetwork(description) }
    if key.contains("wideresnet") || key.contains("wresnet") { return try wideNetwork(description) }
    if let match = try residual(description) { return match }
    return plain(key)
  }

  /// The networks whose names tell all there is to tell.
  private static func plain(_ key: String) -> Classifier? {
    let names: [(String, Zoo)] = [
      ("alexnet", .alexnet), ("vgg11", .vgg11), ("vgg13", .vgg13), ("vgg16", .vgg16), ("vgg19", .vgg19),
      ("densenet121", .densenet121), ("densenet161", .densenet161), ("densenet169", .densenet169),
      ("densenet201", .densenet201), ("googlenet", .googlenet), ("inceptionv1", .googlenet),
      ("inceptionbn", .inceptionBN), ("bninception", .inceptionBN), ("inceptionv3", .inceptionV3),
      ("inception3", .inceptionV3), ("inceptionv4", .inceptionV4), ("inception4", .inceptionV4),
      ("mobilenetv2", .mobilenetV2), ("mobilenetv1", .mobilenetV1), ("squeezenet", .squeezenet), ("lenet", .lenet5),
    ]
    if let found = names.first(where: { key.contains($0.0) }) { return Classifier(found.1) }
    return key.hasPrefix("mobilenet") && !key.contains("v3") ? Classifier(.mobilenetV1) : nil
  }

  /// `efficientnet-b4`, `EfficientNet-v1-B0`, `efficientnet-widese-b0`.
  private static func efficientNetwork(_ description: ModelDescription) throws -> Classifier {
    let key = description.key
    guard !key.contains("v2") else {
      throw PublishedModelError(.unsupported, "'\(description.name)': EfficientNet v2 is not among the known networks")
    }
    guard let size = description.words.number(after: "b"), EfficientNetwork.sizes.indices.contains(size) else {
      throw PublishedModelError(
        .missingShape, "'\(description.name)' names no size of EfficientNet from b0 to b7")
    }
    let plain: [Zoo] = [
      .efficientnetB0, .efficientnetB1, .efficientnetB2, .efficientnetB3, .efficientnetB4, .efficientnetB5,
      .efficientnetB6, .efficientnetB7,
    ]
    guard key.contains("widese") else { return Classifier(plain[size]) }
    return Classifier(
      plain[size].efficientnet(size: size, isWide: true, 1000), classes: 1000,
      side: EfficientNetwork.sizes[size].side)
  }

  private static func wideNetwork(_ description: ModelDescription) throws -> Classifier {
    let key = description.key
    if key.contains("2810") { return Classifier(.wideResnet28) }
    if key.contains("resnet502") { return Classifier(.wideResnet50) }
    if key.contains("resnet1012") { return Classifier(.wideResnet101) }
    return Classifier(try WideResidualNetwork(description))
  }

  private static func residual(_ description: ModelDescription) throws -> Classifier? {
    let key = description.key
    if key.contains("resnext") {
      let isWide = key.contains("32x8d") || key.contains("8d")
      switch description.words.number(after: "resnext") {
      case 50 where !isWide: return Classifier(.resnext50)
      case 101: return Classifier(key.contains("seresnext") ? .seResnext101 : isWide ? .resnext101Wide : .resnext101)
      default:
        throw PublishedModelError(
          .missingShape, "'\(description.name)': of ResNeXt, 50-32x4d, 101-32x4d and 101-32x8d are known")
      }
    }
    guard key.contains("resnet"), let depth = description.words.number(after: "resnet") else { return nil }
    if let sides = description.imageSides, sides.height <= 64 { return try small(description, depth: depth) }
    if key.contains("cifar") { return try small(description, depth: depth) }
    let isSecond = key.contains("v2") || key.contains("preact")
    let known: [Int: (Zoo, Zoo?)] = [
      18: (.resnet18, nil), 34: (.resnet34, nil), 50: (.resnet50, .resnet50V2), 101: (.resnet101, .resnet101V2),
      152: (.resnet152, .resnet152V2),
    ]
    guard let (first, second) = known[depth], let zoo = isSecond ? second : first else {
      throw PublishedModelError(
        .missingShape,
        "'\(description.name)': a ResNet of \(depth) layers\(isSecond ? ", version 2," : "") is not known")
    }
    // TensorFlow's benchmarks call the first version's stride "v1" and version 1.5 by its number.
    if !isSecond, depth >= 50, !key.contains("v15"), description.isOfFirstBenchmarks, var network = zoo.residualNetwork
    {
      network.stridesFirst = true
      return Classifier(network.model(name: "\(zoo.rawValue)-v1", classes: 1000), classes: 1000, side: 224)
    }
    return Classifier(zoo)
  }

  /// For images of 32×32: 18 layers in ImageNet's stages, nine layers (Page 2018), 6n + 2 layers in blocks of two and
  /// 9n + 2 in bottlenecks (He et al. 2016, 2016b).
  private static func small(_ description: ModelDescription, depth: Int) throws -> Classifier {
    let key = description.key
    if key.contains("class") {
      throw PublishedModelError(.missingShape, "'\(description.name)' names a class of networks and none of them")
    }
    switch depth {
    case 9: return Classifier(.resnet9)
    case 18: return Classifier(.resnet18CIFAR)
    case 34: return scaled("resnet34-cifar", ResidualNetwork(stem: .small, blocks: [3, 4, 6, 3], isBottleneck: false))
    case 50: return scaled("resnet50-cifar", ResidualNetwork(stem: .small, blocks: [3, 4, 6, 3]))
    default: break
    }
    let isPlain = key.contains("nobottleneck") || !key.contains("bottleneck") && depth % 6 == 2 && depth != 164
    let perBlock = isPlain ? 6 : 9
    guard depth > 2, (depth - 2) % perBlock == 0 else {
      throw PublishedModelError(
        .missingShape, "'\(description.name)': \(depth) layers are no whole number of blocks in three stages")
    }
    var network = ResidualNetwork(
      stem: .small, blocks: Array(repeating: (depth - 2) / perBlock, count: 3), width: 16, isBottleneck: !isPlain)
    network.isPreActivated = key.contains("preact")
    return scaled("resnet\(depth)-cifar", network)
  }

  private static func scaled(_ name: String, _ network: ResidualNetwork) -> Classifier {
    Classifier(network.model(name: name, classes: 10), classes: 10, side: 32)
  }
}

extension String {
  /// The whole number that stands behind the last `prefix` that digits follow, a space between or none.
  func number(after prefix: String) -> Int? {
    let parts = ranges(of: prefix).map { range in
      self[range.upperBound...].drop(while: { $0 == " " }).prefix(while: \.isNumber)
    }
    return parts.last(where: { !$0.isEmpty }).flatMap { Int($0) }
  }
}
