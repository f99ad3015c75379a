import Datasets

extension DataSpecification {
  /// The section's lines, every default written out.
  var lines: [String] {
    var lines = ["format: \(source.format.rawValue)"] + source.lines
    if let testFraction { lines.append("test_fraction: \(testFraction)") }
    if let validationFraction { lines.append("validation_fraction: \(validationFraction)") }
    if source.format.isOfNumbers { lines.append("normalize: \(normalize.rawValue)") }
    if let augment {
      let crop = flow([("padding", "\(augment.cropPadding)")])
      lines.append("augment: " + flow([("flip", "\(augment.flip)"), ("crop", crop), ("shift", "\(augment.shift)")]))
    }
    return lines
  }
}
