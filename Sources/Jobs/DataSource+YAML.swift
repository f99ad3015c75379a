import Datasets

extension DataSource {
  /// The format's keys, every default written out.
  var lines: [String] {
    switch self {
    case .idx(let train, let test, let classes):
      Self.lines("train", train) + (test.map { Self.lines("test", $0) } ?? []) + ["classes: \(classes.yaml)"]
    case .csv(let train, let test, let table): Self.lines(train, test) + table.lines
    case .npy(let train, let test, let targets):
      Self.lines("train", train) + (test.map { Self.lines("test", $0) } ?? [])
        + (targets.classes.map { ["classes: \($0.yaml)"] } ?? [])
        + (targets.labels.map { ["labels: \($0.yaml)"] } ?? [])
    case .cifar10(let folder): ["folder: \(quoted(folder))"]
    case .cifar100(let folder, let labels): ["folder: \(quoted(folder))", "labels: \(labels.rawValue)"]
    case .imageFolder(let train, let test, let folder):
      Self.lines(train, test) + [
        "size: [\(folder.height), \(folder.width)]", "channels: \(folder.channels)",
        "resize: \(folder.resize.rawValue)",
      ]
    case .text(let train, let test, let text): Self.lines(train, test) + text.lines
    case .pairs(let train, let test, let pairs): Self.lines(train, test) + pairs.lines
    case .planned(let data): data.lines
    }
  }

  private static func lines(_ train: String, _ test: String?) -> [String] {
    ["train: \(quoted(train))"] + (test.map { ["test: \(quoted($0))"] } ?? [])
  }

  private static func lines(_ key: String, _ files: ImageFiles) -> [String] {
    ["\(key):", "  images: \(quoted(files.images))", "  labels: \(quoted(files.labels))"]
  }

  private static func lines(_ key: String, _ files: ArrayFiles) -> [String] {
    ["\(key):", "  inputs: \(quoted(files.inputs))", "  targets: \(quoted(files.targets))"]
  }
}

extension TableSpecification {
  fileprivate var lines: [String] {
    let targetText =
      switch target {
      case .column(let name): quoted(name)
      case .labels(let names): list(names)
      }
    var lines = ["target: \(targetText)"]
    if let columns { lines.append("columns: \(list(columns))") }
    if !categories.isEmpty { lines.append("categories: \(list(categories))") }
    lines += ["missing: \(missing.rawValue)", "delimiter: \(delimiter.rawValue)"]
    if let window {
      lines.append("window: " + flow([("length", "\(window.length)"), ("horizon", "\(window.horizon)")]))
    }
    return lines
  }
}

extension TextSpecification {
  fileprivate var lines: [String] {
    var lines = ["tokens: \(tokens.rawValue)", "sequence_length: \(sequenceLength)"]
    if let vocabularyLimit { lines.append("vocabulary_limit: \(vocabularyLimit)") }
    if let text { lines.append("text: \(quoted(text))") }
    if let label { lines.append("label: \(quoted(label))") }
    if text != nil || label != nil { lines.append("delimiter: \(delimiter.rawValue)") }
    return lines
  }
}

extension PairsSpecification {
  private var tokens: String {
    guard sourceTokens != targetTokens else { return sourceTokens.rawValue }
    return flow([("source", sourceTokens.rawValue), ("target", targetTokens.rawValue)])
  }

  fileprivate var lines: [String] {
    var lines = [
      "source: \(quoted(source))", "target: \(quoted(target))", "tokens: \(tokens)",
      "source_length: \(sourceLength)", "target_length: \(targetLength)",
    ]
    if let vocabularyLimit { lines.append("vocabulary_limit: \(vocabularyLimit)") }
    return lines + ["delimiter: \(delimiter.rawValue)"]
  }
}

extension Classes {
  fileprivate var yaml: String {
    switch self {
    case .count(let count): "\(count)"
    case .names(let names): list(names)
    }
  }
}

private func list(_ texts: [String]) -> String { "[\(texts.map(quoted).joined(separator: ", "))]" }
