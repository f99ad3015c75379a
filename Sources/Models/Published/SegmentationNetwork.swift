import ModelGraph

/// U-shaped networks: down by convolutions with a stride, up by transposed ones, each level beside its mirror image.
struct SegmentationNetwork: PublishedArchitecture {
  enum Kind: Sendable, Hashable {
    /// nnU-Net (Isensee et al. 2021) as NVIDIA trains it on brain tumours: 192×160 or 128×128×128, four channels, four
    /// classes, instance norms, leaky ReLU.
    case nnUNet2D, nnUNet3D
    /// Ronneberger et al. 2015 as NVIDIA trains it: 572×572 images of one channel, padded convolutions without norms.
    case uNet
    /// Çiçek et al. 2016 as in MLPerf's kidney segmentation: 128×128×128, three classes, instance norms.
    case uNet3D
    /// Milletari et al. 2016: 128×128×64, convolutions of 5×5×5 in residual blocks.
    case vNet
  }

  let kind: Kind

  var samplesUnit: SampleUnit { .image }

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let key = description.key
    let is3D = key.contains("3d")
    if key.contains("nnunet") { return SegmentationNetwork(kind: is3D ? .nnUNet3D : .nnUNet2D) }
    if key.contains("vnet"), !key.contains("convnet") { return SegmentationNetwork(kind: .vNet) }
    guard key.hasPrefix("unet"), !key.contains("imagen"), !key.contains("diffusion") else { return nil }
    return SegmentationNetwork(kind: is3D ? .uNet3D : .uNet)
  }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    if kind == .vNet { return [try vNet(run)] }
    var net = NetworkBuilder(kind == .uNet ? .none : .instance)
    let shape = levels(run)
    let function: ActivationFunction =
      kind == .nnUNet2D || kind == .nnUNet3D ? .leakyReLU(slope: 0.01) : .relu
    var x = net.input("input", [run.microBatch, shape.inputs] + shape.sides)
    var skips: [ValueID] = []
    for (level, channels) in shape.channels.enumerated() {
      if shape.pools, level > 0 { x = try net.maxPool("pool\(level)", x, kernel: 2, stride: 2) }
      let stride = level > 0 && !shape.pools ? 2 : 1
      x = try net.unit("down\(level).conv1", x, channels, kernel: [3], stride: [stride], activation: function)
      x = try net.unit("down\(level).conv2", x, channels, kernel: [3], activation: function)
      skips.append(x)
    }
    for level in (0..<shape.channels.count - 1).reversed() {
      let channels = shape.channels[level]
      x = try net.transposedConvolution("up\(level).transpose", x, channels, kernel: [2], stride: [2])
      x = try net.concatenate("up\(level).concat", [x, skips[level]])
      x = try net.unit("up\(level).conv1", x, channels, kernel: [3], activation: function)
      x = try net.unit("up\(level).conv2", x, channels, kernel: [3], activation: function)
    }
    x = try net.convolution("output", x, shape.classes, kernel: [1])
    try net.pixelLoss("loss", x)
    return [net.part("U-Net")]
  }

  private struct Levels {
    var inputs: Int
    var classes: Int
    var sides: [Int]
    /// Of each level, from the image down.
    var channels: [Int]
    /// Whether pools make the image smaller, rather than strides.
    var pools = false
  }

  private func levels(_ run: RunShape) -> Levels {
    let image = run.height.flatMap { height in run.width.map { [height, $0] } }
    switch kind {
    case .nnUNet2D:
      return Levels(inputs: 4, classes: 4, sides: image ?? [192, 160], channels: [32, 64, 128, 256, 512, 512])
    case .nnUNet3D:
      return Levels(
        inputs: 4, classes: 4, sides: run.height.map { [$0, $0, $0] } ?? [128, 128, 128],
        channels: [32, 64, 128, 256, 320, 320])
    case .uNet:
      // 572×572 mirrored to where four pools divide it.
      return Levels(
        inputs: 1, classes: 2, sides: image ?? [576, 576], channels: [64, 128, 256, 512, 1024], pools: true)
    case .uNet3D, .vNet:
      return Levels(
        inputs: 1, classes: 3, sides: run.height.map { [$0, $0, $0] } ?? [128, 128, 128],
        channels: [32, 64, 128, 256, 320, 320])
    }
  }

  /// Residual blocks of one to three convolutions, 16 to 256 channels.
  private func vNet(_ run: RunShape) throws -> ModelPart {
    var net = NetworkBuilder(.batch)
    let sides = run.height.map { [$0, $0, $0] } ?? [128, 128, 64]
    let image = net.input("input", [run.microBatch, 1] + sides)
    var x = try net.unit("input", image, 16, kernel: [5])
    var skips: [ValueID] = []
    func residual(_ name: String, _ x: ValueID, _ convolutions: Int, channels: Int, shortcut: ValueID) throws -> ValueID
    {
      var y = x
      for index in 1...convolutions { y = try net.unit("\(name).conv\(index)", y, channels, kernel: [5]) }
      return try net.add("\(name).add", [y, shortcut])
    }
    for (level, convolutions) in [1, 2, 3, 3, 3].enumerated() {
      let channels = 16 << level
      if level > 0 { x = try net.unit("down\(level)", x, channels, kernel: [2], stride: [2]) }
      x = try residual("down\(level)", x, convolutions, channels: channels, shortcut: x)
      skips.append(x)
    }
    for (level, convolutions) in [(3, 3), (2, 3), (1, 2), (0, 1)] {
      let channels = 16 << level
      x = try net.transposedConvolution("up\(level)", x, channels, kernel: [2], stride: [2])
      let both = try net.concatenate("up\(level).concat", [x, skips[level]])
      x = try residual("up\(level)", both, convolutions, channels: channels, shortcut: x)
    }
    x = try net.convolution("output", x, 2, kernel: [1])
    try net.pixelLoss("loss", x)
    return net.part("V-Net")
  }
}
