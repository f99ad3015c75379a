import ModelGraph

// Convolutions, pooling and normalisation, as scripts/golden has them in `spatial_cases` and `normalisation_cases`.

extension GoldenCase {
  /// Operations on images, signals and volumes, with the shapes of their inputs.
  static let spatial: [(name: String, operation: ModelGraph.Operation, inputs: [Shape])] = [
    (
      "convolution-1d-dilated",
      .convolution(Convolution(stride: Extent(2), padding: Extent(2), dilation: Extent(3))),
      [[2, 3, 11], [4, 3, 3], [4]]
    ),
    (
      "convolution-3d",
      .convolution(Convolution(stride: Extent(1, 2, 1), padding: Extent(1, 0, 2), dilation: Extent(1, 1, 2))),
      [[2, 2, 4, 5, 6], [3, 2, 2, 3, 2], [3]]
    ),
    (
      "convolution-grouped", .convolution(Convolution(padding: Extent(1), dilation: Extent(2, 1), groups: 2)),
      [[2, 6, 7, 4], [4, 3, 2, 3], [4]]
    ),
    (
      "convolution-depthwise", .convolution(Convolution(stride: Extent(2, 1), padding: Extent(1), groups: 18)),
      [[2, 18, 7, 5], [18, 1, 3, 3], [18]]
    ),
    (
      "convolution-depthwise-doubled", .convolution(Convolution(stride: Extent(2, 1), groups: 3, hasBias: false)),
      [[2, 3, 5, 4], [6, 1, 3, 2]]
    ),
    ("average-pool", .averagePool(AveragePool(window: padded)), [[2, 3, 8, 7]]),
    ("average-pool-inside", .averagePool(AveragePool(window: padded, countsPadding: false)), [[2, 3, 8, 7]]),
    ("average-pool-rounded-up", .averagePool(AveragePool(window: roundedUp, countsPadding: false)), [[2, 3, 8, 6]]),
    ("average-pool-1d", .averagePool(AveragePool(window: signal)), [[2, 3, 10]]),
    ("average-pool-3d", .averagePool(AveragePool(window: volume)), [[2, 3, 4, 5, 6]]),
    ("adaptive-average-pool", .adaptiveAveragePool(AdaptiveAveragePool(output: Extent(3, 5))), [[2, 3, 7, 2]]),
    ("max-pool-rounded-up", .maxPool(MaxPool(window: roundedUp)), [[2, 3, 8, 6]]),
    ("max-pool-1d", .maxPool(MaxPool(window: signal)), [[2, 3, 10]]),
    ("max-pool-3d", .maxPool(MaxPool(window: volume)), [[2, 3, 4, 5, 6]]),
  ]

  private static let padded = Window(kernel: Extent(3, 2), stride: Extent(2, 1), padding: Extent(1, 1))
  private static let roundedUp = Window(kernel: Extent(3), stride: Extent(2), roundsUp: true)
  private static let signal = Window(kernel: Extent(3), stride: Extent(2), padding: Extent(1))
  private static let volume = Window(kernel: Extent(2, 1, 3), stride: Extent(1, 2, 2))

  /// Batch normalisations in training.
  static let normalised: [(name: String, shape: Shape)] = [
    ("batch-norm", [3, 5, 2, 4]), ("batch-norm-vectors", [7, 5]), ("batch-norm-3d", [2, 5, 2, 3, 2]),
  ]

  static func appendBatchNorm(of shape: Shape, to graph: inout Graph) throws {
    let inputs = [graph.parameter("x", shape), graph.parameter("scale", [5]), graph.parameter("shift", [5])]
    let values = try graph.append(
      .batchNormalisation(BatchNormalisation(epsilon: 0.01)), inputs, layer: "norm")
    graph.outputs = [
      "y": values[0], "mean": values[1], "variance": values[3], "loss": try graph.meanSquared(values[0]),
    ]
  }

  static func appendTrainedBatchNorm(to graph: inout Graph) throws {
    var inputs = [graph.input("x", TensorType([3, 4]))]
    for name in ["scale", "shift", "mean", "variance"] { inputs.append(graph.input(name, TensorType([4]))) }
    let y = try graph.append(.affineNormalisation(AffineNormalisation(epsilon: 0.01)), inputs, layer: "norm")[0]
    let z = try graph.apply(.dense(Dense(hasBias: false)), y, graph.parameter("weight", [5, 4]))
    graph.outputs = ["y": y, "z": z, "loss": try graph.meanSquared(z)]
  }
}
