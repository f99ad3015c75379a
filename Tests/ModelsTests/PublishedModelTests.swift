import ModelGraph
import Models
import Testing
import Units

private func description(
  _ name: String, parameters: String = "", image: String = "", sequence: String = ""
) -> ModelDescription {
  ModelDescription(name: name, parameters: parameters, sequence: sequence, image: image)
}

@Suite struct PublishedModelTests {
  /// Spellings of sources, and the zoo's network that each means.
  @Test(arguments: [
    ("ResNet-50", "224", Zoo.resnet50), ("ResNet-50 v1.5", "224", .resnet50), ("resnet50", "", .resnet50),
    ("resnet50_v1.5", "", .resnet50), ("ResNet-50 v2", "224", .resnet50V2), ("ResNet152", "", .resnet152),
    ("ResNeXt101-32x4d", "224", .resnext101), ("SE-ResNeXt101-32x4d", "224", .seResnext101),
    ("ResNet-18 (CIFAR)", "32", .resnet18CIFAR), ("ResNet-9 (custom)", "32", .resnet9),
    ("EfficientNet-v1-B4", "380", .efficientnetB4), ("efficientnet-b0", "224", .efficientnetB0),
    ("DenseNet-161", "224", .densenet161), ("Inception-v3", "299", .inceptionV3), ("inception3", "", .inceptionV3),
    ("VGG16", "224", .vgg16), ("AlexNet", "224", .alexnet), ("Wide-ResNet-28-10", "32", .wideResnet28),
    ("efficientnet-widese-b4", "380", .efficientnetWideB4), ("GoogLeNet", "224", .googlenet),
  ])
  func aNameIsMatchedInManySpellings(_ name: String, image: String, zoo: Zoo) throws {
    let model = try PublishedModel(description(name, image: image))
    let parts = try model.parts(microBatch: 3)
    let (expected, _) = try zoo.model().lossGraph(
      sampleShape: zoo.sampleShape(), shardSamples: 3, globalBatch: 3, loss: .crossEntropy)
    #expect(parts.count == 1)
    #expect(parts[0].graph.cost() == expected.cost())
    #expect(model.samplesUnit == .image)
    #expect(try model.parameterCount() == expected.parameterCount)
  }

  /// He et al. 2016, table 1: 3.8 · 10⁹ multiply-adds with the stride in the first 1×1, 4.1 in the 3×3.
  @Test(arguments: [
    ("ResNet-50", "TensorFlow 1.8 tf_cnn_benchmarks", 3.858),
    ("ResNet-50 v1.5", "TensorFlow 1.x tf_cnn_benchmarks", 4.089),
    ("ResNet-50", "PyTorch", 4.089),
  ])
  func theFirstResidualNetworkStridesEarlier(_ name: String, framework: String, billions: Double) throws {
    let model = try PublishedModel(ModelDescription(name: name, framework: framework))
    let products = try model.parts(microBatch: 1)[0].graph.productFLOPs() / 2
    #expect(abs(Double(products) / 1e9 / billions - 1) < 0.001, "\(products)")
    #expect(try model.parameterCount() == 25_557_032)
  }

  @Test func imagesOfChangingSizeMakeNoStep() throws {
    let model = try PublishedModel(description("ResNet-50", image: "128-288 progressive"))
    #expect(throws: PublishedModelError.self) { try model.parts(microBatch: 2) }
    #expect(try model.parts(microBatch: 2, image: (128, 128)).count == 1)
  }

  /// Rows of the published table: Zheng et al. 2022, table 8 and the ablations, in billions.
  @Test(arguments: [
    ("Wide-ResNet-250M (Alpa)", 0.2541), ("Wide-ResNet-500M (Alpa)", 0.495), ("Wide-ResNet-1B (Alpa)", 1.0057),
    ("Wide-ResNet-2B (Alpa)", 1.965), ("Wide-ResNet-4B (Alpa)", 4.0009), ("Wide-ResNet-6.8B (Alpa)", 6.7277),
    ("Wide-ResNet-13B (Alpa)", 13.2671), ("Wide-ResNet-50 C160 W2 (Alpa ablation)", 0.254123),
    ("Wide-ResNet-50 C224 W4 (Alpa weak scaling)", 0.895432), ("Wide-ResNet-50 C640 W4 (Alpa weak scaling)", 7.270024),
  ])
  func alpasWideNetworksHaveTheirParameters(_ name: String, billions: Double) throws {
    let count = try PublishedModel(description(name, image: "224")).parameterCount()
    #expect(abs(Double(count) / 1e9 / billions - 1) < 0.0005, "\(count)")
  }

  /// Millions of parameters as the papers or their implementations state them: Li et al. 2019 (table 1); Redmon & Farhadi
  /// 2018 in Darknet's weights; Isensee et al. 2021; Ronneberger et al. 2015; detectron2's model zoo.
  @Test(arguments: [
    ("Jasper 10x5dr", 333.0, 0.01), ("YOLOv3 (Darknet-53)", 61.95, 0.001), ("nnU-Net 3D", 31.2, 0.02),
    ("U-Net", 31.0, 0.01), ("RetinaNet R50", 37.8, 0.01),
  ])
  func hasAsManyParametersAsPublished(_ name: String, millions: Double, tolerance: Double) throws {
    let count = try PublishedModel(description(name)).parameterCount()
    #expect(abs(Double(count) / 1e6 / millions - 1) < tolerance, "\(count)")
  }

  @Test(arguments: [
    "Jasper 10x5dr", "YOLOv3 (Darknet-53)", "nnU-Net 2D", "nnU-Net 3D", "U-Net", "V-Net", "U-Net3D", "RetinaNet R101",
    "SSD300-ResNet50", "SSD320-ResNet50-FPN", "Wide-ResNet-250M (Alpa)", "ResNet-164 (bottleneck, preact)",
    "ResNet-164 (no bottleneck)",
  ])
  func everyPartHasAStep(_ name: String) throws {
    for part in try PublishedModel(description(name, image: name.hasPrefix("ResNet") ? "32" : "")).parts(microBatch: 2)
    {
      let step = try part.stepGraph()
      #expect(step.parameterGradients.count == step.parameters.count)
      #expect(step.blockedParameters.isEmpty)
      let (forward, backward) = (
        step.cost { $0.pass == .forward }.flops.count, step.cost { $0.pass == .backward }.flops.count
      )
      // Backward is the work of forward twice, but for what is frozen and the image's gradient.
      #expect(backward > 1.2 * forward && backward < 2.2 * forward, "\(backward / forward)")
    }
  }

  @Test func workGrowsWithTheMicroBatch() throws {
    let model = try PublishedModel(description("nnU-Net 2D"))
    let (one, three) = (try model.parts(microBatch: 1)[0].graph, try model.parts(microBatch: 3)[0].graph)
    #expect(three.cost().flops.count == 3 * one.cost().flops.count)
    #expect(three.parameterCount == one.parameterCount)
  }

  @Test(arguments: [
    ("ResNet-50-class CIFAR (tensorpack)", "32", PublishedModelError.Code.missingShape),
    ("Wide ResNet (custom)", "32", .missingShape), ("ResNet-77", "224", .missingShape),
    ("efficientnet-v2-s", "", .unsupported), ("Frobnicator", "", .unknownModel),
  ])
  func whatCannotBeBuiltIsRefusedWithItsReason(_ name: String, image: String, code: PublishedModelError.Code) {
    let error = #expect(throws: PublishedModelError.self) { try PublishedModel(description(name, image: image)) }
    #expect(error?.code == code)
    #expect(error?.reason.contains(name) == true)
  }

  @Test(arguments: [
    ("224", 224, 224), ("832x1344", 832, 1344), ("800x1333 max", 800, 1333), ("128x128x128", 128, 128),
  ])
  func anImageIsReadAsItIsPrinted(_ text: String, height: Int, width: Int) throws {
    let graph = try PublishedModel(description("ResNet-50", image: text)).parts(microBatch: 1)[0].graph
    #expect(graph.inputs.first.map { graph[$0].type } == TensorType([1, 3, height, width]))
  }
}
