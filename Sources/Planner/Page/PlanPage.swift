import CostModel
import Units

/// A plan as a page of its own: no scripts, nothing to fetch.
package struct PlanPage {
  private let plan: Plan
  /// Entries that tables and bars show.
  private static let shown = 12

  package init(_ plan: Plan) { self.plan = plan }

  package var html: String {
    let title = "Plan of \(plan.job)"
    var parts = [
      "<!DOCTYPE html>", "<html lang=\"en\">", "<head>", "<meta charset=\"utf-8\">",
      "<title>\(escaped(title))</title>", "<style>\(Self.style)</style>", "</head>", "<body>",
      "<h1>\(escaped(title))</h1>", summary,
    ]
    if plan.isFeasible {
      parts += [
        section("Time and cost", paretoPlot), section("Plans", table), section("A step, term by term", steps),
        section("Memory of the fullest accelerator", memory(bars)),
      ]
    } else {
      parts.append(section("Nearest plans", nearest))
    }
    if !plan.rejections.isEmpty { parts.append(section("Not chosen", rejections)) }
    return (parts + ["</body>", "</html>", ""]).joined(separator: "\n")
  }

  private static let style = """
    body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733; }
    table { border-collapse: collapse; } td, th { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #dde3ea; }
    td:first-child, th:first-child, td.text, th.text { text-align: left; } tr.front td:first-child { font-weight: 600; }
    svg { max-width: 100%; height: auto; } .legend span { margin-right: 1rem; white-space: nowrap; }
    .legend i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; }
    """

  private func section(_ heading: String, _ content: String) -> String {
    "<section>\n<h2>\(escaped(heading))</h2>\n\(content)\n</section>"
  }

  private var entries: [PlanEntry] { Array(plan.ranked.prefix(Self.shown)) }

  private var summary: String {
    guard let chosen = plan.chosen else { return "<p>No plan is feasible.</p>" }
    var text =
      "\(chosen.group) with \(chosen.layout): \(chosen.step) a step, \(chosen.time) and \(chosen.cost) for "
      + "\(chosen.steps) steps."
    if let interval = chosen.interval {
      text +=
        " With 90 % probability \(chosen.time * interval.low) to \(chosen.time * interval.high) and "
        + "\(chosen.cost * interval.low) to \(chosen.cost * interval.high)."
    }
    var lines = ["<p><strong>\(escaped(text))</strong></p>"]
    if let crossover = plan.crossover?.text { lines.append("<p>\(escaped(crossover))</p>") }
    if !chosen.remarks.isEmpty {
      lines.append("<ul>" + chosen.remarks.map { "<li>\(escaped($0))</li>" }.joined() + "</ul>")
    }
    return lines.joined(separator: "\n")
  }

  // MARK: Tables

  private var table: String {
    let front = Set(plan.pareto)
    var rows = [
      "<tr><th>nodes</th><th class=\"text\">layout</th><th>step</th><th>time</th><th>cost</th><th>memory</th></tr>"
    ]
    for (index, entry) in entries.enumerated() {
      rows.append(
        "<tr\(front.contains(index) ? " class=\"front\"" : "")><td>\(escaped(entry.group.description))</td>"
          + "<td class=\"text\">\(escaped(entry.layout.description))</td><td>\(entry.step)</td><td>\(entry.time)</td>"
          + "<td>\(entry.cost)</td><td>\(entry.memory.components.total)</td></tr>")
    }
    let rest = plan.ranked.count - entries.count
    return "<table>\n" + rows.joined(separator: "\n") + "\n</table>"
      + (rest > 0 ? "\n<p>… and \(rest) more. Bold: nothing beats it in both time and cost.</p>" : "")
  }

  private var nearest: String {
    let rows = plan.nearest.map { near in
      "<tr><td>\(escaped(near.group.description))</td><td class=\"text\">\(escaped(near.layout.description))</td>"
        + "<td>\(near.time)</td><td>\(near.cost)</td>"
        + "<td class=\"text\">\(escaped(near.lacks.map(\.description).joined(separator: "; ")))</td></tr>"
    }
    return
      "<table>\n<tr><th>nodes</th><th class=\"text\">layout</th><th>time</th><th>cost</th>"
      + "<th class=\"text\">lacks</th></tr>\n" + rows.joined(separator: "\n") + "\n</table>"
  }

  private var rejections: String {
    "<table>\n"
      + plan.rejections.map {
        "<tr><td>\(escaped($0.subject))</td><td class=\"text\">\(escaped($0.message))</td></tr>"
      }.joined(separator: "\n") + "\n</table>"
  }

  // MARK: Plots

  static let colours = [
    "#3b6fb6", "#e0913a", "#4fa36a", "#b7524f", "#8067b7", "#8c6d53", "#d07fb4", "#7b8794", "#b5ad3c", "#41aab8",
    "#2f4858", "#f0b7a0", "#99c2a2", "#c9b6e4",
  ]

  private var paretoPlot: String {
    var drawing = Drawing(width: 900, height: 380)
    let points = plan.ranked.map { (x: $0.time.count, y: $0.cost.count) }
    let horizontal = LogScale(points.map(\.x), from: 70, to: 880)
    let vertical = LogScale(points.map(\.y), from: 335, to: 15)
    drawing.line([(70, 15), (70, 335), (880, 335)], stroke: "#7b8794")
    for tick in horizontal.ticks {
      drawing.text("\(Seconds(tick))", x: horizontal[tick], y: 352, anchor: "middle")
      drawing.line([(horizontal[tick], 335), (horizontal[tick], 340)], stroke: "#7b8794")
    }
    for tick in vertical.ticks {
      drawing.text("\(Money(dollars: tick))", x: 64, y: vertical[tick] + 4, anchor: "end")
      drawing.line([(65, vertical[tick]), (70, vertical[tick])], stroke: "#7b8794")
    }
    drawing.text("time to train", x: 475, y: 374, anchor: "middle")
    drawing.line(
      plan.pareto.map { (horizontal[points[$0].x], vertical[points[$0].y]) }, stroke: "#b7524f", dashed: true)
    let front = Set(plan.pareto)
    for (index, entry) in plan.ranked.enumerated() {
      drawing.circle(
        x: horizontal[points[index].x], y: vertical[points[index].y],
        radius: index == 0 ? 7 : 4.5, fill: index == 0 ? "#b7524f" : front.contains(index) ? "#3b6fb6" : "#b9c4cf",
        title: "\(entry.group), \(entry.layout): \(entry.time), \(entry.cost)")
    }
    if let chosen = plan.chosen {
      let x = horizontal[chosen.time.count]
      drawing.text(
        chosen.group.description, x: x + (x > 600 ? -11 : 11), y: vertical[chosen.cost.count] - 9,
        anchor: x > 600 ? "end" : "start", fill: "#b7524f")
    }
    return drawing.svg(label: "Cost over time of \(points.count) plans, with those that nothing beats in both")
      + "\n<p class=\"legend\">\(key([("#b7524f", "chosen"), ("#3b6fb6", "nothing beats it in both"), ("#b9c4cf", "beaten")]))</p>"
  }

  private func key(_ entries: [(colour: String, name: String)]) -> String {
    entries.map { "<span><i style=\"background:\($0.colour)\"></i>\(escaped($0.name))</span>" }.joined()
  }

  /// Stacked bars, one an entry; `limit` draws a mark beside its bar.
  private struct Bar {
    let name: String
    let parts: [(name: String, size: Double, text: String)]
    let total: String
    let limit: Double?
  }

  private func memory(_ draw: ([Bar]) -> String) -> String {
    draw(
      entries.map { entry in
        Bar(
          name: entry.group.description,
          parts: MemoryComponents.Component.allCases.map {
            let bytes = entry.memory.components[$0]
            return ($0.words, Double(bytes.count), bytes.description)
          }, total: entry.memory.components.total.description, limit: Double(entry.memory.budget.usable.count))
      }) + "\n<p>The mark is what may be filled.</p>"
  }

  private var steps: String {
    bars(
      entries.map { entry in
        Bar(
          name: entry.group.description,
          parts: entry.estimate.terms.map { ($0.name, $0.seconds.count, $0.seconds.description) },
          total: entry.step.description, limit: nil)
      })
  }

  private func bars(_ bars: [Bar]) -> String {
    let names = bars.first?.parts.map(\.name) ?? []
    let lengths = bars.map { bar in max(bar.parts.reduce(0.0) { $0 + $1.size }, bar.limit ?? 0) }
    let largest = max(lengths.max() ?? 0, .leastNormalMagnitude)
    var drawing = Drawing(width: 900, height: Double(bars.count) * 26 + 6)
    for (row, bar) in bars.enumerated() {
      let y = Double(row) * 26 + 3
      drawing.text(bar.name, x: 190, y: y + 14, anchor: "end")
      var x = 198.0
      for (index, part) in bar.parts.enumerated() where part.size > 0 {
        let width = part.size / largest * 600
        drawing.rectangle(
          x: x, y: y, width: width, height: 20, fill: Self.colours[index % Self.colours.count],
          title: "\(part.name): \(part.text)")
        x += width
      }
      if let limit = bar.limit {
        let mark = 198 + limit / largest * 600
        drawing.line([(mark, y - 2), (mark, y + 22)], stroke: "#1d2733")
        x = max(x, mark)
      }
      drawing.text(bar.total, x: x + 6, y: y + 14)
    }
    let shown = names.enumerated().filter { index, _ in bars.contains { $0.parts[index].size > 0 } }
    return "<p class=\"legend\">\(key(shown.map { (Self.colours[$0.offset % Self.colours.count], $0.element) }))</p>\n"
      + drawing.svg(label: "A bar for each plan: \(names.joined(separator: ", "))")
  }
}

/// Positive values on a logarithmic axis.
private struct LogScale {
  private let low: Double
  private let high: Double
  private let from: Double
  private let to: Double

  init(_ values: [Double], from: Double, to: Double) {
    let positive = values.filter { $0 > 0 && $0.isFinite }
    low = (positive.min() ?? 1) / 1.15
    high = (positive.max() ?? 10) * 1.15
    self.from = from
    self.to = to
  }

  subscript(value: Double) -> Double {
    let share = (max(value, low) / low).logarithm / (high / low).logarithm
    return from + (to - from) * min(share, 1)
  }

  /// Five values, evenly spaced on the axis.
  var ticks: [Double] { (0...4).map { low * ((high / low).logarithm * Double($0) / 4).exponential } }
}
