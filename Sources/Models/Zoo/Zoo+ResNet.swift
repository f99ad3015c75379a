import ModelGraph

/// What the residual networks of the zoo differ in.
struct ResidualNetwork {
  /// What an image meets first.
  enum Stem {
    /// 7×7 with stride 2 and a max-pool: for images of ImageNet's size.
    case imageNet
    /// 3×3: for images of 32×32.
    case small
  }

  var stem = Stem.imageNet
  /// Residual blocks of each stage.
  var blocks: [Int]
  /// Channels of the first stage's blocks before groups and widening; twice as many in each further stage.
  var width = 64
  var isBottleneck = true
  /// Groups of the 3×3 convolution of a bottleneck (Xie et al. 2017).
  var groups = 1
  /// Channels of a group in the first stage, for `width` of 64; 64: those of the plain network.
  var groupWidth = 64
  /// What the channels of a block's end are divided by for squeeze and excitation (Hu et al. 2018).
  var squeeze: Int?
  /// Norm and ReLU before each convolution instead of behind it (He et al. 2016b).
  var isPreActivated = false
  /// Whether a bottleneck's stride is in its first 1×1, as in He et al. 2016, rather than in the 3×3 ("version 1.5").
  var stridesFirst = false

  func model(name: String, classes: Int) -> ModelSpecification {
    var layers = ResidualLayers(network: self)
    layers.stem()
    for (stage, count) in blocks.enumerated() {
      for block in 0..<count {
        layers.block("layer\(stage + 1).\(block)", stage: stage, stride: stage > 0 && block == 0 ? 2 : 1)
      }
    }
    if isPreActivated { layers.net.norm("bn", .relu) }
    layers.net.classifier("fc", classes)
    return ModelSpecification(name: name, layers: layers.net.list, smallestImage: 1)
  }

  /// Channels inside a stage's blocks, and behind them.
  func channels(stage: Int) -> (inner: Int, outer: Int) {
    let plain = width << stage
    return isBottleneck ? (plain * groupWidth / 64 * groups, 4 * plain) : (plain, plain)
  }
}

extension Zoo {
  /// What tells this one of the residual networks from the others; nil for other networks.
  var residualNetwork: ResidualNetwork? {
    switch self {
    case .resnet18: ResidualNetwork(blocks: [2, 2, 2, 2], isBottleneck: false)
    case .resnet34: ResidualNetwork(blocks: [3, 4, 6, 3], isBottleneck: false)
    case .resnet50: ResidualNetwork(blocks: [3, 4, 6, 3])
    case .resnet101: ResidualNetwork(blocks: [3, 4, 23, 3])
    case .resnet152: ResidualNetwork(blocks: [3, 8, 36, 3])
    case .resnet50V2: ResidualNetwork(blocks: [3, 4, 6, 3], isPreActivated: true)
    case .resnet101V2: ResidualNetwork(blocks: [3, 4, 23, 3], isPreActivated: true)
    case .resnet152V2: ResidualNetwork(blocks: [3, 8, 36, 3], isPreActivated: true)
    case .resnext50: ResidualNetwork(blocks: [3, 4, 6, 3], groups: 32, groupWidth: 4)
    case .resnext101: ResidualNetwork(blocks: [3, 4, 23, 3], groups: 32, groupWidth: 4)
    case .resnext101Wide: ResidualNetwork(blocks: [3, 4, 23, 3], groups: 32, groupWidth: 8)
    case .seResnext101: ResidualNetwork(blocks: [3, 4, 23, 3], groups: 32, groupWidth: 4, squeeze: 16)
    case .wideResnet50: ResidualNetwork(blocks: [3, 4, 6, 3], groupWidth: 128)
    case .wideResnet101: ResidualNetwork(blocks: [3, 4, 23, 3], groupWidth: 128)
    case .resnet18CIFAR: ResidualNetwork(stem: .small, blocks: [2, 2, 2, 2], isBottleneck: false)
    case .resnet110: ResidualNetwork(stem: .small, blocks: [18, 18, 18], width: 16, isBottleneck: false)
    case .resnet164: ResidualNetwork(stem: .small, blocks: [18, 18, 18], width: 16, isPreActivated: true)
    default: nil
    }
  }

  func resnet(_ network: ResidualNetwork, _ classes: Int) -> ModelSpecification {
    network.model(name: rawValue, classes: classes)
  }

  /// Zagoruyko & Komodakis 2016: pre-activated blocks of two 3×3 convolutions in three stages behind a stem of 16 channels.
  func wideResnet(depth: Int, widening: Int, _ classes: Int) -> ModelSpecification {
    var network = ResidualNetwork(
      blocks: Array(repeating: (depth - 4) / 6, count: 3), width: 16 * widening, isBottleneck: false)
    network.stem = .small
    network.isPreActivated = true
    return resnet(network, classes)
  }

  /// Page 2018 ("How to Train Your ResNet"), the network that led DAWNBench on CIFAR-10: eight convolutions of 3×3, a
  /// dense layer without bias. Its fixed factor of 1/8 on the logits is left out: it is the learning rate's to give.
  func resnet9(_ classes: Int) -> ModelSpecification {
    var layers = NetworkLayers()
    func unit(_ name: String, _ channels: Int) {
      layers.convolution("\(name).conv", channels: channels, kernel: Extent(3))
      layers.norm("\(name).bn", .relu)
    }
    unit("prep", 64)
    for (index, channels) in [128, 256, 512].enumerated() {
      let name = "layer\(index + 1)"
      unit(name, channels)
      layers.maxPool("\(name).pool", kernel: 2, stride: 2)
      guard index != 1 else { continue }
      let input = layers.last
      unit("\(name).residual.res1", channels)
      unit("\(name).residual.res2", channels)
      layers.list.append(.init(.add([input, layers.last]), name: "\(name).add"))
    }
    layers.maxPool("pool", kernel: 4, stride: 4)
    layers.list += [.init(.flatten, name: "flatten"), .init(.dense(outputs: classes, hasBias: false), name: "linear")]
    return ModelSpecification(name: rawValue, layers: layers.list, smallestImage: 32)
  }
}

/// The layers of a residual network as they are put together; names are torchvision's.
private struct ResidualLayers {
  let network: ResidualNetwork
  var net = NetworkLayers()
  /// Channels of what was put last.
  var channels = 0

  init(network: ResidualNetwork) { self.network = network }

  mutating func stem() {
    // A wide network has a narrow stem: 16 channels whatever its widening.
    channels = network.isPreActivated && network.stem == .small && !network.isBottleneck ? 16 : network.width
    switch network.stem {
    case .imageNet: net.convolution("conv1", channels: channels, kernel: Extent(7), stride: 2)
    case .small: net.convolution("conv1", channels: channels, kernel: Extent(3))
    }
    if !network.isPreActivated { net.norm("bn1", .relu) }
    if network.stem == .imageNet { net.maxPool("maxpool", kernel: 3, stride: 2, padding: 1) }
  }

  /// One residual block (He et al. 2016, figure 5; pre-activated: He et al. 2016b, figure 4e).
  mutating func block(_ name: String, stage: Int, stride: Int) {
    let input = net.last
    let (inner, outer) = network.channels(stage: stage)
    let changes = channels != outer || stride > 1
    if network.isPreActivated {
      preActivated(name, inner, outer, stride, from: input, changes: changes)
    } else {
      plain(name, inner, outer, stride, from: input, changes: changes)
    }
    channels = outer
  }

  private mutating func plain(
    _ name: String, _ inner: Int, _ outer: Int, _ stride: Int, from input: String, changes: Bool
  ) {
    if network.isBottleneck {
      let (first, second) = network.stridesFirst ? (stride, 1) : (1, stride)
      net.convolution("\(name).conv1", channels: inner, kernel: Extent(1), stride: first)
      net.norm("\(name).bn1", .relu)
      net.convolution(
        "\(name).conv2", channels: inner, kernel: Extent(3), stride: second, groups: network.groups)
      net.norm("\(name).bn2", .relu)
      net.convolution("\(name).conv3", channels: outer, kernel: Extent(1))
      net.norm("\(name).bn3")
    } else {
      net.convolution("\(name).conv1", channels: inner, kernel: Extent(3), stride: stride)
      net.norm("\(name).bn1", .relu)
      net.convolution("\(name).conv2", channels: outer, kernel: Extent(3))
      net.norm("\(name).bn2")
    }
    if let squeeze = network.squeeze {
      net.squeezeExcitation("\(name).se", channels: outer, squeezed: outer / squeeze)
    }
    let transformed = net.last
    var shortcut = input
    if changes {
      net.convolution("\(name).downsample.0", channels: outer, kernel: Extent(1), stride: stride, from: input)
      net.norm("\(name).downsample.1")
      shortcut = net.last
    }
    net.list.append(.init(.add([transformed, shortcut]), name: "\(name).add"))
    net.list.append(.init(.activation(.relu), name: "\(name).relu"))
  }

  /// Where the block changes the shape, its shortcut starts behind the first norm.
  private mutating func preActivated(
    _ name: String, _ inner: Int, _ outer: Int, _ stride: Int, from input: String, changes: Bool
  ) {
    net.norm("\(name).bn1", .relu)
    let activated = net.last
    if network.isBottleneck {
      net.convolution("\(name).conv1", channels: inner, kernel: Extent(1))
      net.norm("\(name).bn2", .relu)
      net.convolution("\(name).conv2", channels: inner, kernel: Extent(3), stride: stride)
      net.norm("\(name).bn3", .relu)
      net.convolution("\(name).conv3", channels: outer, kernel: Extent(1))
    } else {
      net.convolution("\(name).conv1", channels: inner, kernel: Extent(3), stride: stride)
      net.norm("\(name).bn2", .relu)
      net.convolution("\(name).conv2", channels: outer, kernel: Extent(3))
    }
    let transformed = net.last
    var shortcut = input
    if changes {
      net.convolution("\(name).downsample.0", channels: outer, kernel: Extent(1), stride: stride, from: activated)
      shortcut = net.last
    }
    net.list.append(.init(.add([transformed, shortcut]), name: "\(name).add"))
  }
}
