package import ModelGraph

/// What a model is to find out about a sample.
package enum SampleTarget: Hashable, Codable, Sendable {
  case classes(ClassTarget)
  case labels(LabelTarget)
  case values(ValueTarget)

  /// The fields that hold it: `labels` for classes, `target` for labels and values.
  package static let labelsName = "labels"
  package static let targetName = "target"
  static let fieldNames = [labelsName, targetName]

  /// The field that holds it.
  var field: SampleField {
    switch self {
    case .classes(let classes): SampleField(Self.labelsName, Shape(classes.shape), .int32)
    case .labels(let labels): SampleField(Self.targetName, [labels.names.count])
    case .values(let values): SampleField(Self.targetName, Shape(values.shape))
    }
  }

  /// What the model's last layer gives for each sample, or for each step of a sequence.
  package var outputCount: Int {
    switch self {
    case .classes(let classes): classes.names.count
    case .labels(let labels): labels.names.count
    case .values(let values): values.shape.reduce(1, *)
    }
  }

  /// Whether there is something to find at each step of a sequence.
  package var isOfSteps: Bool { if case .classes(let classes) = self { !classes.shape.isEmpty } else { false } }

  /// The shape of the model's output for one sample.
  package var outputShape: Shape {
    switch self {
    case .classes(let classes): Shape(classes.shape + [classes.names.count])
    case .labels(let labels): [labels.names.count]
    case .values(let values): Shape(values.shape)
    }
  }
}

/// A class for each sample, or for each step of a sequence.
package struct ClassTarget: Hashable, Codable, Sendable {
  /// In the order of the labels 0, 1, 2 …
  package let names: [String]
  /// Of one sample's labels: [] or [T]. A negative label is left out.
  package let shape: [Int]

  package init(names: [String], shape: [Int] = []) {
    self.names = names
    self.shape = shape
  }
}

/// Several questions of yes (1) and no (0) for each sample, which may be of none, one or many of them at once; a number
/// below 0 leaves a question of a sample out.
package struct LabelTarget: Hashable, Codable, Sendable {
  /// In the order of the outputs.
  package let names: [String]

  package init(names: [String]) {
    precondition(!names.isEmpty, "there is at least one label")
    self.names = names
  }
}

/// Numbers for each sample.
package struct ValueTarget: Hashable, Codable, Sendable {
  /// What a guess without a model would be.
  package enum Baseline: Hashable, Codable, Sendable {
    /// The mean of each target over the training samples, in the data's own units.
    case mean([Double])
    /// The last value that the model is shown, as standardised as the target; `element` is its place in the input.
    case lastValue(element: Int)

    package var description: String {
      switch self {
      case .mean: "the mean of the training samples"
      case .lastValue: "the last value seen"
      }
    }
  }

  /// What the numbers are, for reports.
  package let name: String
  /// Of one sample's target.
  package let shape: [Int]
  /// The field holds (value − mean) / deviation.
  package let mean: Double
  package let deviation: Double
  package let baseline: Baseline

  package init(name: String, shape: [Int], mean: Double, deviation: Double, baseline: Baseline) {
    precondition(deviation > 0, "a deviation is positive")
    self.name = name
    self.shape = shape
    self.mean = mean
    self.deviation = deviation
    self.baseline = baseline
  }
}
