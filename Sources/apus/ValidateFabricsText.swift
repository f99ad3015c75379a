import CostModel
import Units

/// Collectives predicted beside measured, as tables.
struct FabricValidationText {
  let text: String

  init(_ validation: FabricValidation, rows: Bool) {
    var parts: [String] = []
    if rows, !validation.rows.isEmpty { parts.append(Self.rows(validation)) }
    if !validation.skipped.isEmpty { parts.append(Self.skipped(validation)) }
    parts.append(Self.classes(validation))
    let aside = validation.classes.filter { $0.rows > 0 }.compactMap { kind in
      kind.setAside.map { "\(kind.title): set aside, \($0)" }
    }
    if !aside.isEmpty { parts.append(aside.joined(separator: "\n")) }
    parts.append([validation.insideNode, validation.acrossNodes].map(Self.verdict).joined(separator: "\n"))
    text = parts.joined(separator: "\n\n")
  }

  private static func rows(_ validation: FabricValidation) -> String {
    let leavesOut = validation.rows.contains { $0.withoutSize != nil || $0.withoutRanks != nil }
    var table = TextTable(
      [
        ("line", .right), ("fabric", .left), ("nodes", .right), ("ranks", .right), ("size", .right),
        ("measured", .right), ("predicted", .right), ("error", .right),
        ("simulated", .right), ("error", .right),
      ] + (leavesOut ? [("without size", .right), ("without ranks", .right)] : []))
    for row in validation.rows {
      let point = row.measurement
      let measured = point.seconds ?? 0
      let left = leavesOut ? [row.withoutSize, row.withoutRanks].map { signed($0.map { $0 / measured - 1 }) } : []
      table.append(
        [
          "\(point.line)", row.fabric, "\(point.nodes ?? 0)", "\(point.ranks ?? 0)", "\(Bytes(Int(point.bytes ?? 0)))",
          "\(Seconds(measured))", "\(Seconds(row.predicted))", signed(row.predicted / measured - 1),
          row.simulated.map { "\(Seconds($0))" } ?? "–", signed(row.simulated.map { $0 / measured - 1 }),
        ] + left)
    }
    return table.text
  }

  private static func signed(_ error: Double?) -> String {
    guard let error else { return "–" }
    return (error >= 0 ? "+" : "−") + percent(abs(error), decimals: 1)
  }

  private static func skipped(_ validation: FabricValidation) -> String {
    var table = TextTable([("skipped", .right), ("reason", .left), ("lines", .left)])
    let reasons = Dictionary(grouping: validation.skipped, by: \.reason)
    for (reason, rows) in reasons.sorted(by: { ($1.value.count, $0.key) < ($0.value.count, $1.key) }) {
      table.append(["\(rows.count)", reason, spans(rows.map(\.measurement.line))])
    }
    return table.text
  }

  /// "3–7 12" of 3, 4, 5, 6, 7 and 12.
  private static func spans(_ lines: [Int]) -> String {
    var spans: [ClosedRange<Int>] = []
    for line in lines {
      if let last = spans.last, last.upperBound + 1 == line {
        spans[spans.count - 1] = last.lowerBound...line
      } else {
        spans.append(line...line)
      }
    }
    return spans.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)–\($0.upperBound)" }
      .joined(separator: " ")
  }

  private static func classes(_ validation: FabricValidation) -> String {
    let leavesOut = validation.rows.contains { $0.withoutSize != nil || $0.withoutRanks != nil }
    var table = TextTable(
      [
        ("all-reduce on", .left), ("points", .right), ("constants", .right), ("mean error", .right),
        ("median", .right), ("largest", .right), ("simulated", .right),
      ] + (leavesOut ? [("without size", .right), ("without ranks", .right)] : []))
    func append(_ kind: FabricValidation.Summary) {
      let errors =
        [kind.mean, kind.median, kind.largest, kind.meanSimulated]
        + (leavesOut ? [kind.meanWithoutSize, kind.meanWithoutRanks] : [])
      table.append(
        [kind.title + (kind.setAside == nil ? "" : " (set aside)"), "\(kind.rows)", "\(kind.constants)"]
          + errors.map { percent($0, decimals: 1) })
    }
    for total in [validation.insideNode, validation.acrossNodes] {
      for kind in validation.classes where kind.part == total.part && kind.rows > 0 { append(kind) }
      append(total)
      if total.part == .node { table.rule() }
    }
    return table.text
  }

  private static func verdict(_ total: FabricValidation.Summary) -> String {
    guard let mean = total.mean, let goal = total.goal, let isMet = total.meetsGoal else {
      return "\(total.title): no measured all-reduce"
    }
    return
      "\(total.title): mean error \(percent(mean, decimals: 2)), the goal is at most \(percent(goal, decimals: 0)): "
      + (isMet ? "met" : "missed")
  }
}
