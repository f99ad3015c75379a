import ModelGraph
import Testing
import Units

import Models

/// The sizes of a dense layer, for hand formulas: a multiply-add counts as two.
private struct DenseSize {
  let inputs: Int
  let outputs: Int
  var parameters: Int { outputs * inputs + outputs }
  func forward(_ samples: Int) -> Int { samples * outputs * (2 * inputs + 1) }
  func weightGradients(_ samples: Int) -> Int { samples * outputs * (2 * inputs + 1) }
  func inputGradient(_ samples: Int) -> Int { 2 * samples * outputs * inputs }
}

/// Cross-entropy of `samples`×10: 5 operations an element forward, 2 backward.
private func lossFLOPs(_ samples: Int) -> (forward: Int, backward: Int) { (5 * 10 * samples, 2 * 10 * samples) }

@Suite struct ZooTests {
  func trainingGraph(_ zoo: Zoo, samples: Int) throws -> Graph {
    try zoo.model().trainingGraph(
      sampleShape: [1, 28, 28], shardSamples: samples, globalBatch: 4 * samples, loss: .crossEntropy)
  }

  @Test(arguments: [(Zoo.mlp, 535_818), (.lenet5, 61_706)])
  func hasAsManyParametersAsInPyTorch(_ zoo: Zoo, count: Int) throws {
    #expect(try trainingGraph(zoo, samples: 3).parameterCount == count)
  }

  /// Counts as torchvision documents them; the classes of ImageNet.
  @Test(arguments: [
    (Zoo.alexnet, 61_100_840), (.vgg16, 138_357_544), (.resnet18, 11_689_512), (.resnet34, 21_797_672),
    (.resnet50, 25_557_032), (.resnet101, 44_549_160), (.resnet152, 60_192_808), (.googlenet, 6_624_904),
    (.googlenetAuxiliary, 13_004_888),
  ])
  func hasAsManyParametersAsPublished(_ zoo: Zoo, count: Int) throws {
    let model = zoo.model()
    let graph = try model.trainingGraph(
      sampleShape: zoo.sampleShape(), shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    #expect(graph.parameterCount == count)
    #expect(graph.parameterGradients.count == graph.parameters.count)
    let inference = try model.evaluationGraph(
      sampleShape: zoo.sampleShape(), batch: 2, loss: .crossEntropy)
    #expect(inference.outputs["logits"].map { inference[$0].type } == TensorType([2, 1000]))
    // Auxiliary heads end with training.
    #expect(inference.parameterCount == (zoo == .googlenetAuxiliary ? 6_624_904 : count))
  }

  /// PyTorch's: gates times units·(inputs + units + 2 biases), the embedding, the dense layer.
  @Test(arguments: [
    (Zoo.rnnClassifier, 1_280_000 + 256 * (128 + 256 + 2) + 2 * 257),
    (.lstmClassifier, 1_280_000 + 4 * 256 * (128 + 256 + 2) + 2 * 257),
    (.gruClassifier, 1_280_000 + 3 * 256 * (128 + 256 + 2) + 2 * 257),
    (.rnnForecaster, 64 * (8 + 64 + 2) + 65), (.lstmForecaster, 4 * 64 * (8 + 64 + 2) + 65),
    (.gruForecaster, 3 * 64 * (8 + 64 + 2) + 65),
  ])
  func recurrentNetworksHaveTheParametersOfTheirGates(_ zoo: Zoo, count: Int) throws {
    let graph = try zoo.model().trainingGraph(
      sampleShape: zoo.sampleShape(), shardSamples: 2, globalBatch: 2, loss: zoo.usualLoss)
    #expect(graph.parameterCount == count)
  }

  /// 2·(multiply-adds) of every convolution and the last layer, by hand from the table of the paper (He et al. 2016).
  @Test func resnet50CostsWhatItsConvolutionsDo() throws {
    let graph = try Zoo.resnet50.model().graph(sampleShape: [3, 224, 224], batch: 1, mode: .inference)
    var products = 64 * 3 * 49 * 112 * 112 + 2048 * 1000
    var channels = 64
    for (stage, blocks) in [3, 4, 6, 3].enumerated() {
      let (width, side) = (64 << stage, 56 >> stage)
      for block in 0..<blocks {
        let before = stage > 0 && block == 0 ? 2 * side : side
        products += channels * width * before * before + (width * width * 9 + 4 * width * width) * side * side
        if block == 0 { products += channels * 4 * width * side * side }
        channels = 4 * width
      }
    }
    let work = graph.cost { node in
      switch node.operation {
      case .convolution, .dense: true
      default: false
      }
    }
    // The last layer's bias is a thousand additions.
    #expect(work.flops == FLOPs(2 * products + 1000))
    #expect(products == 4_089_184_256)
  }

  @Test func parametersAreNamedAfterTheirLayers() throws {
    let mlp = try trainingGraph(.mlp, samples: 2)
    #expect(
      mlp.parameters.map { "\(mlp[$0].name) \(mlp[$0].type)" } == [
        "l1.weight 512×784", "l1.bias 512", "l2.weight 256×512", "l2.bias 256", "l3.weight 10×256", "l3.bias 10",
      ])
    let lenet = try trainingGraph(.lenet5, samples: 2)
    #expect(
      lenet.parameters.map { "\(lenet[$0].name) \(lenet[$0].type)" } == [
        "c1.weight 6×1×5×5", "c1.bias 6", "c2.weight 16×6×5×5", "c2.bias 16", "f1.weight 120×400", "f1.bias 120",
        "f2.weight 84×120", "f2.bias 84", "f3.weight 10×84", "f3.bias 10",
      ])
  }

  @Test(arguments: [3, 16])
  func multilayerPerceptronCostsWhatTheFormulasSay(samples n: Int) throws {
    let layers = [
      DenseSize(inputs: 784, outputs: 512), DenseSize(inputs: 512, outputs: 256), DenseSize(inputs: 256, outputs: 10),
    ]
    let relu = n * (512 + 256)
    let forward = layers.reduce(0) { $0 + $1.forward(n) } + relu + lossFLOPs(n).forward
    let backward =
      layers.reduce(0) { $0 + $1.weightGradients(n) } + layers.dropFirst().reduce(0) { $0 + $1.inputGradient(n) }
      + relu + lossFLOPs(n).backward
    let graph = try trainingGraph(.mlp, samples: n)
    #expect(graph.cost(where: { $0.pass == .forward }).flops == FLOPs(forward))
    #expect(graph.cost(where: { $0.pass == .backward }).flops == FLOPs(backward))
  }

  @Test(arguments: [3, 16])
  func lenet5CostsWhatTheFormulasSay(samples n: Int) throws {
    let dense = [
      DenseSize(inputs: 400, outputs: 120), DenseSize(inputs: 120, outputs: 84), DenseSize(inputs: 84, outputs: 10),
    ]
    let image1 = n * 6 * 28 * 28
    let image2 = n * 16 * 10 * 10
    let pooled1 = n * 6 * 14 * 14
    let pooled2 = n * 16 * 5 * 5
    let convolutions = image1 * (2 * 1 * 25 + 1) + image2 * (2 * 6 * 25 + 1)
    let relu = image1 + image2 + n * (120 + 84)
    let forward =
      convolutions + relu + 4 * (pooled1 + pooled2) + dense.reduce(0) { $0 + $1.forward(n) } + lossFLOPs(n).forward
    // The first convolution needs no gradient of the images.
    let backward =
      convolutions + image2 * 2 * 6 * 25 + relu + pooled1 + pooled2
      + dense.reduce(0) { $0 + $1.weightGradients(n) + $1.inputGradient(n) } + lossFLOPs(n).backward
    let graph = try trainingGraph(.lenet5, samples: n)
    #expect(graph.cost(where: { $0.pass == .forward }).flops == FLOPs(forward))
    #expect(graph.cost(where: { $0.pass == .backward }).flops == FLOPs(backward))
  }

  @Test(arguments: Zoo.allCases.filter { $0.transformer == nil })
  func endsInAsManyOutputsAsThereAreClasses(_ zoo: Zoo) throws {
    let graph = try zoo.model(outputs: 37).graph(
      sampleShape: zoo.sampleShape(), batch: 5, mode: .inference)
    #expect(graph.outputs["logits"].map { graph[$0].type } == TensorType([5, 37]))
  }

  /// The same layers without the check find nothing to refuse in images of the smallest size, and do in smaller ones.
  @Test(arguments: Zoo.allCases.filter { $0.transformer == nil })
  func theSmallestImageIsTheSmallestThatFits(_ zoo: Zoo) throws {
    let model = zoo.model()
    guard let smallest = model.smallestImage else {
      return #expect(zoo == .mlp || zoo.rawValue.hasSuffix("-classifier") || zoo.rawValue.hasSuffix("-forecaster"))
    }
    let unchecked = ModelSpecification(name: "x", layers: model.layers, auxiliaryHeads: model.auxiliaryHeads)
    func fits(_ model: ModelSpecification, _ height: Int, _ width: Int) -> Bool {
      let graph = try? model.trainingGraph(
        sampleShape: [3, height, width], shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
      return graph != nil
    }
    #expect(fits(unchecked, smallest, smallest) && fits(model, smallest, smallest))
    guard smallest > 1 else { return }
    #expect(!fits(unchecked, smallest - 1, smallest + 40) && !fits(unchecked, smallest + 40, smallest - 1))
  }

  @Test(arguments: [
    (
      Zoo.alexnet, [1, 28, 28],
      "alexnet takes images of at least 63×63, [channels, height, width], a sample is 1×28×28; use larger images, or "
        + "resnet18, which takes any"
    ),
    (
      .vgg16, [3, 100, 31],
      "vgg16 takes images of at least 32×32, [channels, height, width], a sample is 3×100×31; use "
        + "larger images, or resnet18, which takes any"
    ),
    (.resnet50, [784], "resnet50 takes images, [channels, height, width], a sample is 784; use another model"),
  ])
  func samplesThatDoNotFitAreRefused(_ zoo: Zoo, _ sample: [Int], text: String) {
    let error = #expect(throws: GraphError.self) {
      try zoo.model().graph(sampleShape: SampleShape(Shape(sample)), batch: 2, mode: .inference)
    }
    #expect(error?.layer == "input" && error?.message == text, "\(error?.message ?? "")")
  }

  /// torchvision's: He's deviation by fan out for residual networks and VGG's convolutions, 0.01 for VGG's dense layers and
  /// all of GoogLeNet, PyTorch's default elsewhere.
  @Test(arguments: [
    (Zoo.resnet18, "layer2.0.conv1.weight", Initialiser.normal(deviation: Float((2 / (128 * 9.0)).squareRoot()))),
    (.resnet50, "fc.weight", .uniform(bound: Float(1 / 2048.0.squareRoot()))),
    (.vgg16, "features.2.weight", .normal(deviation: Float((2 / (64 * 9.0)).squareRoot()))),
    (.vgg16, "features.2.bias", .zeros), (.vgg16, "classifier.3.weight", .normal(deviation: 0.01)),
    (.vgg16, "classifier.3.bias", .zeros), (.googlenet, "inception3a.branch2.1.conv.weight", .normal(deviation: 0.01)),
    (.googlenet, "fc.weight", .normal(deviation: 0.01)), (.alexnet, "classifier.6.bias", .uniform(bound: 1 / 64)),
  ])
  func weightsAreDrawnAsInTorchvision(_ zoo: Zoo, name: String, initialiser: Initialiser) throws {
    let graph = try zoo.model().graph(sampleShape: zoo.sampleShape(), batch: 1, mode: .inference)
    #expect(graph.parameters.first { graph[$0].name == name }.map { graph[$0].initialiser } == initialiser)
  }

  /// 2·(multiply-adds) by hand, and the biases: 5 convolutions and 3 dense layers (Krizhevsky 2014).
  @Test func alexnetCostsWhatItsConvolutionsAndDenseLayersDo() throws {
    let graph = try Zoo.alexnet.model().graph(sampleShape: [3, 224, 224], batch: 1, mode: .inference)
    let convolutions = [
      (3, 64, 11, 55), (64, 192, 5, 27), (192, 384, 3, 13), (384, 256, 3, 13), (256, 256, 3, 13),
    ]
    let dense = [(9216, 4096), (4096, 4096), (4096, 1000)]
    let products =
      convolutions.reduce(0) { $0 + $1.0 * $1.1 * $1.2 * $1.2 * $1.3 * $1.3 } + dense.reduce(0) { $0 + $1.0 * $1.1 }
    let biases = convolutions.reduce(0) { $0 + $1.1 * $1.3 * $1.3 } + dense.reduce(0) { $0 + $1.1 }
    let work = graph.cost { node in
      switch node.operation {
      case .convolution, .dense: true
      default: false
      }
    }
    #expect(products == 714_188_480)
    #expect(work.flops == FLOPs(2 * products + biases))
  }

  @Test(arguments: [
    ("lenet", "unknown zoo model 'lenet'; did you mean 'lenet5'?"),
    ("LeNet-5", "unknown zoo model 'LeNet-5'; did you mean 'lenet5'?"),
    ("lmp", "unknown zoo model 'lmp'; did you mean 'mlp'?"),
    ("gpt-2-large", "unknown zoo model 'gpt-2-large'; did you mean 'gpt2-large'?"),
    (
      "transformer",
      "unknown zoo model 'transformer'; use one of " + Zoo.allCases.map(\.rawValue).joined(separator: ", ")
    ),
  ])
  func unknownNameIsAnsweredWithTheNearest(name: String, text: String) {
    let error = #expect(throws: UnknownModel.self) { try Zoo(named: name) }
    #expect(error?.description == text)
  }
}
