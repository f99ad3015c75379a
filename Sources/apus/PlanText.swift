import CostModel
import Planner
import Units

/// A plan as `apus plan` prints it.
struct PlanText {
  private let plan: Plan
  private let explains: Bool
  private static let shown = 12

  init(_ plan: Plan, explains: Bool) {
    self.plan = plan
    self.explains = explains
  }

  var text: String {
    guard let chosen = plan.chosen else { return infeasible }
    var parts = ["\(plan.job): \(plan.subject)", summary(chosen)]
    if let crossover = plan.crossover?.text { parts.append(crossover) }
    parts.append(ranking)
    if let mix = chosen.mix { parts.append(shares(mix)) }
    if plan.purchases.count > 1 { parts.append(purchases(chosen)) }
    if explains { parts += [terms(chosen), memory(chosen)] }
    parts.append((plan.warnings + plan.assumptions.map { "assumed: \($0)" }).joined(separator: "\n"))
    parts.append(rejections)
    return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  // MARK: The chosen plan

  private func summary(_ entry: PlanEntry) -> String {
    func within(_ range: String?) -> String { range.map { " (90 %: \($0))" } ?? "" }
    var lines: [(String, String)] = [
      ("plan", "\(entry.nodes), \(entry.hourly.exact) an hour"),
      ("layout", "\(entry.layout): \(entry.layout.words)"),
      ("a step", "\(entry.step)\(within(entry.range(entry.step))), \(rate(entry))"),
      ("training", "\(entry.time)\(within(entry.range(entry.time)))"),
      ("cost", "\(entry.cost)\(within(entry.range(entry.cost)))"),
      (
        "memory",
        "\(entry.memory.components.total) of the \(entry.memory.budget.usable) that may be filled of an accelerator"
      ),
    ]
    if let reduction = plan.reduction { lines.append(("gradient", reduction.text)) }
    if let deadline = plan.request.deadline, let probability = entry.probability(within: deadline) {
      lines.append(("deadline", "\(deadline), met with a probability of \(percent(probability, decimals: 0))"))
    }
    if let interval = entry.purchase.checkpointInterval, entry.purchase.expectedInterruptions >= 0.005 {
      lines.append(
        (
          "stops",
          "\(fixedPoint(entry.purchase.expectedInterruptions, decimals: 2)) expected, which the time and the cost "
            + "include; a checkpoint every \(interval)"
        ))
    }
    lines.append(("searched", search(entry.search)))
    let width = lines.map(\.0.count).max() ?? 0
    return lines.map { $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 }.joined(separator: "\n")
  }

  /// "1.34 M tokens/s".
  private func rate(_ entry: PlanEntry) -> String {
    let samples = Double(plan.request.globalBatch) / entry.step.count
    let count = samples * Double(plan.request.sequence)
    let unit = plan.request.sequence > 1 ? "tokens/s" : "samples/s"
    return "\(Int(count.rounded()).grouped) \(unit)"
  }

  private func search(_ search: SearchResult) -> String {
    let counts = search.counts
    let pruned = counts.prunedByTime + counts.prunedByMemory
    var looked = "\(counts.evaluated.grouped) layouts tried on these nodes"
    if counts.tooLarge > 0 { looked += ", \(counts.tooLarge.grouped) too large" }
    if pruned > 0 { looked += ", \(pruned.grouped) branches ruled out by bounds" }
    guard let bound = search.provenBound, let gap = search.gap else { return looked }
    return looked + "; none takes less than \(bound) (gap \(percent(gap, decimals: 1)))"
  }

  private func shares(_ mix: MixedPlan) -> String {
    var table = TextTable([
      ("nodes together", .left), ("replicas", .right), ("samples of a step", .right), ("of a replica", .right),
      ("time", .right), ("memory", .right),
    ])
    for part in mix.parts {
      let size = mix.layout.microBatch
      let most = (part.microBatches.first ?? 0) * size
      let least = (part.microBatches.last ?? 0) * size
      table.append([
        part.group.description, part.replicas.grouped, part.samples(microBatch: size).grouped,
        most == least ? most.grouped : "\(least.grouped) to \(most.grouped)", part.time.description,
        part.memory.components.total.description,
      ])
    }
    return table.text + "\nreplicas wait \(percent(mix.idleShare, decimals: 1)) of the step for the slowest"
  }

  // MARK: Tables

  private var ranking: String {
    var table = TextTable([
      ("", .left), ("nodes", .left), ("$/h", .right), ("layout", .left), ("a step", .right), ("training", .right),
      ("cost", .right), ("memory", .right), ("filled", .right),
    ])
    let front = Set(plan.pareto)
    let rows = plan.shown(atMost: Self.shown)
    for index in rows {
      let entry = plan.ranked[index]
      table.append([
        front.contains(index) ? "*" : "", entry.nodes, entry.hourly.description, entry.layout.description,
        entry.step.description, entry.time.description, entry.cost.description,
        entry.memory.components.total.description, entry.filled,
      ])
    }
    let rest = plan.ranked.count - rows.count
    return table.text + "\n* nothing beats it in both time and cost"
      + (rest > 0 ? "; \(rest.grouped) more plans fit (--json has them)" : "") + "\n$/h: all nodes; layout: "
      + ParallelLayout.legend(rows.map { plan.ranked[$0].layout }) + "; memory: of the fullest accelerator"
  }

  private func purchases(_ entry: PlanEntry) -> String {
    var table = TextTable([
      ("\(entry.group.instance) ×\(entry.group.nodes) bought", .left), ("$/h a node", .right), ("training", .right),
      ("cost", .right), ("stops", .right), ("checkpoint every", .right),
    ])
    for option in plan.purchases {
      table.append([
        option.kind.words, option.group.hourly.exact, option.purchase.time.description,
        option.purchase.cost.description, fixedPoint(option.purchase.expectedInterruptions, decimals: 2),
        option.purchase.checkpointInterval?.description ?? "–",
      ])
    }
    var notes: [String] = []
    for option in plan.purchases {
      let alone = option.alone.map { "; \($0) if nothing else uses the nodes for the rest of the term" } ?? ""
      notes.append("\(option.kind.words): \(option.group.priceSource ?? "the price is the user's")\(alone)")
    }
    return table.text + "\nprices\n" + notes.map { "  \($0)" }.joined(separator: "\n")
  }

  private func terms(_ entry: PlanEntry) -> String {
    var table = TextTable([("term of a step", .left), ("time", .right), ("share", .right)])
    for term in entry.estimate.terms {
      table.append([
        term.name, term.seconds.description, percent(term.seconds / entry.step, decimals: 1),
      ])
    }
    table.rule()
    table.append(["a step", entry.step.description, percent(1, decimals: 1)])
    return table.text
  }

  private func memory(_ entry: PlanEntry) -> String {
    var table = TextTable([("memory of the fullest accelerator", .left), ("bytes", .right), ("share", .right)])
    let usable = entry.memory.budget.usable
    for component in MemoryComponents.Component.allCases where entry.memory.components[component] > .zero {
      let bytes = entry.memory.components[component]
      table.append([component.words, bytes.description, percent(bytes / usable, decimals: 1)])
    }
    table.rule()
    table.append(["all", entry.memory.components.total.description, entry.filled])
    table.append([
      "may be filled, of \(entry.memory.budget.capacity)", usable.description, percent(1, decimals: 1),
    ])
    return table.text
  }

  // MARK: What was not chosen

  /// All of few, or of what is asked; else how many for which reason.
  private var rejections: String {
    guard !plan.rejections.isEmpty else { return "" }
    if explains || plan.rejections.count <= 6 {
      return "not chosen:\n" + plan.rejections.map { "  \($0)" }.joined(separator: "\n")
    }
    var counts: [String] = []
    for code in Rejection.Code.allCases {
      let count = plan.rejections.count { $0.code == code }
      if count > 0 { counts.append("\(count) \(code.words)") }
    }
    return "not chosen: \(counts.joined(separator: ", ")); --explain says why, each"
  }

  private var infeasible: String {
    var lines = ["\(plan.job): \(plan.subject)", headline]
    if !plan.nearest.isEmpty {
      var table = TextTable([
        ("nearest", .left), ("layout", .left), ("a step", .right), ("training", .right), ("cost", .right),
        ("it takes", .left),
      ])
      for near in plan.nearest {
        table.append([
          near.group.description, near.layout.description, near.step.description, near.time.description,
          near.cost.description, near.lacks.map(\.description).joined(separator: "; "),
        ])
      }
      lines.append(table.text + "\nlayout: " + ParallelLayout.legend(plan.nearest.map(\.layout)))
    }
    lines.append(rejections)
    return lines.filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  /// The one reason, where all that could train have the same.
  private var headline: String {
    // Those that came furthest say what is missing.
    let stages: [[Rejection.Code]] = [
      [.deadline], [.budget], [.memory], [.noLegalLayout], [.noPrice], [.missingFact], [.cannotTrain], [.retired],
    ]
    let lots = stages.map { codes in plan.rejections.filter { codes.contains($0.code) } }
    guard let rejections = lots.first(where: { !$0.isEmpty }), let first = rejections.first else {
      return "no plan is feasible"
    }
    let isOne = Set(rejections.map(\.message)).count == 1
    switch first.code {
    case .cannotTrain, .retired, .missingFact:
      return isOne ? "no plan is feasible: \(first)" : "no plan is feasible: none of the instance types can train"
    case .noPrice, .noLegalLayout:
      return "no plan is feasible: \(isOne ? first.message : "\(first)")"
    case .memory: return "no plan is feasible: the model does not fit the memory of any of the nodes"
    case .deadline:
      let deadline = plan.request.deadline.map { " of \($0)" } ?? ""
      return "no plan is feasible: all that fit miss the deadline\(deadline)"
    case .budget:
      let budget = plan.request.budget.map { " of \($0)" } ?? ""
      return "no plan is feasible: all that fit cost more than the budget\(budget)"
    }
  }
}

extension Rejection.Code {
  fileprivate var words: String {
    switch self {
    case .cannotTrain: "cannot train"
    case .retired: "can no longer be launched"
    case .noPrice: "have no known price"
    case .missingFact: "lack a fact in the catalog"
    case .noLegalLayout: "have no legal layout"
    case .memory: "are too small"
    case .deadline: "miss the deadline"
    case .budget: "are above the budget"
    }
  }
}
