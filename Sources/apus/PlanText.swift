import CostModel
import Planner
import Units

/// A plan as `apus plan` prints it.
struct PlanText {
  private let plan: Plan
  private let explains: Bool
  private static let shown = 10

  init(_ plan: Plan, explains: Bool) {
    self.plan = plan
    self.explains = explains
  }

  var text: String {
    guard let chosen = plan.chosen else { return infeasible }
    var parts = [headline(chosen), ranking]
    if let crossover = plan.crossover?.text { parts.append(crossover) }
    if explains { parts += [terms(chosen), memory(chosen), search(chosen)] }
    parts.append(chosen.remarks.map { "assumed: \($0)" }.joined(separator: "\n"))
    if explains { parts.append(rejections) } else if !plan.rejections.isEmpty { parts.append(rejectionCounts) }
    return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  private func headline(_ entry: PlanEntry) -> String {
    var lines = [
      "\(plan.job): \(entry.group), \(entry.layout)",
      "\(entry.step) a step, \(entry.steps) steps: \(entry.time), \(entry.cost)",
    ]
    if let interval = entry.interval {
      lines.append(
        "90 % interval: \(entry.time * interval.low) to \(entry.time * interval.high), "
          + "\(entry.cost * interval.low) to \(entry.cost * interval.high)")
    }
    return lines.joined(separator: "\n")
  }

  private var ranking: String {
    var table = TextTable([
      ("", .left), ("nodes", .left), ("layout", .left), ("step", .right), ("time", .right), ("cost", .right),
      ("memory", .right),
    ])
    let front = Set(plan.pareto)
    let rows = plan.ranked.indices.filter { $0 < Self.shown || front.contains($0) }.prefix(2 * Self.shown)
    for index in rows {
      let entry = plan.ranked[index]
      table.append([
        front.contains(index) ? "*" : "", entry.group.description, entry.layout.description, entry.step.description,
        entry.time.description, entry.cost.description, entry.memory.components.total.description,
      ])
    }
    let rest = plan.ranked.count - rows.count
    return table.text + "\n* nothing beats it in both time and cost" + (rest > 0 ? "; \(rest) more plans fit" : "")
  }

  private func terms(_ entry: PlanEntry) -> String {
    var table = TextTable([("term of the step", .left), ("time", .right), ("share", .right)])
    for term in entry.estimate.terms {
      table.append([
        term.name, term.seconds.description, percent(term.seconds / entry.step, decimals: 1),
      ])
    }
    table.rule()
    table.append(["step", entry.step.description, percent(1, decimals: 1)])
    return table.text
  }

  private func memory(_ entry: PlanEntry) -> String {
    var table = TextTable([("memory of the fullest accelerator", .left), ("bytes", .right)])
    for component in MemoryComponents.Component.allCases where entry.memory.components[component] > .zero {
      table.append([component.words, entry.memory.components[component].description])
    }
    table.rule()
    table.append(["all", entry.memory.components.total.description])
    table.append(["may be filled", entry.memory.budget.usable.description])
    return table.text
  }

  private func search(_ entry: PlanEntry) -> String {
    let counts = entry.search.counts
    var text =
      "search: \(counts.evaluated) layouts evaluated, \(counts.prunedByTime) branches too slow, "
      + "\(counts.prunedByMemory) too large"
    if let bound = entry.search.provenBound, let gap = entry.search.gap {
      text += "; no layout takes less than \(bound) (gap \(percent(gap, decimals: 1)))"
    }
    return text
  }

  private var rejections: String {
    plan.rejections.isEmpty ? "" : "not chosen:\n" + plan.rejections.map { "  \($0)" }.joined(separator: "\n")
  }

  private var rejectionCounts: String {
    var counts: [(Rejection.Code, Int)] = []
    for code in Rejection.Code.allCases {
      let count = plan.rejections.count { $0.code == code }
      if count > 0 { counts.append((code, count)) }
    }
    return "not chosen: " + counts.map { "\($0.1) for \($0.0.words)" }.joined(separator: ", ")
      + "; --explain says why, each"
  }

  private var infeasible: String {
    var lines = ["\(plan.job): no plan is feasible"]
    if !plan.nearest.isEmpty {
      var table = TextTable([
        ("nearest", .left), ("layout", .left), ("time", .right), ("cost", .right), ("lacks", .left),
      ])
      for near in plan.nearest {
        table.append([
          near.group.description, near.layout.description, near.time.description, near.cost.description,
          near.lacks.map(\.description).joined(separator: "; "),
        ])
      }
      lines.append(table.text)
    }
    lines.append(explains ? rejections : rejectionCounts)
    return lines.joined(separator: "\n\n")
  }
}

extension Rejection.Code {
  fileprivate var words: String {
    switch self {
    case .cannotTrain: "not training"
    case .retired: "being retired"
    case .noPrice: "want of a price"
    case .missingFact: "want of a fact"
    case .noLegalLayout: "want of a legal layout"
    case .memory: "memory"
    case .deadline: "the deadline"
    case .budget: "the budget"
    }
  }
}
