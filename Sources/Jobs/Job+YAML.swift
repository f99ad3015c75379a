import ModelGraph
import Models

extension Job {
  /// The job as a job file, every default written out; reading it gives an equal job.
  package func yaml() -> String {
    var lines = ["apus: \(formatVersion.number)", "name: \(quoted(name))", "seed: \(seed)", "data:"]
    lines += dataLines
    lines += ["model:"] + modelLines
    lines += [
      "training:",
      "  epochs: \(training.epochs)",
      "  batch: \(training.batch)",
      "  shards: \(training.shards)",
      "  loss: \(training.loss.rawValue)",
      "  optimizer: \(training.optimizer.yaml)",
      "  reduction: \(training.reduction.rawValue)",
      "checkpoint:",
    ]
    if let steps = checkpoint.everySteps { lines.append("  every_steps: \(steps)") }
    lines += ["  every_epochs: \(checkpoint.everyEpochs)", "  keep: \(checkpoint.keep)"]
    return lines.joined(separator: "\n") + "\n"
  }

  private var dataLines: [String] {
    func lines(_ key: String, _ files: DataFiles) -> [String] {
      ["  \(key):", "    images: \(quoted(files.images))", "    labels: \(quoted(files.labels))"]
    }
    let classes =
      switch data.classes {
      case .count(let count): "\(count)"
      case .names(let names): "[\(names.map(quoted).joined(separator: ", "))]"
      }
    return ["  format: \(data.format.rawValue)"] + lines("train", data.train)
      + (data.test.map { lines("test", $0) } ?? [])
      + ["  classes: \(classes)", "  normalize: \(data.normalize.rawValue)"]
  }

  private var modelLines: [String] {
    switch model {
    case .zoo(let entry): ["  zoo: \(entry.rawValue)"]
    case .layers(let layers): ["  layers:"] + layers.named().map { "    - \($0.yaml)" }
    }
  }
}

extension OptimizerSpecification {
  fileprivate var yaml: String {
    switch self {
    case .sgd(let sgd):
      return flow([
        ("name", name.rawValue), ("learning_rate", "\(sgd.learningRate)"), ("momentum", "\(sgd.momentum)"),
        ("weight_decay", "\(sgd.weightDecay)"),
      ])
    case .adam(let adam), .adamw(let adam):
      return flow([
        ("name", name.rawValue), ("learning_rate", "\(adam.learningRate)"), ("beta1", "\(adam.beta1)"),
        ("beta2", "\(adam.beta2)"), ("epsilon", "\(adam.epsilon)"), ("weight_decay", "\(adam.weightDecay)"),
      ])
    }
  }
}

extension LayerSpecification {
  fileprivate var yaml: String {
    var settings = [("name", quoted(name))]
    if let from { settings.append(("from", quoted(from))) }
    let kindName: LayerKind
    switch kind {
    case .dense(let outputs, let hasBias, let activation):
      kindName = .dense
      settings += [("outputs", "\(outputs)"), ("bias", "\(hasBias)")]
      if let activation { settings.append(("activation", activation.rawValue)) }
    case .convolution2D(let channels, let kernel, let stride, let padding, let hasBias, let activation):
      kindName = .convolution
      settings += [("channels", "\(channels)")] + window(kernel, stride, padding) + [("bias", "\(hasBias)")]
      if let activation { settings.append(("activation", activation.rawValue)) }
    case .maxPool2D(let kernel, let stride, let padding):
      kindName = .maxPool
      settings += window(kernel, stride, padding)
    case .dropout(let rate):
      kindName = .dropout
      settings.append(("rate", "\(rate)"))
    case .add(let left, let right):
      kindName = .add
      settings.append(("of", "[\(quoted(left)), \(quoted(right))]"))
    case .flatten: kindName = .flatten
    case .softmax: kindName = .softmax
    case .activation(.relu): kindName = .relu
    case .activation(.tanh): kindName = .tanh
    case .activation(.sigmoid): kindName = .sigmoid
    }
    return "\(kindName.rawValue): \(flow(settings))"
  }

  private func window(_ kernel: Extent2D, _ stride: Extent2D, _ padding: Extent2D) -> [(String, String)] {
    [("kernel", kernel), ("stride", stride), ("padding", padding)].map { key, extent in
      (key, extent.height == extent.width ? "\(extent.height)" : "[\(extent.height), \(extent.width)]")
    }
  }
}

private func flow(_ settings: [(String, String)]) -> String {
  "{\(settings.map { "\($0): \($1)" }.joined(separator: ", "))}"
}

/// A text as a YAML scalar: as it is if it could be nothing else, in double quotes otherwise.
private func quoted(_ text: String) -> String {
  let isPlain = text.unicodeScalars.allSatisfy {
    $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil || "-_./".unicodeScalars.contains($0))
  }
  let isWord = text.unicodeScalars.first.map { $0 != "-" && $0 != "." } ?? false
  if isPlain, isWord, text.lowercased() != "null" { return text }
  var quoted = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": quoted += "\\\""
    case "\\": quoted += "\\\\"
    case _
    where scalar.value < 0x20 || (0x7F...0xA0).contains(scalar.value) || scalar.value == 0xFEFF
      || scalar.value == 0x2028 || scalar.value == 0x2029:
      let digits = String(scalar.value, radix: 16)
      quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "\""
}
