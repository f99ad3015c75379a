import ModelGraph

/// Jasper 10x5 with dense residuals (Li et al. 2019, table 1 and figure 2): 54 convolutions over time, from 64 mel
/// features of an utterance to 29 characters.
struct JasperNetwork: PublishedArchitecture {
  /// Frames of 10 ms: LibriSpeech's utterances are cut at 16.7 s and padded to the longest of a batch.
  static let frames = 1670
  private static let stages: [(kernel: Int, channels: Int)] = [(11, 256), (13, 384), (17, 512), (21, 640), (25, 768)]

  var samplesUnit: SampleUnit { .utterance }

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    description.key.contains("jasper") ? JasperNetwork() : nil
  }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var net = NetworkBuilder(.batch)
    let frames = (run.sequence ?? Self.frames) / 16 * 16
    let features = net.input("input", [run.microBatch, 64, frames])
    var x = try net.unit("conv1", features, 256, kernel: [11], stride: [2])
    var inputs = [x]
    for (index, stage) in Self.stages.flatMap({ [$0, $0] }).enumerated() {
      let name = "block\(index + 1)"
      for repeated in 1...4 {
        x = try net.unit("\(name).conv\(repeated)", x, stage.channels, kernel: [stage.kernel])
        x = try net.dropout("\(name).drop\(repeated)", x, rate: 0.2)
      }
      x = try net.unit("\(name).conv5", x, stage.channels, kernel: [stage.kernel], activation: nil)
      // Every earlier block's input joins, by a 1×1 convolution of its own.
      let joined = try inputs.enumerated().map { earlier, value in
        try net.unit("\(name).residual\(earlier)", value, stage.channels, kernel: [1], activation: nil)
      }
      x = try net.activation("\(name).relu", try net.add("\(name).add", [x] + joined))
      x = try net.dropout("\(name).drop", x, rate: 0.2)
      inputs.append(x)
    }
    x = try net.unit("conv2", x, 896, kernel: [29], dilation: 2)
    x = try net.unit("conv3", x, 1024, kernel: [1])
    x = try net.convolution("conv4", x, 29, kernel: [1])
    // The loss sums over alignments (Graves et al. 2006), at a cost near that of a class for each frame.
    try net.pixelLoss("ctc", x)
    return [net.part("Jasper 10x5dr")]
  }
}
