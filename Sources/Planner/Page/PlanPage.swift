import CostModel
import Units

/// A plan as a page of its own: no scripts, nothing to fetch.
package struct PlanPage {
  let plan: Plan
  /// Entries that tables and bars show.
  private static let shown = 12

  package init(_ plan: Plan) { self.plan = plan }

  package var html: String {
    let title = "Plan of \(plan.job)"
    var parts = [
      "<!DOCTYPE html>", "<html lang=\"en\">", "<head>", "<meta charset=\"utf-8\">",
      "<title>\(escaped(title))</title>", "<style>\(Self.style)</style>", "</head>", "<body>",
      "<h1>\(escaped(title))</h1>", "<p>\(escaped(plan.subject))</p>",
    ]
    if let chosen = plan.chosen {
      parts += [
        facts(chosen), section("Time and cost", paretoPlot), section("Plans", table),
        section("When what is computed: \(chosen.nodes)", timeline(chosen)),
        section("A step, term by term", steps), section("Memory of the fullest accelerator", memory),
      ]
      if plan.purchases.count > 1 { parts.append(section("The same nodes, bought otherwise", purchases)) }
      parts.append(section("What is assumed", list(plan.warnings + plan.assumptions)))
    } else {
      parts += ["<p><strong>No plan is feasible.</strong></p>", section("Nearest plans", nearest)]
    }
    if !plan.rejections.isEmpty { parts.append(section("Not chosen", rejections)) }
    return (parts + ["</body>", "</html>", ""]).joined(separator: "\n")
  }

  private static let style = """
    body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733; }
    table { border-collapse: collapse; } td, th { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #dde3ea; }
    td:first-child, th:first-child, td.text, th.text { text-align: left; } tr.front td:first-child { font-weight: 600; }
    tr.chosen td { background: #fbeeee; } svg { max-width: 100%; height: auto; } .legend span { margin-right: 1rem;
    white-space: nowrap; } .legend i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; }
    td, th { white-space: nowrap; } details td.text, .facts td { white-space: normal; }
    table.facts th { text-align: left; font-weight: 600; } table.facts td { text-align: left; }
    """

  private func section(_ heading: String, _ content: String) -> String {
    "<section>\n<h2>\(escaped(heading))</h2>\n\(content)\n</section>"
  }

  private func list(_ lines: [String]) -> String {
    "<ul>" + lines.map { "<li>\(escaped($0))</li>" }.joined(separator: "\n") + "</ul>"
  }

  /// What tables and bars show.
  var entries: [PlanEntry] { plan.shown(atMost: Self.shown).map { plan.ranked[$0] } }

  // MARK: Tables

  private func facts(_ chosen: PlanEntry) -> String {
    func row(_ name: String, _ value: String, _ range: String? = nil) -> String {
      let range = range.map { " <span>(with 90 % probability \(escaped($0)))</span>" } ?? ""
      return "<tr><th>\(name)</th><td>\(escaped(value))\(range)</td></tr>"
    }
    var rows = [
      row("nodes", "\(chosen.nodes), \(chosen.hourly.exact) an hour"),
      row("layout", "\(chosen.layout): \(chosen.layout.words)"),
      row("a step", "\(chosen.step)", chosen.range(chosen.step)),
      row("training", "\(chosen.time) for \(chosen.steps.grouped) steps", chosen.range(chosen.time)),
      row("cost", "\(chosen.cost)", chosen.range(chosen.cost)),
      row("memory", "\(chosen.memory.components.total) of \(chosen.memory.budget.usable) an accelerator"),
    ]
    if let deadline = plan.request.deadline, let probability = chosen.probability(within: deadline) {
      rows.append(row("deadline", "\(deadline), met with a probability of \(percent(probability, decimals: 0))"))
    }
    if let bound = chosen.search.provenBound, let gap = chosen.search.gap {
      rows.append(row("lower bound", "\(bound) a step on these nodes, gap \(percent(gap, decimals: 1))"))
    }
    var text = "<table class=\"facts\">\n" + rows.joined(separator: "\n") + "\n</table>"
    if let crossover = plan.crossover?.text { text += "\n<p>\(escaped(crossover))</p>" }
    return text
  }

  private var table: String {
    let front = Set(plan.pareto)
    var rows = [
      "<tr><th>nodes</th><th>$/h</th><th class=\"text\">layout</th><th>a step</th><th>training</th><th>cost</th>"
        + "<th>memory</th><th>filled</th></tr>"
    ]
    let shown = plan.shown(atMost: Self.shown)
    for index in shown {
      let entry = plan.ranked[index]
      let classes = [front.contains(index) ? "front" : nil, index == 0 ? "chosen" : nil].compactMap { $0 }
      rows.append(
        "<tr class=\"\(classes.joined(separator: " "))\"><td>\(escaped(entry.nodes))</td><td>\(entry.hourly)</td>"
          + "<td class=\"text\">\(escaped(entry.layout.description))</td><td>\(entry.step)</td><td>\(entry.time)</td>"
          + "<td>\(entry.cost)</td><td>\(entry.memory.components.total)</td><td>\(entry.filled)</td></tr>")
    }
    let rest = plan.ranked.count - shown.count
    return "<table>\n" + rows.joined(separator: "\n") + "\n</table>\n<p>Bold: nothing beats it in both time and cost. "
      + "$/h: of all nodes. Layout: \(escaped(ParallelLayout.legend(entries.map(\.layout))))."
      + (rest > 0 ? " \(rest.grouped) more plans fit." : "") + "</p>"
  }

  private var purchases: String {
    var rows = [
      "<tr><th>bought</th><th>$/h a node</th><th>training</th><th>cost</th><th>stops expected</th>"
        + "<th>checkpoint every</th><th class=\"text\">price from</th></tr>"
    ]
    for option in plan.purchases {
      rows.append(
        "<tr><td>\(option.kind.words)</td><td>\(option.group.hourly.exact)</td><td>\(option.purchase.time)</td>"
          + "<td>\(option.purchase.cost)</td>"
          + "<td>\(fixedPoint(option.purchase.expectedInterruptions, decimals: 2))</td>"
          + "<td>\(option.purchase.checkpointInterval?.description ?? "–")</td>"
          + "<td class=\"text\">\(escaped(option.group.priceSource ?? "–"))</td></tr>")
    }
    let alone = plan.purchases.compactMap { option in
      option.alone.map { "\(option.kind.words): \($0) if nothing else uses the nodes for the rest of the term" }
    }
    return "<table>\n" + rows.joined(separator: "\n") + "\n</table>" + (alone.isEmpty ? "" : "\n" + list(alone))
  }

  private var nearest: String {
    let rows = plan.nearest.map { near in
      "<tr><td>\(escaped(near.group.description))</td><td class=\"text\">\(escaped(near.layout.description))</td>"
        + "<td>\(near.step)</td><td>\(near.time)</td><td>\(near.cost)</td>"
        + "<td class=\"text\">\(escaped(near.lacks.map(\.description).joined(separator: "; ")))</td></tr>"
    }
    return
      "<table>\n<tr><th>nodes</th><th class=\"text\">layout</th><th>a step</th><th>training</th><th>cost</th>"
      + "<th class=\"text\">takes</th></tr>\n" + rows.joined(separator: "\n") + "\n</table>"
  }

  private var rejections: String {
    "<details><summary>\(plan.rejections.count.grouped) groups of nodes, and why</summary>\n<table>\n"
      + plan.rejections.map {
        "<tr><td>\(escaped($0.subject))</td><td class=\"text\">\(escaped($0.message))</td></tr>"
      }.joined(separator: "\n") + "\n</table>\n</details>"
  }
}
