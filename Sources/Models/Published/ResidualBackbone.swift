import ModelGraph

/// The residual network that a detector stands on: ResNet or ResNeXt of 50, 101 or 152 layers to any of its stages.
struct ResidualBackbone: Sendable, Hashable {
  var blocks: [Int]
  var groups = 1
  /// Channels inside the first stage's bottlenecks.
  var width = 64
  /// Whether a stage's stride is in its first 1×1 convolution, as in the first ResNets, rather than in the 3×3.
  var stridesFirst = false
  /// The stem and as many stages as do not train.
  var frozenStages = 0
  var normalisation = NetworkBuilder.Normalisation.batch
  /// Whether the last stage keeps the size and spreads its 3×3 instead.
  var isDilated = false

  static let depths = [50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]]

  /// The outputs of the first `stages` stages, each half as high and wide as the one before.
  func append(to net: inout NetworkBuilder, _ image: ValueID, stages: Int = 4) throws -> [ValueID] {
    let outer = net.normalisation
    defer { (net.normalisation, net.isFrozen) = (outer, false) }
    net.normalisation = normalisation
    net.isFrozen = frozenStages > 0
    var x = try net.unit("backbone.conv1", image, 64, kernel: [7], stride: [2])
    x = try net.maxPool("backbone.maxpool", x, kernel: 3, stride: 2, padding: 1)
    var outputs: [ValueID] = []
    for stage in 0..<stages {
      net.isFrozen = stage < frozenStages - 1
      x = try self.stage(stage, to: &net, x, prefix: "backbone.layer\(stage + 1)")
      outputs.append(x)
    }
    return outputs
  }

  /// One stage, in the norm that `net` has.
  func stage(_ stage: Int, to net: inout NetworkBuilder, _ input: ValueID, prefix: String) throws -> ValueID {
    var x = input
    let (inner, outer) = (width << stage, 256 << stage)
    let spreads = isDilated && stage == 3
    for block in 0..<blocks[stage] {
      let name = "\(prefix).\(block)"
      let stride = stage > 0 && block == 0 && !spreads ? 2 : 1
      var y = try net.unit("\(name).conv1", x, inner, kernel: [1], stride: [stridesFirst ? stride : 1])
      y = try net.unit(
        "\(name).conv2", y, inner, kernel: [3], stride: [stridesFirst ? 1 : stride], dilation: spreads ? 2 : 1,
        groups: groups)
      y = try net.unit("\(name).conv3", y, outer, kernel: [1], activation: nil)
      let shortcut =
        block == 0
        ? try net.unit("\(name).downsample", x, outer, kernel: [1], stride: [stride], activation: nil) : x
      x = try net.activation("\(name).relu", try net.add("\(name).add", [y, shortcut]))
    }
    return x
  }
}
