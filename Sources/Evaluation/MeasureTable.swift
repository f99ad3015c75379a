import Units

/// Precision, recall, specificity, F1 and support in aligned lines; what is undefined is "–".
struct MeasureTable {
  private let firstWidth: Int
  private var lines: [String] = []

  init(head: String, names: [String]) {
    firstWidth = names.map(\.count).max() ?? 0
    append(line: head, ["precision", "recall", "specificity", "F1", "support"])
  }

  mutating func append(_ name: String, _ shares: [Double?], support: Int64) {
    append(line: name, shares.map { percent($0, decimals: 1) } + [String(support)])
  }

  private mutating func append(line name: String, _ cells: [String]) {
    lines.append(
      ([name.padded(firstWidth)] + cells.map { $0.leftPadded("specificity".count) }).joined(separator: " "))
  }

  var text: String { lines.joined(separator: "\n") }
}

extension String {
  func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
  func leftPadded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
