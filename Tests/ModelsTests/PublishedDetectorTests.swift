import ModelGraph
import Models
import Testing
import Units

@Suite struct PublishedDetectorTests {
  private func part(_ name: String, batch: Int, image: (Int, Int)? = nil) throws -> ModelPart {
    try #require(try PublishedModel(ModelDescription(name: name)).parts(microBatch: batch, image: image).first)
  }

  /// ResNet-50 and the feature pyramid of Mask R-CNN, of which torchvision counts convolutions alone.
  @Test func theBackboneCountsAsTorchvisionsDoes() throws {
    let counts = try #require(TorchvisionCounts.all["mask r-cnn backbone"])
    let input = try #require(counts.input)
    let graph = try part(
      "torchvision Mask R-CNN R50-FPN", batch: input[0], image: (input[2], input[3])
    ).graph
    let flops = graph.productFLOPs { $0.hasPrefix("backbone.") || $0.hasPrefix("fpn.") }
    #expect(flops == counts.flops)
  }

  /// Whatever is frozen has no gradient, and what is not has one.
  @Test func theStemAndTheFirstStageAreFrozen() throws {
    let detector = try part("Mask R-CNN R50-FPN", batch: 1)
    let step = try detector.stepGraph()
    let trained = Set(step.parameters.map { step[$0].name })
    #expect(!trained.contains { $0.hasPrefix("backbone.conv1") || $0.hasPrefix("backbone.layer1") })
    #expect(!trained.contains { $0.hasPrefix("backbone.") && $0.hasSuffix("norm.weight") })
    #expect(trained.contains("backbone.layer2.0.conv1.weight"))
    #expect(!step.nodes.contains { $0.pass == .backward && $0.layer.hasPrefix("backbone.layer1") })
    #expect(step.parameterGradients.count == step.parameters.count)
  }

  /// 512 regions of 7×7 for boxes, 128 of 14×14 for masks, of each image.
  @Test func headsSeeTheRegionsThatTrainingSamples() throws {
    let graph = try part("Mask R-CNN R50-FPN", batch: 3).graph
    let aligned = graph.nodes.compactMap { node -> Shape? in
      if case .regionAlign = node.operation { graph[node.outputs[0]].type.shape } else { nil }
    }
    #expect(aligned == [[1536, 256, 7, 7], [384, 256, 14, 14]])
  }

  @Test func aRegionsGradientGoesToEachMap() throws {
    let step = try part("Faster R-CNN R50-FPN", batch: 2).stepGraph()
    let back = try #require(
      step.nodes.first { if case .regionAlignBackward = $0.operation { true } else { false } })
    let forward = try #require(
      step.nodes.first { if case .regionAlign = $0.operation { true } else { false } })
    #expect(back.outputs.map { step[$0].type } == forward.inputs.dropLast().map { step[$0].type })
  }

  @Test func regionsOfAnotherShapeAreRefused() throws {
    var graph = Graph()
    let maps = [graph.input("a", TensorType([2, 8, 6, 4])), graph.input("b", TensorType([2, 7, 3, 2]))]
    let regions = graph.input("regions", TensorType([5, 5]))
    let error = #expect(throws: GraphError.self) {
      try graph.append(.regionAlign(RegionAlign(side: 7)), maps + [regions], layer: "align")
    }
    #expect(error?.code == .shapeMismatch)
  }

  /// Detectors of one backbone, from the least work to the most; by their papers and model zoos.
  @Test func moreHeadsAreMoreWork() throws {
    let names = [
      "RPN R50-FPN", "Faster R-CNN R50-FPN", "Mask R-CNN R50-FPN", "Panoptic FPN R50-FPN", "Panoptic FPN R101-FPN",
      "Faster R-CNN R50-C4", "Keypoint R-CNN R50-FPN", "Keypoint R-CNN X101-FPN",
    ]
    let work = try names.map { try part($0, batch: 1).stepGraph().cost().flops.count }
    #expect(work == work.sorted(), "\(work)")
  }

  /// Millions as mmdetection and detectron2 state them, within what class counts and frozen shifts differ.
  @Test(arguments: [
    ("Faster R-CNN R50-FPN", 41.7), ("Mask R-CNN R50-FPN", 44.4), ("Mask R-CNN R101-FPN", 63.4),
    ("Mask R-CNN X101-32x8d-FPN", 107.5), ("Keypoint R-CNN R50-FPN", 59.1), ("RetinaNet R50", 37.9),
    ("Panoptic FPN R50-FPN", 46.0),
  ])
  func hasAsManyParametersAsPublished(_ name: String, millions: Double) throws {
    let count = try PublishedModel(ModelDescription(name: name)).parameterCount()
    #expect(abs(Double(count) / 1e6 / millions - 1) < 0.01, "\(count)")
  }

  /// A photograph of 4 : 3 whose shorter side is 800, or as printed where all images are padded to it.
  @Test(arguments: [
    ("800x1333", 800, 1088), ("800x1333 (multi-scale train)", 736, 992), ("832x1344", 832, 1344), ("", 800, 1088),
  ])
  func imagesAreOfTheSizeThatTheyHaveOnAverage(_ image: String, height: Int, width: Int) throws {
    let model = try PublishedModel(ModelDescription(name: "Mask R-CNN R50-FPN", image: image))
    let graph = try model.parts(microBatch: 2)[0].graph
    #expect(graph.inputs.first.map { graph[$0].type } == TensorType([2, 3, height, width]))
  }

  @Test(arguments: ["Mask R-CNN X152", "Other Settings Deformable Conv", "SSD512-VGG16"])
  func whatHasUnknownPartsIsRefused(_ name: String) {
    let error = #expect(throws: PublishedModelError.self) { try PublishedModel(ModelDescription(name: name)) }
    #expect(error?.code == .unsupported)
  }
}
