import Foundation
import Training

/// A report of predictions as the terminal shows it.
struct PredictionText {
  private let report: PredictionReport

  /// More classes than fit a line have the probability of the predicted one only.
  private static let widestTable = 10

  init(_ report: PredictionReport) { self.report = report }

  var text: String {
    let body =
      switch report.kind {
      case .classes, .labels: classes
      case .values: values
      case .sequences: sequences
      case .continuations: continuations
      }
    let head = "\(report.job), step \(report.step) (\(report.checkpoint))" + (report.decoding.map { ", \($0)" } ?? "")
    return "\(head)\n\n\(body)" + (summary.map { "\n\n\($0)" } ?? "")
  }

  private var summary: String? {
    guard let summary = report.summary else { return nil }
    let samples = "\(summary.samples) \(summary.samples == 1 ? "sample" : "samples") with a known truth"
    let measures = [
      summary.exactMatch.map { "right \(percent($0))" },
      summary.tokenErrorRate.map { "token error rate \(percent($0))" },
      summary.rootMeanSquaredError.map { "RMSE \(number($0))" },
    ]
    return "\(samples): \(measures.compactMap(\.self).joined(separator: ", "))"
  }

  private var hasTruth: Bool { report.summary != nil }

  private var hasInput: Bool { report.rows.contains { $0.input != nil } }

  private var classes: String {
    let names = report.classNames ?? []
    let hasProbabilities = report.rows.contains { $0.probabilities != nil }
    // The largest probability of several labels says nothing.
    let isWide = names.count > Self.widestTable && report.kind == .classes
    var columns: [(String, TextTable.Alignment)] = [("sample", .right)]
    if hasInput { columns.append(("text", .left)) }
    columns.append((report.kind == .labels ? "labels" : "class", .left))
    if hasTruth { columns.append(("truth", .left)) }
    if hasProbabilities { columns += isWide ? [("probability", .right)] : names.map { ($0, .right) } }
    var table = TextTable(columns)
    for (index, row) in report.rows.enumerated() {
      var cells = ["\(index + 1)"]
      if hasInput { cells.append(shortened(row.input ?? "")) }
      cells.append(row.prediction.map { $0.isEmpty ? "–" : $0 } ?? "")
      if hasTruth { cells.append(row.truth ?? "–") }
      if hasProbabilities {
        let probabilities = row.probabilities ?? []
        cells += (isWide ? [probabilities.max() ?? 0] : probabilities).map { String(format: "%.4f", $0) }
      }
      table.append(cells)
    }
    return table.text
  }

  private var values: String {
    let target = report.target ?? "value"
    var table = TextTable([("sample", .right), (target, .right)] + (hasTruth ? [("truth", .right)] : []))
    for (index, row) in report.rows.enumerated() {
      let cells = ["\(index + 1)", numbers(row.values)]
      table.append(cells + (hasTruth ? [row.trueValues.map { numbers($0) } ?? "–"] : []))
    }
    return table.text
  }

  private var sequences: String {
    var table = TextTable(
      [("source", .left), ("written", .left)] + (hasTruth ? [("truth", .left)] : []) + [("log P", .right)])
    for row in report.rows {
      let written = (row.prediction ?? "") + (row.isEnded == false ? " …" : "")
      let probability = row.logProbability.map { String(format: "%.3f", $0) } ?? ""
      table.append([row.input ?? "", written] + (hasTruth ? [row.truth ?? "–"] : []) + [probability])
    }
    return table.text
  }

  private var continuations: String {
    report.rows.map { row in
      let probability = row.logProbability.map { String(format: "log P %.3f", $0) } ?? ""
      return "\(row.input ?? "")│\(row.prediction ?? "")\n(\(probability))"
    }.joined(separator: "\n\n")
  }

  private func shortened(_ text: String) -> String { text.count > 40 ? text.prefix(39) + "…" : text }

  private func numbers(_ values: [Double]?) -> String { (values ?? []).map(number).joined(separator: " ") }

  private func number(_ value: Double) -> String { String(format: "%.5g", value) }

  private func percent(_ share: Double) -> String { String(format: "%.2f %%", share * 100) }
}
