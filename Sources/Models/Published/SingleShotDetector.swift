import ModelGraph

/// Detectors that look at each position of their feature maps once: SSD, RetinaNet, YOLOv3.
struct SingleShotDetector: PublishedArchitecture {
  enum Kind: Sendable, Hashable {
    /// Liu et al. 2016 on ResNet-50 to its third stage without stride in it, as NVIDIA trains it: six maps of 38×38 to
    /// 1×1, 4 or 6 boxes a position, 81 classes.
    case ssd300
    /// TensorFlow object detection: ResNet-50 with a feature pyramid at 320×320, four convolutions in each head, 6 boxes.
    case ssd320
    /// Lin et al. 2017, with frozen batch norms and the stem and first stage frozen.
    case retinaNet(depth: Int)
    /// Redmon & Farhadi 2018: Darknet-53, three maps of 3 boxes and 85 numbers.
    case yoloV3
  }

  let kind: Kind
  /// Of the images when the run does not say it.
  let sides: (height: Int, width: Int)

  var samplesUnit: SampleUnit { .image }
  var takesImageOfRow: Bool { false }

  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let key = description.key
    if key.contains("retinanet") {
      return SingleShotDetector(
        kind: .retinaNet(depth: key.contains("101") ? 101 : 50), sides: DetectionImages(description).sides)
    }
    if key.contains("yolov3") { return SingleShotDetector(kind: .yoloV3, sides: (416, 416)) }
    guard key.hasPrefix("ssd") else { return nil }
    if key.contains("320") || key.contains("fpn") { return SingleShotDetector(kind: .ssd320, sides: (320, 320)) }
    guard key.contains("300"), key.contains("resnet") || key.contains("r50") || key == "ssd300" || key == "ssd" else {
      throw PublishedModelError(
        .unsupported, "'\(description.name)': of SSD, 300 on ResNet-50 and 320 with a pyramid are known")
    }
    return SingleShotDetector(kind: .ssd300, sides: (300, 300))
  }

  func parts(_ run: RunShape) throws -> [ModelPart] {
    var net = NetworkBuilder(.batch)
    let image = net.input("input", [run.microBatch, 3, run.height ?? sides.height, run.width ?? sides.width])
    switch kind {
    case .ssd300: try ssd300(&net, image)
    case .ssd320:
      let backbone = ResidualBackbone(blocks: [3, 4, 6, 3])
      let levels = try FeaturePyramid(levels: 3, extra: .convolutions(2)).append(
        to: &net, Array(try backbone.append(to: &net, image)[1...]))
      try heads(&net, levels, anchors: 6, classes: 91, convolutions: 4)
    case .retinaNet(let depth):
      let backbone = ResidualBackbone(
        blocks: ResidualBackbone.depths[depth] ?? [], stridesFirst: true, frozenStages: 2, normalisation: .frozen)
      net.normalisation = .none
      let levels = try FeaturePyramid(levels: 3, extra: .convolutions(2)).append(
        to: &net, Array(try backbone.append(to: &net, image)[1...]))
      try heads(&net, levels, anchors: 9, classes: 80, convolutions: 4)
    case .yoloV3: try yolo(&net, image)
    }
    return [net.part("detector")]
  }

  /// Towers of 3×3 convolutions for classes and for boxes, whose weights all levels share.
  private func heads(
    _ net: inout NetworkBuilder, _ levels: [ValueID], anchors: Int, classes: Int, convolutions: Int
  ) throws {
    for (index, level) in levels.enumerated() {
      for (tower, outputs) in [("class", anchors * classes), ("box", anchors * 4)] {
        var x = level
        for layer in 0..<convolutions {
          let norm = net.normalisation
          x = try net.convolution("\(tower)_tower.\(layer)", x, 256, kernel: [3], hasBias: norm == .none)
          if norm != .none { x = try net.norm("\(tower)_tower.\(layer).norm\(index)", x) }
          x = try net.activation("\(tower)_tower.\(layer).relu", x)
        }
        x = try net.convolution("\(tower)_output", x, outputs, kernel: [3])
        if tower == "class" {
          try net.binaryLoss("class_loss\(index)", x)
        } else {
          try net.elementLoss("box_loss\(index)", x, .huber(delta: 0.11))
        }
      }
    }
  }

  private func ssd300(_ net: inout NetworkBuilder, _ image: ValueID) throws {
    // The third stage keeps the size of the second: 38×38.
    var x = try net.unit("backbone.conv1", image, 64, kernel: [7], stride: [2])
    x = try net.maxPool("backbone.maxpool", x, kernel: 3, stride: 2, padding: 1)
    for (stage, count) in [3, 4, 6].enumerated() {
      for block in 0..<count {
        let (name, stride) = ("backbone.layer\(stage + 1).\(block)", stage == 1 && block == 0 ? 2 : 1)
        var y = try net.unit("\(name).conv1", x, 64 << stage, kernel: [1])
        y = try net.unit("\(name).conv2", y, 64 << stage, kernel: [3], stride: [stride])
        y = try net.unit("\(name).conv3", y, 256 << stage, kernel: [1], activation: nil)
        let shortcut =
          block == 0
          ? try net.unit("\(name).downsample", x, 256 << stage, kernel: [1], stride: [stride], activation: nil) : x
        x = try net.activation("\(name).relu", try net.add("\(name).add", [y, shortcut]))
      }
    }
    var maps = [x]
    let extras = [(256, 512, 2, 1), (256, 512, 2, 1), (128, 256, 2, 1), (128, 256, 1, 0), (128, 256, 1, 0)]
    for (index, (inner, outer, stride, padding)) in extras.enumerated() {
      x = try net.unit("extra\(index).conv1", x, inner, kernel: [1])
      x = try net.convolution(
        "extra\(index).conv2", x, outer, kernel: [3], stride: [stride], padding: [padding], hasBias: false)
      x = try net.activation("extra\(index).relu", try net.norm("extra\(index).norm", x))
      maps.append(x)
    }
    for (index, (map, boxes)) in zip(maps, [4, 6, 6, 6, 4, 4]).enumerated() {
      let places = try net.convolution("location\(index)", map, 4 * boxes, kernel: [3])
      try net.elementLoss("box_loss\(index)", places, .huber(delta: 1))
      let scores = try net.convolution("confidence\(index)", map, 81 * boxes, kernel: [3])
      let sides = net.shape(scores)
      let split = try net.append(
        .reshape(Reshape(to: [sides[0], 81, boxes * sides[2] * sides[3]])), [scores], layer: "scores\(index)")
      try net.pixelLoss("class_loss\(index)", split)
    }
  }

  private func yolo(_ net: inout NetworkBuilder, _ image: ValueID) throws {
    let leaky = ActivationFunction.leakyReLU(slope: 0.1)
    var x = try net.unit("conv0", image, 32, kernel: [3], activation: leaky)
    var maps: [ValueID] = []
    for (stage, count) in [1, 2, 8, 8, 4].enumerated() {
      let channels = 64 << stage
      x = try net.unit("stage\(stage).down", x, channels, kernel: [3], stride: [2], activation: leaky)
      for block in 0..<count {
        let name = "stage\(stage).\(block)"
        let y = try net.unit("\(name).conv1", x, channels / 2, kernel: [1], activation: leaky)
        x = try net.add("\(name).add", [x, try net.unit("\(name).conv2", y, channels, kernel: [3], activation: leaky)])
      }
      if stage >= 2 { maps.append(x) }
    }
    for (index, channels) in [512, 256, 128].enumerated() {
      if index > 0 {
        let lateral = try net.unit("head\(index).lateral", x, channels, kernel: [1], activation: leaky)
        x = try net.concatenate(
          "head\(index).concat", [try net.upsample("head\(index).up", lateral), maps[2 - index]])
      }
      for layer in 0..<5 {
        x = try net.unit(
          "head\(index).\(layer)", x, layer % 2 == 0 ? channels : 2 * channels, kernel: [layer % 2 == 0 ? 1 : 3],
          activation: leaky)
      }
      let wide = try net.unit("head\(index).5", x, 2 * channels, kernel: [3], activation: leaky)
      try net.binaryLoss("loss\(index)", try net.convolution("output\(index)", wide, 255, kernel: [1]))
    }
  }
}

/// A top-down pyramid of maps of 256 channels (Lin et al. 2017).
struct FeaturePyramid: Sendable {
  enum Extra: Sendable {
    /// Levels above the top one, by 3×3 convolutions with a stride of 2.
    case convolutions(Int)
    /// One level above, by taking every second position.
    case pool
  }

  let levels: Int
  let extra: Extra

  /// Maps from the largest to the smallest.
  func append(to net: inout NetworkBuilder, _ stages: [ValueID]) throws -> [ValueID] {
    var merged: [ValueID] = []
    for (index, stage) in stages.enumerated().reversed() {
      var x = try convolution(&net, "fpn.inner\(index)", stage, kernel: 1)
      if let above = merged.last {
        x = try net.add("fpn.add\(index)", [x, try crop(&net, above, like: x, index)])
      }
      merged.append(x)
    }
    var maps = try merged.reversed().enumerated().map { try convolution(&net, "fpn.layer\($0)", $1, kernel: 3) }
    guard let top = stages.last, var last = maps.last else { return maps }
    switch extra {
    case .convolutions(let count):
      for index in 0..<count {
        last = try net.convolution("fpn.extra\(index)", index == 0 ? top : last, 256, kernel: [3], stride: [2])
        maps.append(last)
      }
    case .pool: maps.append(try net.maxPool("fpn.pool", last, kernel: 1, stride: 2))
    }
    return maps
  }

  private func convolution(_ net: inout NetworkBuilder, _ name: String, _ x: ValueID, kernel: Int) throws -> ValueID {
    let y = try net.convolution(name, x, 256, kernel: [kernel], hasBias: net.normalisation == .none)
    return try net.norm(name + ".norm", y)
  }

  /// The level above at twice its size, without a last row or column that the level has not.
  private func crop(_ net: inout NetworkBuilder, _ above: ValueID, like level: ValueID, _ index: Int) throws -> ValueID
  {
    var x = try net.upsample("fpn.up\(index)", above)
    for dimension in 2...3 where net.shape(x)[dimension] > net.shape(level)[dimension] {
      let rule = Slice(dimension: dimension, start: 0, count: net.shape(level)[dimension])
      x = try net.append(.slice(rule), [x], layer: "fpn.crop\(index)")
    }
    return x
  }
}
