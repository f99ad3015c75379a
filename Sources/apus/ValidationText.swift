import CostModel
import Units

/// A validation as tables.
struct ValidationText {
  let text: String

  init(_ report: ValidationReport, rows: Bool) {
    var parts: [String] = []
    if rows, !report.lines.isEmpty { parts.append(Self.rows(report)) }
    if !report.skipped.isEmpty { parts.append(Self.skipped(report, rows: rows)) }
    for (title, groups) in [
      ("by accelerator", report.byAccelerator), ("by family", report.byFamily), ("by source", report.bySource),
    ] where !groups.isEmpty { parts.append(Self.groups(title, groups)) }
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
      let shares = [errors.mape, errors.median, errors.p95, errors.macroMedian].map { percent($0, decimals: 1) }
      let figures = shares + [percent(errors.coverage, decimals: 0)]
      table.append(
        [
          name.count > 100
            ? String(name.prefix(49)) + "…" + String(name.suffix(50)) : name.isEmpty ? "(not said)" : name,
          "\(errors.rows)",
        ] + (errors.rows > 0 ? figures : figures.map { _ in "–" }))
    }
    return table.text
  }
}
