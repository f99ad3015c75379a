import ModelGraph

extension Table {
  /// - Throws: `DatasetError` with code `.otherEncoding`, or with line and column for a category that training has not
  ///   seen.
  package func source(
    _ encoding: DataEncoding, augmentation: SeededAugmentation?
  ) throws(DatasetError) -> any SampleSource {
    guard case .table(let table) = encoding, table.inputs.map(\.name) == inputs.map(\.name) else {
      throw DatasetError.otherEncoding(path: path)
    }
    let width = table.inputs.reduce(0) { $0 + $1.width }
    var numbers = [Float](repeating: 0, count: rowCount * width)
    var place = 0
    for (column, rule) in zip(inputs, table.inputs) {
      try write(column, rule, to: &numbers, place: place, width: width)
      place += rule.width
    }
    let input: ArraySource.Column
    if let window = specification.window {
      input = .init(
        SampleField(SampleShape.inputName, [window.length, width]), .floats(numbers), start: 0, stride: width)
    } else {
      input = .init(SampleField(SampleShape.inputName, [width]), .floats(numbers))
    }
    return ArraySource(count: count, [input, try targetColumn(table.target)])
  }

  private func targetColumn(_ encoding: SampleTarget) throws(DatasetError) -> ArraySource.Column {
    if isToPredict, !targets.contains(where: \.hasValues) { return unknownTarget(encoding) }
    if case .labels(let labels) = encoding {
      guard case .labels(labels.names) = specification.target else { throw DatasetError.otherEncoding(path: path) }
      return .init(encoding.field, .floats(try answers()))
    }
    let target = targets[0]
    switch (encoding, target.values) {
    case (.classes(let classes), .categories(let names)):
      let numbers = Dictionary(uniqueKeysWithValues: classes.names.enumerated().map { ($1, Int32($0)) })
      var labels: [Int32] = []
      for (row, name) in names.enumerated() {
        if name == nil, isToPredict {
          labels.append(-1)
          continue
        }
        guard let label = name.flatMap({ numbers[$0] }) else {
          throw unknown(name, target, row, classes.names)
        }
        labels.append(label)
      }
      return .init(encoding.field, .integers(labels))
    case (.values(let values), .numbers(let numbers)):
      var scaled = numbers.map { Float(($0 - values.mean) / values.deviation) }
      if isToPredict, let window = specification.window {
        scaled += Array(repeating: .nan, count: window.horizon)
      }
      return .init(encoding.field, .floats(scaled), start: specification.window?.length ?? 0, stride: 1)
    default:
      throw DatasetError(
        .notANumber, path: path, key: "target",
        "the target '\(target.name)' is of \(encoding.isOfClasses ? "numbers" : "categories") here, and was of "
          + "\(encoding.isOfClasses ? "categories" : "numbers") in training",
        remedy: "give a file of the same kind, or name it in 'categories'")
    }
  }

  /// Labels of −1, or no numbers, for every sample.
  private func unknownTarget(_ encoding: SampleTarget) -> ArraySource.Column {
    let count = count * encoding.field.elementCount
    let elements: ArraySource.Elements =
      encoding.isOfClasses
      ? .integers(Array(repeating: -1, count: count)) : .floats(Array(repeating: .nan, count: count))
    return .init(encoding.field, elements)
  }

  /// 0 or 1 for each row and label, row after row; no number where it is to be predicted.
  private func answers() throws(DatasetError) -> [Float] {
    let targets = targets
    var answers: [Float] = []
    answers.reserveCapacity(rowCount * targets.count)
    for row in 0..<rowCount {
      for target in targets {
        let cell = target.places[row]
        if isToPredict, Table.isMissing(cell) {
          answers.append(.nan)
          continue
        }
        let text = cell.text.trimmed.lowercased()
        switch Double(text) ?? (text == "true" ? 1 : text == "false" ? 0 : nil) {
        case 0?: answers.append(0)
        case 1?: answers.append(1)
        default:
          throw DatasetError(
            .notALabel, path: path, line: cell.line, column: cell.column,
            "'\(cell.text)' in '\(target.name)' is neither 0 nor 1",
            remedy: "a list of target columns makes labels, each 0 or 1 (or false or true): correct the field, or name "
              + "one target column alone for numbers or classes")
        }
      }
    }
    return answers
  }

  private func write(
    _ column: Column, _ rule: TableEncoding.Column, to numbers: inout [Float], place: Int, width: Int
  ) throws(DatasetError) {
    switch (rule, column.values) {
    case (.number(_, let mean, let deviation, let fill), .numbers(let values)):
      for (row, value) in values.enumerated() {
        numbers[row * width + place] = Float(((value.isNaN ? fill : value) - mean) / deviation)
      }
    case (.category(_, let known), .categories(let values)):
      let positions = Dictionary(uniqueKeysWithValues: known.enumerated().map { ($1, $0) })
      for (row, value) in values.enumerated() {
        guard let value else { continue }
        guard let position = positions[value] else { throw unknown(value, column, row, known) }
        numbers[row * width + place + position] = 1
      }
    case (.number, .categories(let values)):
      let row = values.firstIndex { $0.map { Double($0) == nil } ?? false } ?? 0
      let cell = column.places[row]
      throw DatasetError(
        .notANumber, path: path, line: cell.line, column: cell.column,
        "'\(cell.text)' is no number, and '\(column.name)' was of numbers in training", remedy: "correct the field")
    case (.category(_, let known), .numbers):
      let cell = column.places[0]
      throw unknown(cell.text, column, 0, known)
    }
  }

  private func unknown(_ name: String?, _ column: Column, _ row: Int, _ known: [String]) -> DatasetError {
    let cell = column.places[row]
    let some = known.prefix(8).map { "'\($0)'" }.joined(separator: ", ") + (known.count > 8 ? ", …" : "")
    return DatasetError(
      .unknownCategory, path: path, line: cell.line, column: cell.column,
      "'\(name ?? "")' in '\(column.name)' does not occur in the training rows, which have \(some)",
      remedy: "correct it, or train on rows that have it")
  }
}

extension SampleTarget {
  var isOfClasses: Bool { if case .classes = self { true } else { false } }
}

extension Table.Column {
  /// Whether any field is not missing.
  fileprivate var hasValues: Bool {
    switch values {
    case .numbers(let numbers): numbers.contains { !$0.isNaN }
    case .categories(let names): names.contains { $0 != nil }
    }
  }
}
