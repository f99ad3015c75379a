import Units

extension ConfusionMatrix {
  /// The matrix as aligned text: true classes as rows, predicted ones as columns, recall as the last column, precision
  /// as the last row, accuracy in the corner. What is undefined is "–".
  ///
  /// Ten classes with names of up to 11 letters and counts below 100,000 take at most 120 columns: headings are cut to
  /// the width of the columns, and numbered instead where a cut would make two of them equal.
  package func table(classNames: [String]) -> String {
    precondition(classNames.count == classCount, "\(classCount) classes, but \(classNames.count) names")
    let digits = counts.map { String($0).count }.max() ?? 1
    let width = max(8, digits)  // 8: a heading that can still be read, and "100.0 %"
    let rows = classNames.map { String($0.prefix(16)) }
    let first = "true \\ pred."
    let firstWidth = max(first.count, rows.map(\.count).max() ?? 0, "precision".count)
    var lines = [
      ([first.padded(firstWidth)] + (headings(classNames, width: width) + ["recall"]).map { $0.leftPadded(width) })
    ]
    for row in 0..<classCount {
      let cells = (0..<classCount).map { String(self[true: row, predicted: $0]) } + [percent(recall(row), decimals: 1)]
      lines.append([rows[row].padded(firstWidth)] + cells.map { $0.leftPadded(width) })
    }
    let last = (0..<classCount).map { percent(precision($0), decimals: 1) } + [percent(accuracy, decimals: 1)]
    lines.append(["precision".padded(firstWidth)] + last.map { $0.leftPadded(width) })
    return lines.map { $0.joined(separator: " ") }.joined(separator: "\n")
  }

  /// One line a class: precision, recall, specificity, F1 and support, then their macro averages.
  package func measures(classNames: [String]) -> String {
    precondition(classNames.count == classCount, "\(classCount) classes, but \(classNames.count) names")
    var table = MeasureTable(head: "class", names: classNames + ["macro average"])
    for (index, name) in classNames.enumerated() {
      table.append(name, [precision(index), recall(index), specificity(index), f1(index)], support: support(index))
    }
    table.append("macro average", [macroPrecision, macroRecall, macroSpecificity, macroF1], support: total)
    return table.text
  }

  private func headings(_ names: [String], width: Int) -> [String] {
    let cut = names.map { name in
      name.count <= width ? name : name.prefix(width - 1).split(separator: " ").joined(separator: " ") + "."
    }
    return cut.enumerated().map { index, heading in
      cut.filter { $0 == heading }.count == 1 ? heading : "#\(index)"
    }
  }
}
