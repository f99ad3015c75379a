import ModelGraph

extension Zoo {
  /// Szegedy et al. 2017, figures 3 to 9.
  func inceptionV4(_ classes: Int) -> ModelSpecification {
    var layers = NetworkLayers(epsilon: 0.001)
    layers.inceptionUnit("stem.1", channels: 32, kernel: Extent(3), stride: 2, padding: Extent(0))
    layers.inceptionUnit("stem.2", channels: 32, kernel: Extent(3), padding: Extent(0))
    layers.inceptionUnit("stem.3", channels: 64, kernel: Extent(3))
    layers.inceptionModule("stem.4", [.reduced, .convolutions([InceptionStep("conv", 96, 3, stride: 2)])])
    layers.inceptionModule(
      "stem.5",
      [
        .convolutions([InceptionStep("a1", 64, 1), InceptionStep("a2", 96, 3, isPadded: false)]),
        .convolutions([
          InceptionStep("b1", 64, 1), InceptionStep("b2", 64, 1, 7), InceptionStep("b3", 64, 7, 1),
          InceptionStep("b4", 96, 3, isPadded: false),
        ]),
      ])
    layers.inceptionModule("stem.6", [.convolutions([InceptionStep("conv", 192, 3, stride: 2)]), .reduced])
    for index in 1...4 { layers.inceptionModule("inceptionA.\(index)", Self.moduleA) }
    layers.inceptionModule(
      "reductionA",
      [
        .convolutions([InceptionStep("a1", 384, 3, stride: 2)]),
        .convolutions([
          InceptionStep("b1", 192, 1), InceptionStep("b2", 224, 3), InceptionStep("b3", 256, 3, stride: 2),
        ]),
        .reduced,
      ])
    for index in 1...7 { layers.inceptionModule("inceptionB.\(index)", Self.moduleB) }
    layers.inceptionModule(
      "reductionB",
      [
        .convolutions([InceptionStep("a1", 192, 1), InceptionStep("a2", 192, 3, stride: 2)]),
        .convolutions([
          InceptionStep("b1", 256, 1), InceptionStep("b2", 256, 1, 7), InceptionStep("b3", 320, 7, 1),
          InceptionStep("b4", 320, 3, stride: 2),
        ]),
        .reduced,
      ])
    for index in 1...3 { layers.inceptionModule("inceptionC.\(index)", Self.moduleC) }
    layers.classifier("fc", classes, dropout: 0.2)
    return ModelSpecification(name: rawValue, layers: layers.list, smallestImage: 75)
  }

  private static var moduleA: [InceptionBranch] {
    [
      .convolutions([InceptionStep("a1", 96, 1)]),
      .convolutions([InceptionStep("b1", 64, 1), InceptionStep("b2", 96, 3)]),
      .convolutions([InceptionStep("c1", 64, 1), InceptionStep("c2", 96, 3), InceptionStep("c3", 96, 3)]),
      .averaged(InceptionStep("d1", 96, 1)),
    ]
  }

  private static var moduleB: [InceptionBranch] {
    [
      .convolutions([InceptionStep("a1", 384, 1)]),
      .convolutions([InceptionStep("b1", 192, 1), InceptionStep("b2", 224, 1, 7), InceptionStep("b3", 256, 7, 1)]),
      .convolutions([
        InceptionStep("c1", 192, 1), InceptionStep("c2", 192, 7, 1), InceptionStep("c3", 224, 1, 7),
        InceptionStep("c4", 224, 7, 1), InceptionStep("c5", 256, 1, 7),
      ]),
      .averaged(InceptionStep("d1", 128, 1)),
    ]
  }

  private static var moduleC: [InceptionBranch] {
    [
      .convolutions([InceptionStep("a1", 256, 1)]),
      .forked([InceptionStep("b1", 384, 1)], InceptionStep("b2", 256, 1, 3), InceptionStep("b3", 256, 3, 1)),
      .forked(
        [InceptionStep("c1", 384, 1), InceptionStep("c2", 448, 3, 1), InceptionStep("c3", 512, 1, 3)],
        InceptionStep("c4", 256, 1, 3), InceptionStep("c5", 256, 3, 1)),
      .averaged(InceptionStep("d1", 256, 1)),
    ]
  }
}
