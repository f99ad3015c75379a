import CostModel
import Units

/// A validation as tables.
struct ValidationText {
  let text: String

  init(_ report: ValidationReport, rows: Bool) {
    var parts: [String] = []
    if rows { parts.append(Self.rows(report)) }
    if !report.skipped.isEmpty { parts.append(Self.skipped(report, rows: rows)) }
    parts.append(Self.groups("by accelerator", report.byAccelerator))
    parts.append(Self.groups("by family", report.byFamily))
    parts.append(Self.groups("by source", report.bySource))
    parts.append(Self.groups("overall", ["all": report.overall]))
    text = parts.joined(separator: "\n\n")
  }

  private static func rows(_ report: ValidationReport) -> String {
    var table = TextTable([
      ("run", .left), ("model", .left), ("on", .left), ("published", .right), ("predicted", .right),
      ("90 % interval", .right), ("error", .right), ("outside calibration", .left),
    ])
    for line in report.lines {
      let row = line.row
      let error = row.predicted / row.published - 1
      table.append([
        row.id, String(line.model.prefix(32)), "\(line.accelerators)× \(line.accelerator)",
        "\(Seconds(row.published))", "\(Seconds(row.predicted))", "\(Seconds(row.low)) – \(Seconds(row.high))",
        (error >= 0 ? "+" : "−") + percent(abs(error), decimals: 1), line.outside.joined(separator: ", "),
      ])
    }
    return table.text
  }

  private static func skipped(_ report: ValidationReport, rows: Bool) -> String {
    let reasons = Dictionary(grouping: report.skipped, by: \.reason)
    var table = TextTable([("skipped", .right), ("reason", .left), ("runs", .left)])
    for (reason, skipped) in reasons.sorted(by: { ($1.value.count, $0.key) < ($0.value.count, $1.key) }) {
      let ids = skipped.map(\.id)
      let shown = rows ? ids[...] : ids.prefix(6)
      table.append(["\(ids.count)", reason, shown.joined(separator: " ") + (shown.count < ids.count ? " …" : "")])
    }
    return table.text
  }

  private static func groups(_ title: String, _ groups: [String: CrossValidation.Errors]) -> String {
    var table = TextTable([
      (title, .left), ("rows", .right), ("MAPE", .right), ("median", .right), ("95th", .right),
      ("sources' median", .right), ("in interval", .right),
    ])
    for (name, errors) in groups.sorted(by: { ($1.value.rows, $0.key) < ($0.value.rows, $1.key) }) {
      table.append([
        name.count > 100 ? String(name.prefix(49)) + "…" + String(name.suffix(50)) : name, "\(errors.rows)",
        percent(errors.mape, decimals: 1), percent(errors.median, decimals: 1), percent(errors.p95, decimals: 1),
        percent(errors.macroMedian, decimals: 1), percent(errors.coverage, decimals: 0),
      ])
    }
    return table.text
  }
}
