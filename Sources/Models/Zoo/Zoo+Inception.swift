import ModelGraph

extension Zoo {
  /// Ioffe & Szegedy 2015, figure 5: the network that batch normalisation came with.
  func inceptionBN(_ classes: Int) -> ModelSpecification {
    var layers = NetworkLayers()
    layers.inceptionUnit("conv1", channels: 64, kernel: Extent(7), stride: 2)
    layers.maxPool("pool1", kernel: 3, stride: 2, roundsUp: true)
    layers.inceptionUnit("conv2_reduce", channels: 64, kernel: Extent(1))
    layers.inceptionUnit("conv2", channels: 192, kernel: Extent(3))
    layers.maxPool("pool2", kernel: 3, stride: 2, roundsUp: true)
    func module(_ name: String, _ one: Int, _ three: (Int, Int), _ double: (Int, Int), _ pooled: Int) {
      let pool = InceptionStep("pool_proj", pooled, 1)
      layers.inceptionModule(
        "inception_\(name)",
        [
          .convolutions([InceptionStep("1x1", one, 1)]),
          .convolutions([InceptionStep("3x3_reduce", three.0, 1), InceptionStep("3x3", three.1, 3)]),
          .convolutions([
            InceptionStep("double_reduce", double.0, 1), InceptionStep("double_1", double.1, 3),
            InceptionStep("double_2", double.1, 3),
          ]),
          name == "5b" ? .largest(pool) : .averaged(pool),
        ])
    }
    func reduction(_ name: String, _ three: (Int, Int), _ double: (Int, Int)) {
      layers.inceptionModule(
        "inception_\(name)", poolPadding: 1,
        [
          .convolutions([
            InceptionStep("3x3_reduce", three.0, 1), InceptionStep("3x3", three.1, 3, stride: 2, isPadded: true),
          ]),
          .convolutions([
            InceptionStep("double_reduce", double.0, 1), InceptionStep("double_1", double.1, 3),
            InceptionStep("double_2", double.1, 3, stride: 2, isPadded: true),
          ]),
          .reduced,
        ])
    }
    module("3a", 64, (64, 64), (64, 96), 32)
    module("3b", 64, (64, 96), (64, 96), 64)
    reduction("3c", (128, 160), (64, 96))
    module("4a", 224, (64, 96), (96, 128), 128)
    module("4b", 192, (96, 128), (96, 128), 128)
    module("4c", 160, (128, 160), (128, 160), 128)
    module("4d", 96, (128, 192), (160, 192), 128)
    reduction("4e", (128, 192), (192, 256))
    module("5a", 352, (192, 320), (160, 224), 128)
    module("5b", 352, (192, 320), (192, 224), 128)
    layers.classifier("fc", classes)
    return ModelSpecification(name: rawValue, layers: layers.list, smallestImage: 11)
  }

  /// Szegedy et al. 2016 ("Rethinking the Inception Architecture"), without the auxiliary classifier; names are
  /// torchvision's.
  func inceptionV3(_ classes: Int) -> ModelSpecification {
    var layers = NetworkLayers(initialisation: .normal(deviation: 0.1), epsilon: 0.001)
    let unpadded = Extent(0)
    layers.inceptionUnit("Conv2d_1a_3x3", channels: 32, kernel: Extent(3), stride: 2, padding: unpadded)
    layers.inceptionUnit("Conv2d_2a_3x3", channels: 32, kernel: Extent(3), padding: unpadded)
    layers.inceptionUnit("Conv2d_2b_3x3", channels: 64, kernel: Extent(3))
    layers.maxPool("maxpool1", kernel: 3, stride: 2)
    layers.inceptionUnit("Conv2d_3b_1x1", channels: 80, kernel: Extent(1))
    layers.inceptionUnit("Conv2d_4a_3x3", channels: 192, kernel: Extent(3), padding: unpadded)
    layers.maxPool("maxpool2", kernel: 3, stride: 2)
    for (name, pooled) in [("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)] {
      layers.inceptionModule(
        name,
        [
          .convolutions([InceptionStep("branch1x1", 64, 1)]),
          .convolutions([InceptionStep("branch5x5_1", 48, 1), InceptionStep("branch5x5_2", 64, 5)]),
          .convolutions(Self.doubled(64, 96)), .averaged(InceptionStep("branch_pool", pooled, 1)),
        ])
    }
    layers.inceptionModule(
      "Mixed_6a",
      [
        .convolutions([InceptionStep("branch3x3", 384, 3, stride: 2)]),
        .convolutions(Self.doubled(64, 96, stride: 2)), .reduced,
      ])
    for (name, inner) in [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)] {
      layers.inceptionModule(name, Self.sevens(inner))
    }
    layers.inceptionModule(
      "Mixed_7a",
      [
        .convolutions([InceptionStep("branch3x3_1", 192, 1), InceptionStep("branch3x3_2", 320, 3, stride: 2)]),
        .convolutions([
          InceptionStep("branch7x7x3_1", 192, 1), InceptionStep("branch7x7x3_2", 192, 1, 7),
          InceptionStep("branch7x7x3_3", 192, 7, 1), InceptionStep("branch7x7x3_4", 192, 3, stride: 2),
        ]),
        .reduced,
      ])
    for name in ["Mixed_7b", "Mixed_7c"] {
      layers.inceptionModule(
        name,
        [
          .convolutions([InceptionStep("branch1x1", 320, 1)]),
          .forked(
            [InceptionStep("branch3x3_1", 384, 1)], InceptionStep("branch3x3_2a", 384, 1, 3),
            InceptionStep("branch3x3_2b", 384, 3, 1)),
          .forked(
            [InceptionStep("branch3x3dbl_1", 448, 1), InceptionStep("branch3x3dbl_2", 384, 3)],
            InceptionStep("branch3x3dbl_3a", 384, 1, 3), InceptionStep("branch3x3dbl_3b", 384, 3, 1)),
          .averaged(InceptionStep("branch_pool", 192, 1)),
        ])
    }
    layers.classifier("fc", classes, dropout: 0.5, initialisation: .normal(deviation: 0.1))
    return ModelSpecification(name: rawValue, layers: layers.list, smallestImage: 75)
  }

  private static func doubled(_ inner: Int, _ outer: Int, stride: Int = 1) -> [InceptionStep] {
    [
      InceptionStep("branch3x3dbl_1", inner, 1), InceptionStep("branch3x3dbl_2", outer, 3),
      InceptionStep("branch3x3dbl_3", outer, 3, stride: stride),
    ]
  }

  private static func sevens(_ inner: Int) -> [InceptionBranch] {
    [
      .convolutions([InceptionStep("branch1x1", 192, 1)]),
      .convolutions([
        InceptionStep("branch7x7_1", inner, 1), InceptionStep("branch7x7_2", inner, 1, 7),
        InceptionStep("branch7x7_3", 192, 7, 1),
      ]),
      .convolutions([
        InceptionStep("branch7x7dbl_1", inner, 1), InceptionStep("branch7x7dbl_2", inner, 7, 1),
        InceptionStep("branch7x7dbl_3", inner, 1, 7), InceptionStep("branch7x7dbl_4", inner, 7, 1),
        InceptionStep("branch7x7dbl_5", 192, 1, 7),
      ]),
      .averaged(InceptionStep("branch_pool", 192, 1)),
    ]
  }
}
