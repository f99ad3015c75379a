/// What makes numbers of a table: measured on the rows that are trained on, kept with the model.
package struct TableEncoding: Hashable, Codable, Sendable {
  /// A column as numbers.
  package enum Column: Hashable, Codable, Sendable {
    /// (value − mean) / deviation; a missing value is `fill`.
    case number(name: String, mean: Double, deviation: Double, fill: Double)
    /// A 1 at the place of the category, else 0; all 0 for a missing one.
    case category(name: String, names: [String])

    package var name: String {
      switch self {
      case .number(let name, _, _, _), .category(let name, _): name
      }
    }

    /// Numbers that it takes.
    var width: Int {
      switch self {
      case .number: 1
      case .category(_, let names): names.count
      }
    }
  }

  package let inputs: [Column]
  package let target: SampleTarget
  let window: TableSpecification.Window?
}

extension Table: SampleCollection {
  /// Rows, or windows of them.
  package var count: Int {
    guard let window = specification.window else { return rowCount }
    return max(0, rowCount - window.length - (isToPredict ? 0 : window.horizon) + 1)
  }

  package var timeGap: Int? { specification.window.map { $0.horizon - 1 } }

  package var fingerprint: UInt64 {
    var fingerprint = DataFingerprint()
    for column in columns {
      fingerprint.add(column.name)
      switch column.values {
      case .numbers(let numbers): fingerprint.add(numbers)
      case .categories(let names): for name in names { fingerprint.add(name ?? "") }
      }
    }
    return fingerprint.value
  }

  package func encoding(of samples: [UInt32], normalises: Bool) throws(DatasetError) -> DataEncoding {
    guard let last = samples.last else { preconditionFailure("there are samples to train on") }
    let rows =
      specification.window.map { window in Array(0..<Int(last) + window.length + window.horizon) }
      ?? samples.map(Int.init)
    var inputs: [TableEncoding.Column] = []
    for column in self.inputs { inputs.append(try encoding(column, rows, normalises)) }
    return .table(
      TableEncoding(inputs: inputs, target: try targetEncoding(rows, normalises, inputs), window: specification.window))
  }

  private func encoding(
    _ column: Column, _ rows: [Int], _ normalises: Bool
  ) throws(DatasetError) -> TableEncoding.Column {
    switch column.values {
    case .numbers(let numbers):
      let (mean, deviation) = Self.moments(rows.map { numbers[$0] })
      guard normalises else {
        return .number(name: column.name, mean: 0, deviation: 1, fill: mean)
      }
      guard deviation > 0 else {
        throw DatasetError(
          .constantColumn, path: path, key: specification.columns == nil ? nil : "columns",
          "every training row has \(mean) in '\(column.name)'", remedy: "leave it out of 'columns': it says nothing")
      }
      return .number(name: column.name, mean: mean, deviation: deviation, fill: mean)
    case .categories(let names):
      // Of all rows: names are no statistics, and a rare one may be among the rows that are kept to test with.
      return .category(name: column.name, names: Self.sorted(names))
    }
  }

  private func targetEncoding(
    _ rows: [Int], _ normalises: Bool, _ inputs: [TableEncoding.Column]
  ) throws(DatasetError) -> SampleTarget {
    guard !targets.isEmpty else { throw DatasetError.otherEncoding(path: path) }
    if case .labels(let names) = specification.target { return .labels(LabelTarget(names: names)) }
    let target = targets[0]
    switch target.values {
    case .categories(let names):
      guard specification.window == nil else {
        throw DatasetError(
          .notANumber, path: path, key: "target",
          "a window predicts numbers, and '\(target.name)' is of categories", remedy: "give a column of numbers")
      }
      let classes = Self.sorted(names)
      guard classes.count > 1 else {
        throw DatasetError(
          .constantColumn, path: path, key: "target", "every row has '\(classes.first ?? "")' in '\(target.name)'",
          remedy: "give a target of two classes or more")
      }
      return .classes(ClassTarget(names: classes))
    case .numbers(let numbers):
      let (mean, deviation) = Self.moments(rows.map { numbers[$0] })
      guard deviation > 0 else {
        throw DatasetError(
          .constantColumn, path: path, key: "target", "every training row has \(mean) in '\(target.name)'",
          remedy: "give a target that varies")
      }
      var baseline = ValueTarget.Baseline.mean(
        Array(repeating: mean, count: specification.window?.horizon ?? 1))
      if let window = specification.window {
        let before = inputs.prefix { $0.name != target.name }
        if before.count < inputs.count {
          let width = inputs.reduce(0) { $0 + $1.width }
          let place = before.reduce(0) { $0 + $1.width }
          baseline = .lastValue(element: (window.length - 1) * width + place)
        }
      }
      return .values(
        ValueTarget(
          name: target.name, shape: [specification.window?.horizon ?? 1], mean: normalises ? mean : 0,
          deviation: normalises ? deviation : 1, baseline: baseline))
    }
  }

  /// The different names, codes that are numbers by their value.
  private static func sorted(_ names: [String?]) -> [String] {
    let different = Set(names.compactMap(\.self))
    let numbers = different.compactMap(Double.init)
    guard numbers.count == different.count else { return different.sorted() }
    return different.sorted { (Double($0) ?? 0, $0) < (Double($1) ?? 0, $1) }
  }

  /// Of the numbers that are there; the deviation is the population's.
  private static func moments(_ numbers: [Double]) -> (mean: Double, deviation: Double) {
    let present = numbers.filter { !$0.isNaN }
    guard !present.isEmpty else { return (0, 0) }
    let mean = present.reduce(0, +) / Double(present.count)
    let spread = present.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, (spread / Double(present.count)).squareRoot())
  }
}
