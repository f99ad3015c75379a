import ModelGraph

/// Detectors that propose regions and then look at each (Girshick 2015 to Cai & Vasconcelos 2018), with the numbers that
/// detectron2 and its predecessors train with: 512 sampled regions an image, 128 of them for masks and key points; batch
/// norms, stem and first stage frozen unless the name says otherwise.
struct RegionDetector: PublishedArchitecture {
  enum Neck: Sendable, Hashable {
    /// A pyramid over all stages.
    case pyramid
    /// Regions on the fourth stage, each of which runs through the last.
    case fourth
    /// Regions on the last stage, which is dilated.
    case dilated
  }

  enum Task: Sendable, Hashable {
    case proposals
    /// Regions that are given.
    case fast
    case boxes, masks, keyPoints
    /// Masks, and a class for each position of the image.
    case panoptic
  }

  enum Backbone: Sendable, Hashable {
    case residual(ResidualBackbone)
    case regular(RegularBackbone)
  }

  var neck: Neck
  var task: Task
  var backbone: Backbone
  var isCascade = false
  /// Of the pyramid and the heads.
  var headNormalisation = NetworkBuilder.Normalisation.none
  /// Whether the box head has four convolutions and a dense layer, rather than two dense layers.
  var hasConvolutions = false
  let sides: (height: Int, width: Int)

  static let regionsOfImage = 512
  static let positivesOfImage = 128
  static let classes = 80

  var samplesUnit: SampleUnit { .image }
  var takesImageOfRow: Bool { false }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var net = NetworkBuilder(headNormalisation)
    let image = net.input(
      "input", [run.microBatch, 3, run.height ?? sides.height, run.width ?? sides.width])
    let stages = try backboneStages(&net, image)
    switch neck {
    case .pyramid:
      let maps = try FeaturePyramid(levels: 4, extra: .pool).append(to: &net, stages)
      try proposals(&net, maps, anchors: 3)
      try heads(&net, Array(maps.dropLast()), run)
    case .fourth, .dilated:
      try proposals(&net, [stages[stages.count - 1]], anchors: 15)
      try heads(&net, [stages[stages.count - 1]], run)
    }
    return [net.part("detector")]
  }

  private func backboneStages(_ net: inout NetworkBuilder, _ image: ValueID) throws -> [ValueID] {
    switch backbone {
    case .residual(let residual): try residual.append(to: &net, image, stages: neck == .fourth ? 3 : 4)
    case .regular(let regular): try regular.append(to: &net, image)
    }
  }

  /// A 3×3 convolution that all maps share, and for each anchor whether it is an object and where its corners are.
  private func proposals(_ net: inout NetworkBuilder, _ maps: [ValueID], anchors: Int) throws {
    guard task != .fast else { return }
    for (index, map) in maps.enumerated() {
      let channels = net.shape(map)[1]
      let hidden = try net.activation("rpn.relu\(index)", try net.convolution("rpn.conv", map, channels, kernel: [3]))
      try net.binaryLoss("rpn.loss\(index)", try net.convolution("rpn.objectness", hidden, anchors, kernel: [1]))
      try net.elementLoss(
        "rpn.box_loss\(index)", try net.convolution("rpn.deltas", hidden, 4 * anchors, kernel: [1]), .absoluteError)
    }
  }

  private func heads(_ net: inout NetworkBuilder, _ maps: [ValueID], _ run: RunShape) throws {
    guard task != .proposals else { return }
    let count = Self.regionsOfImage * run.microBatch
    for stage in 0..<(isCascade ? 3 : 1) {
      try boxHead(&net, maps, regions: net.input("regions\(stage)", [count, 5]), prefix: "box\(stage)")
    }
    let positives = Self.positivesOfImage * run.microBatch
    switch task {
    case .masks, .panoptic: try maskHead(&net, maps, regions: net.input("positives", [positives, 5]))
    case .keyPoints: try keyPointHead(&net, maps, regions: net.input("positives", [positives, 5]))
    case .proposals, .fast, .boxes: break
    }
    if task == .panoptic { try semanticHead(&net, maps) }
  }

  private func align(
    _ net: inout NetworkBuilder, _ name: String, _ maps: [ValueID], _ regions: ValueID, side: Int
  ) throws -> ValueID {
    try net.append(.regionAlign(RegionAlign(side: side)), maps + [regions], layer: name)
  }

  private func boxHead(
    _ net: inout NetworkBuilder, _ maps: [ValueID], regions: ValueID, prefix: String
  ) throws {
    var x: ValueID
    if neck == .fourth {
      x = try net.globalAverage("\(prefix).avgpool", try lastStage(&net, maps, regions, "\(prefix).align"))
    } else {
      x = try align(&net, "\(prefix).align", maps, regions, side: 7)
      if hasConvolutions {
        for layer in 0..<4 { x = try net.unit("\(prefix).conv\(layer)", x, 256, kernel: [3]) }
      }
      x = try net.flatten("\(prefix).flatten", x)
      for layer in 0..<(hasConvolutions ? 1 : 2) {
        x = try net.activation("\(prefix).relu\(layer)", try net.dense("\(prefix).fc\(layer)", x, 1024))
      }
    }
    try net.crossEntropy("\(prefix).class_loss", try net.dense("\(prefix).classes", x, Self.classes + 1))
    let deltas = try net.dense("\(prefix).deltas", x, isCascade ? 4 : 4 * Self.classes)
    try net.elementLoss("\(prefix).box_loss", deltas, .absoluteError)
  }

  /// The residual network's fifth stage on each region, whose weights boxes and masks share.
  private func lastStage(
    _ net: inout NetworkBuilder, _ maps: [ValueID], _ regions: ValueID, _ name: String
  ) throws -> ValueID {
    guard case .residual(let residual) = backbone else {
      throw PublishedModelError(.unsupported, "regions on the fourth stage take a residual network")
    }
    let aligned = try align(&net, name, maps, regions, side: 14)
    let outer = net.normalisation
    defer { net.normalisation = outer }
    net.normalisation = residual.normalisation
    return try residual.stage(3, to: &net, aligned, prefix: "res5")
  }

  private func maskHead(_ net: inout NetworkBuilder, _ maps: [ValueID], regions: ValueID) throws {
    var x: ValueID
    if neck == .fourth {
      x = try lastStage(&net, maps, regions, "mask.align")
    } else {
      x = try align(&net, "mask.align", maps, regions, side: 14)
      for layer in 0..<4 { x = try net.unit("mask.conv\(layer)", x, 256, kernel: [3]) }
    }
    x = try net.transposedConvolution("mask.deconv", x, 256, kernel: [2], stride: [2])
    x = try net.activation("mask.relu", x)
    try net.binaryLoss("mask.loss", try net.convolution("mask.classes", x, Self.classes, kernel: [1]))
  }

  private func keyPointHead(_ net: inout NetworkBuilder, _ maps: [ValueID], regions: ValueID) throws {
    var x = try align(&net, "keypoint.align", maps, regions, side: 14)
    for layer in 0..<8 { x = try net.unit("keypoint.conv\(layer)", x, 512, kernel: [3]) }
    x = try net.transposedConvolution("keypoint.deconv", x, 17, kernel: [4], stride: [2], padding: 1)
    try net.pixelLoss("keypoint.loss", try net.upsample("keypoint.up", x))
  }

  /// Each level up to a quarter of the image by convolutions of 128 channels, their sum, and a class a position (Kirillov
  /// et al. 2019, figure 3).
  private func semanticHead(_ net: inout NetworkBuilder, _ maps: [ValueID]) throws {
    let outer = net.normalisation
    defer { net.normalisation = outer }
    net.normalisation = .group(32)
    let target = net.shape(maps[0])
    var scaled: [ValueID] = []
    for (level, map) in maps.enumerated() {
      var x = map
      for step in 0..<max(level, 1) {
        x = try net.unit("semantic\(level).conv\(step)", x, 128, kernel: [3])
        if level > 0 { x = try net.upsample("semantic\(level).up\(step)", x) }
      }
      for dimension in 2...3 where net.shape(x)[dimension] > target[dimension] {
        let rule = Slice(dimension: dimension, start: 0, count: target[dimension])
        x = try net.append(.slice(rule), [x], layer: "semantic\(level).crop")
      }
      scaled.append(x)
    }
    let sum = try net.add("semantic.add", scaled)
    let scores = try net.convolution("semantic.classes", sum, 54, kernel: [1])
    try net.pixelLoss("semantic.loss", try net.upsample("semantic.up", scores, factor: 4))
  }
}

/// RegNet (Radosavovic et al. 2020): residual blocks without a bottleneck, in groups of equal width.
struct RegularBackbone: Sendable, Hashable {
  let blocks: [Int]
  let widths: [Int]
  let groupWidth: Int
  /// Whether each block weighs its channels, squeezed to a quarter of its input's.
  let hasSqueeze: Bool

  /// RegNetX-4GF and RegNetY-4GF of "Designing Network Design Spaces", tables 5 and 6.
  static let x4 = RegularBackbone(
    blocks: [2, 5, 14, 2], widths: [80, 240, 560, 1360], groupWidth: 40, hasSqueeze: false)
  static let y4 = RegularBackbone(
    blocks: [2, 6, 12, 2], widths: [128, 192, 512, 1088], groupWidth: 64, hasSqueeze: true)

  func append(to net: inout NetworkBuilder, _ image: ValueID) throws -> [ValueID] {
    let outer = net.normalisation
    defer { net.normalisation = outer }
    net.normalisation = .batch
    var x = try net.unit("backbone.stem", image, 32, kernel: [3], stride: [2])
    var outputs: [ValueID] = []
    for (stage, width) in widths.enumerated() {
      for block in 0..<blocks[stage] {
        let (name, input) = ("backbone.stage\(stage).\(block)", x)
        let stride = block == 0 ? 2 : 1
        var y = try net.unit("\(name).a", x, width, kernel: [1])
        y = try net.unit("\(name).b", y, width, kernel: [3], stride: [stride], groups: width / groupWidth)
        if hasSqueeze { y = try squeeze(&net, "\(name).se", y, width: net.shape(input)[1] / 4) }
        y = try net.unit("\(name).c", y, width, kernel: [1], activation: nil)
        let shortcut =
          block == 0
          ? try net.unit("\(name).proj", input, width, kernel: [1], stride: [stride], activation: nil) : input
        x = try net.activation("\(name).relu", try net.add("\(name).add", [y, shortcut]))
      }
      outputs.append(x)
    }
    return outputs
  }

  private func squeeze(_ net: inout NetworkBuilder, _ name: String, _ x: ValueID, width: Int) throws -> ValueID {
    let channels = net.shape(x)[1]
    let pool = AdaptiveAveragePool(output: Extent(1))
    var y = try net.append(.adaptiveAveragePool(pool), [x], layer: "\(name).pool")
    y = try net.activation("\(name).relu", try net.convolution("\(name).down", y, width, kernel: [1]))
    y = try net.activation("\(name).sigmoid", try net.convolution("\(name).up", y, channels, kernel: [1]), .sigmoid)
    return try net.append(.multiply(Multiply()), [x, y], layer: name)
  }
}
