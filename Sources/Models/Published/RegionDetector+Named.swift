import ModelGraph

extension RegionDetector {
  /// `Mask R-CNN R50-FPN`, `mmdetection Faster R-CNN R101-FPN`, `RPN R50-C4`, and detectron2's tables, whose names tell the
  /// network before the backbone.
  @Sendable static func named(_ description: ModelDescription) throws -> (any PublishedArchitecture)? {
    let key = description.key
    let isTable = ["otherlevels", "othersettings", "largescalejitter", "instancesegmentation"].contains {
      key.contains($0)
    }
    guard
      key.contains("rcnn") || key.hasPrefix("rpn") || key.contains("panopticfpn") || isTable
        || key.contains("cityscapes")
    else { return nil }
    for part in ["deformable", "dconv", "x152", "swin", "vit", "mvit"] where key.contains(part) {
      throw PublishedModelError(
        .unsupported, "'\(description.name)': detectors with '\(part)' have parts that are not modelled")
    }
    let isJittered = key.contains("largescalejitter") || key.contains("lsj")
    var detector = RegionDetector(
      neck: key.contains("dc5") ? .dilated : key.contains("c4") ? .fourth : .pyramid,
      task: task(key), backbone: .residual(try residual(description, key)), sides: DetectionImages(description).sides)
    detector.isCascade = key.contains("cascade")
    if key.contains("regnetx4gf") { detector.backbone = .regular(.x4) }
    if key.contains("regnety4gf") { detector.backbone = .regular(.y4) }
    if isJittered { (detector.headNormalisation, detector.hasConvolutions) = (.batch, true) }
    if key.hasSuffix("gn") || key.contains("settingsgn") {
      (detector.headNormalisation, detector.hasConvolutions) = (.group(32), true)
    }
    if key.contains("syncbn") { (detector.headNormalisation, detector.hasConvolutions) = (.batch, true) }
    return detector
  }

  private static func task(_ key: String) -> Task {
    if key.hasPrefix("rpn") { return .proposals }
    if key.contains("panoptic") { return .panoptic }
    if key.contains("keypoint") { return .keyPoints }
    if key.contains("mask") { return .masks }
    if key.contains("fastercnn") || key.contains("fasterrcnn") { return .boxes }
    if key.contains("fastrcnn") { return .fast }
    if key.contains("cascade") || key.contains("voc") { return .boxes }
    return .masks
  }

  private static func residual(_ description: ModelDescription, _ key: String) throws -> ResidualBackbone {
    let words = description.words
    let isExtended = words.contains("x101") || key.contains("resnext101")
    let depth = words.contains("101") ? 101 : 50
    guard let blocks = ResidualBackbone.depths[depth] else {
      throw PublishedModelError(.missingShape, "'\(description.name)': a backbone of \(depth) layers is not known")
    }
    var backbone = ResidualBackbone(blocks: blocks)
    // Weights of the first residual networks stride in the 1×1; torchvision's and ResNeXt's in the 3×3.
    backbone.stridesFirst = !isExtended && !key.contains("torchvision")
    if isExtended { (backbone.groups, backbone.width) = (32, key.contains("32x4d") ? 128 : 256) }
    backbone.isDilated = key.contains("dc5")
    // Trained batch norms go with training all stages.
    let trainsAll = key.contains("largescalejitter") || key.contains("scratch")
    backbone.frozenStages = trainsAll ? 0 : 2
    backbone.normalisation = .frozen
    if key.contains("largescalejitter") || key.contains("syncbn") { backbone.normalisation = .batch }
    if key.contains("settingsgn") || key.hasSuffix("gn") { backbone.normalisation = .group(32) }
    return backbone
  }
}
