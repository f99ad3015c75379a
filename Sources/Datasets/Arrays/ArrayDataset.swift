import ModelGraph

/// Two files of arrays: .npy, or `archive.npz:name`. Paths are absolute.
package struct ArrayFiles: Hashable, Codable, Sendable {
  /// [N, …]: floats, bytes and truth values are numbers, other integers tokens.
  package var inputs: String
  /// [N, …]: integers are classes, floats numbers to predict.
  package var targets: String

  package init(inputs: String, targets: String) {
    self.inputs = inputs
    self.targets = targets
  }
}

/// What the targets of arrays are.
package enum ArrayTargets: Hashable, Codable, Sendable {
  /// Integers are classes, as many as the largest tells, and floats numbers to predict.
  case plain
  /// Integers [N] or [N, T] are these classes; one below 0 is left out.
  case classes(Classes)
  /// [N, L], or [N] for a single one, of any type: 1 where a sample has a label, 0 where it has not, below 0 to leave it
  /// out.
  case labels(Classes)

  package var classes: Classes? { if case .classes(let classes) = self { classes } else { nil } }
  package var labels: Classes? { if case .labels(let labels) = self { labels } else { nil } }
}

/// Samples as arrays of inputs and targets.
package struct ArrayDataset: SampleCollection {
  private let files: ArrayFiles
  private let inputs: NPY
  /// Nil where they are to be predicted.
  private let targets: NPY?
  private let classNames: [String]?
  /// Nil unless the targets are labels.
  private let labelNames: [String]?

  /// - Throws: `DatasetError`.
  package init(_ files: ArrayFiles, _ meaning: ArrayTargets = .plain) throws(DatasetError) {
    self.files = files
    inputs = try NPY.read(files.inputs)
    let targets = try NPY.read(files.targets)
    self.targets = targets
    guard let count = inputs.shape.first, targets.shape.first == count else {
      throw DatasetError(
        .countMismatch, path: files.targets,
        "targets of shape \(Shape(targets.shape)) for inputs of shape \(Shape(inputs.shape))",
        remedy: "give arrays whose first dimension counts the same samples")
    }
    if let labels = meaning.labels {
      (classNames, labelNames) = (nil, labels.names)
      try requireAnswers(targets, of: labels.names.count)
      return
    }
    labelNames = nil
    guard case .integers(let labels) = targets.elements else {
      guard meaning.classes == nil else {
        throw DatasetError(
          .wrongShape, path: files.targets, key: "classes", "the targets are floats, which are no classes",
          remedy: "save them as integers (a.astype('<i4')), or remove 'classes' to predict the numbers")
      }
      classNames = nil
      return
    }
    let names = meaning.classes?.names ?? (0...Int(max(1, labels.max() ?? 1))).map(String.init)
    classNames = names
    if let index = labels.firstIndex(where: { Int($0) >= names.count }) {
      throw DatasetError(
        .labelOutsideClasses, path: files.targets,
        "element \(index) is \(labels[index]), but \(names.count) classes have labels 0 to \(names.count - 1)",
        remedy: "correct the label, or give more 'classes'")
    }
  }

  /// Inputs to be predicted.
  /// - Throws: `DatasetError`.
  package init(toPredict path: String) throws(DatasetError) {
    files = ArrayFiles(inputs: path, targets: "")
    inputs = try NPY.read(path)
    guard !inputs.shape.isEmpty, inputs.shape[0] > 0 else {
      throw DatasetError(
        .wrongShape, path: path, "the array is \(Shape(inputs.shape)), without samples",
        remedy: "give one whose first dimension counts the samples")
    }
    targets = nil
    classNames = nil
    labelNames = nil
  }

  /// Refuses targets that are not 0, 1 or below 0 for each of `count` labels.
  private func requireAnswers(_ targets: NPY, of count: Int) throws(DatasetError) {
    guard Self.sampleShape(targets) == [count] else {
      let width = targets.shape.count < 3 ? Self.sampleShape(targets)[0] : nil
      throw DatasetError(
        .wrongShape, path: files.targets, key: "labels",
        "the targets are \(Shape(targets.shape)), which is not [samples, \(count)] for \(count) labels",
        remedy: width.map { "write 'labels: \($0)'" } ?? "save an array with a number for each sample and label")
    }
    let wrong: (index: Int, text: String)?
    switch targets.elements {
    case .floats(let floats):
      wrong = floats.firstIndex { $0 >= 0 && $0 != 0 && $0 != 1 }.map { ($0, "\(floats[$0])") }
    case .integers(let integers): wrong = integers.firstIndex { $0 > 1 }.map { ($0, "\(integers[$0])") }
    }
    guard let wrong else { return }
    throw DatasetError(
      .notALabel, path: files.targets,
      "element [\(wrong.index / count), \(wrong.index % count)] is \(wrong.text), neither 0 nor 1",
      remedy: "correct it (below 0 leaves it out), or replace 'labels' by 'classes' if the numbers are classes")
  }

  package var count: Int { inputs.shape[0] }
  package var timeGap: Int? { nil }

  package var fingerprint: UInt64 {
    var fingerprint = DataFingerprint()
    for array in [inputs] + (targets.map { [$0] } ?? []) {
      fingerprint.add(array.shape)
      switch array.elements {
      case .floats(let floats): fingerprint.add(floats)
      case .integers(let integers): fingerprint.add(integers)
      }
    }
    return fingerprint.value
  }

  package func encoding(of samples: [UInt32], normalises: Bool) throws(DatasetError) -> DataEncoding {
    let shape = Self.sampleShape(inputs)
    var statistics: [ArrayEncoding.Moments] = []
    if normalises, let numbers = inputNumbers {
      statistics = Self.moments(numbers, of: samples, ArrayEncoding.Features(shape))
    }
    guard let target = target(of: samples, normalises) else { throw DatasetError.otherEncoding(path: files.inputs) }
    return .arrays(ArrayEncoding(inputShape: shape, statistics: statistics, target: target))
  }

  package func source(
    _ encoding: DataEncoding, augmentation: SeededAugmentation?
  ) throws(DatasetError) -> any SampleSource {
    guard case .arrays(let arrays) = encoding else { throw DatasetError.otherEncoding(path: files.inputs) }
    let shape = Self.sampleShape(inputs)
    guard shape == arrays.inputShape else {
      throw DatasetError(
        .otherSize, path: files.inputs,
        "these samples are \(Shape(shape)), the training samples \(Shape(arrays.inputShape))",
        remedy: "give arrays of the same sample shape")
    }
    let input: ArraySource.Column
    switch inputNumbers {
    case let numbers?:
      input = .init(SampleField(SampleShape.inputName, Shape(shape)), .floats(arrays.standardised(numbers)))
    case nil: input = .init(SampleField(SampleShape.inputName, Shape(shape), .int32), inputs.elements.asColumn)
    }
    return ArraySource(count: count, [input, try targetColumn(arrays.target)])
  }

  private func targetColumn(_ target: SampleTarget) throws(DatasetError) -> ArraySource.Column {
    guard let targets else {
      let size = count * target.field.elementCount
      return switch target {
      case .classes: .init(target.field, .integers(Array(repeating: -1, count: size)))
      case .labels, .values: .init(target.field, .floats(Array(repeating: .nan, count: size)))
      }
    }
    switch (target, targets.elements) {
    case (.labels(let labels), .floats(let answers)) where labels.names == labelNames:
      return .init(target.field, .floats(answers))
    case (.labels(let labels), .integers(let answers)) where labels.names == labelNames:
      return .init(target.field, .floats(answers.map(Float.init)))
    case (.values(let values), .floats(let floats)) where values.shape == Self.sampleShape(targets):
      let scaled = floats.map { Float((Double($0) - values.mean) / values.deviation) }
      return .init(target.field, .floats(scaled))
    case (.classes(let classes), .integers(let labels))
    where classes.shape == Array(targets.shape.dropFirst()) && labels.allSatisfy({ Int($0) < classes.names.count }):
      return .init(target.field, .integers(labels))
    default: throw DatasetError.otherEncoding(path: files.targets)
    }
  }

  private func target(of samples: [UInt32], _ normalises: Bool) -> SampleTarget? {
    guard let targets else { return nil }
    if let labelNames { return .labels(LabelTarget(names: labelNames)) }
    guard case .floats(let floats) = targets.elements else {
      return .classes(ClassTarget(names: classNames ?? [], shape: Array(targets.shape.dropFirst())))
    }
    let shape = Self.sampleShape(targets)
    let size = shape.reduce(1, *)
    let each = Self.moments(floats, of: samples, ArrayEncoding.Features(count: size, stride: 1))
    let all = Self.moments(floats, of: samples, ArrayEncoding.Features(count: 1, stride: size))[0]
    return .values(
      ValueTarget(
        name: "targets", shape: shape, mean: normalises ? all.mean : 0, deviation: normalises ? all.deviation : 1,
        baseline: .mean(each.map(\.mean))))
  }

  /// Nil for tokens.
  private var inputNumbers: [Float]? {
    switch inputs.elements {
    case .floats(let floats): floats
    case .integers(let integers): inputs.isOfBytes ? integers.map(Float.init) : nil
    }
  }

  /// One number a sample is a vector of one.
  private static func sampleShape(_ array: NPY) -> [Int] {
    array.shape.count == 1 ? [1] : Array(array.shape.dropFirst())
  }

  /// Mean and population deviation of each feature over `samples`; the deviation of a feature that never varies is 1.
  private static func moments(
    _ numbers: [Float], of samples: [UInt32], _ features: ArrayEncoding.Features
  ) -> [ArrayEncoding.Moments] {
    let size = features.elementCount
    var sums = [Double](repeating: 0, count: features.count)
    var squares = sums
    func each(_ body: (_ feature: Int, _ value: Double) -> Void) {
      for sample in samples {
        for element in 0..<size { body(features.feature(element), Double(numbers[Int(sample) * size + element])) }
      }
    }
    let perFeature = Double(samples.count * size / features.count)
    each { sums[$0] += $1 }
    let means = sums.map { $0 / perFeature }
    each { squares[$0] += ($1 - means[$0]) * ($1 - means[$0]) }
    return zip(means, squares).map { mean, square in
      let deviation = (square / perFeature).squareRoot()
      return .init(mean: mean, deviation: deviation > 0 ? deviation : 1)
    }
  }
}

/// What makes numbers of arrays.
package struct ArrayEncoding: Hashable, Codable, Sendable {
  struct Moments: Hashable, Codable, Sendable {
    let mean: Double
    let deviation: Double
  }

  /// Which elements of a sample are one feature: each of a vector [F], each of the last dimension of a sequence [T, F],
  /// each channel of [C, H, W] or [C, D, H, W].
  struct Features {
    let count: Int
    /// Elements of one feature that lie together.
    let stride: Int
    /// Elements of a sample.
    let elementCount: Int

    init(count: Int, stride: Int) {
      self.count = count
      self.stride = stride
      elementCount = count * stride
    }

    init(_ shape: [Int]) {
      elementCount = shape.reduce(1, *)
      count = shape.count < 3 ? shape[shape.count - 1] : shape[0]
      stride = shape.count < 3 ? 1 : elementCount / shape[0]
    }

    func feature(_ element: Int) -> Int { element / stride % count }
  }

  let inputShape: [Int]
  /// One a feature; none where the numbers are taken as they are.
  let statistics: [Moments]
  let target: SampleTarget

  fileprivate func standardised(_ numbers: [Float]) -> [Float] {
    guard !statistics.isEmpty else { return numbers }
    let features = Features(inputShape)
    var result = numbers
    for index in result.indices {
      let moments = statistics[features.feature(index % features.elementCount)]
      result[index] = Float((Double(result[index]) - moments.mean) / moments.deviation)
    }
    return result
  }
}

extension NPY.Elements {
  fileprivate var asColumn: ArraySource.Elements {
    switch self {
    case .floats(let floats): .floats(floats)
    case .integers(let integers): .integers(integers)
    }
  }
}
