import ModelGraph

/// The wide residual networks that Alpa is measured with (Zheng et al. 2022, table 8): ResNet-50 from C channels on, the
/// 3×3 convolutions of its bottlenecks giving W times the channels that they take.
struct WideResidualNetwork: Sendable, Hashable {
  let channels: Int
  let widening: Int
  let classes = 1024
  static let blocks = [3, 4, 6, 3]

  /// By parameters in billions, as the paper names them.
  static let sizes: [(parameters: Double, channels: Int, widening: Int)] = [
    (0.25, 160, 2), (0.5, 224, 2), (1, 320, 2), (2, 448, 2), (4, 640, 2), (6.8, 320, 16), (13, 320, 32),
  ]

  /// From `C224 W4` in the name, or from the nearest of the paper's sizes by parameters.
  init(_ description: ModelDescription) throws {
    let words = description.name.split(separator: " ").map { $0.lowercased() }
    func word(_ letter: Character) -> Int? {
      words.lazy.compactMap { $0.first == letter ? Int($0.dropFirst()) : nil }.first
    }
    if let channels = word("c"), let widening = word("w") {
      (self.channels, self.widening) = (channels, widening)
      return
    }
    guard let billions = Double(description.parameters) ?? description.billionsInName,
      let size = Self.sizes.first(where: { abs($0.parameters / billions - 1) < 0.05 })
    else {
      throw PublishedModelError(
        .missingShape,
        "'\(description.name)' does not say how wide it is: neither channels and factor (C160 W2) nor parameters of a known "
          + "size (0.25, 0.5, 1, 2, 4, 6.8 or 13 billion)")
    }
    (channels, widening) = (size.channels, size.widening)
  }

  func part(_ run: RunShape, side: Int) throws -> ModelPart {
    var net = NetworkBuilder()
    let image = net.input("input", [run.microBatch, 3, run.height ?? side, run.width ?? side])
    var x = try net.unit("conv_init", image, channels, kernel: [7], stride: [2])
    x = try net.maxPool("maxpool", x, kernel: 3, stride: 2, padding: 1)
    for (stage, count) in Self.blocks.enumerated() {
      for block in 0..<count {
        let name = "layer\(stage + 1).\(block)"
        let (inner, outer, stride) = (channels << stage, 4 * channels << stage, stage > 0 && block == 0 ? 2 : 1)
        var y = try net.unit("\(name).conv1", x, inner, kernel: [1])
        y = try net.unit("\(name).conv2", y, inner * widening, kernel: [3], stride: [stride])
        y = try net.unit("\(name).conv3", y, outer, kernel: [1], activation: nil)
        let shortcut =
          block == 0 ? try net.unit("\(name).proj", x, outer, kernel: [1], stride: [stride], activation: nil) : x
        x = try net.activation("\(name).relu", try net.add("\(name).add", [y, shortcut]))
      }
    }
    x = try net.dense("fc", try net.globalAverage("avgpool", x), classes)
    try net.crossEntropy("loss", x)
    return net.part("wide ResNet-50, \(channels) channels, factor \(widening)")
  }
}
