import Catalog
import CostModel
import Units

/// Searches the layouts of every group, keeps what meets the request and ranks it.
package struct Planner<Model: PlanningModel> {
  package let model: Model
  package let request: PlanRequest
  /// Plans to keep of those that nothing else asks for.
  package var keeps = Int.max

  package init(_ model: Model, _ request: PlanRequest) {
    self.model = model
    self.request = request
  }

  /// - Parameters:
  ///   - job: its name, for who reads the plan.
  ///   - rejections: of instance types that are no groups, to be told with the others.
  ///   - mixes: nodes of several kinds, each lot to train together.
  ///   - offers: a group's nodes as they are and bought otherwise.
  package func plan(
    job: String, groups: [NodeGroup], rejections: [Rejection] = [], mixes: [[NodeGroup]] = [],
    offers: (NodeGroup) -> [NodeGroup] = { _ in [] }
  ) -> Plan {
    var rejections = rejections
    var entries: [PlanEntry] = []
    var near: [NearPlan] = []
    func keep(_ entry: PlanEntry) {
      let lacks = lacks(time: entry.time, cost: entry.cost)
      if lacks.isEmpty { return entries.append(entry) }
      rejections.append(rejection(entry, lacks))
      if entry.mix == nil { near.append(NearPlan(entry, lacks: lacks)) }
    }
    // Steps are the same whatever nodes cost.
    var known: [NodeGroup: Result<Fastest, Rejection>] = [:]
    for group in groups {
      let result = known[group.hardware] ?? Result { () throws(Rejection) in try fastest(on: group) }
      known[group.hardware] = result
      switch result {
      case .success(let fastest): keep(entry(group, fastest))
      case .failure(let error): rejections.append(Rejection(error.code, group.description, error.message))
      }
    }
    for mix in mixes {
      do {
        keep(try entry(mixed(mix)))
      } catch {
        rejections.append(error)
      }
    }
    entries.sort { isBetter($0, $1) }
    var plan = Plan(
      job: job, parameters: model.parameters, request: request, ranked: entries,
      pareto: ParetoFront.indices(entries.map { ($0.time.count, $0.cost.count) }), rejections: rejections)
    guard let chosen = plan.chosen else {
      near += groups.compactMap(smallest)
      plan.nearest = Array(near.sorted { distance($0) < distance($1) }.prefix(5))
      return plan
    }
    let taken = assumptions(chosen)
    plan.warnings = taken.filter(Self.isWarning)
    plan.assumptions = taken.filter { !Self.isWarning($0) }
    plan.crossover = plan.runnerUp.flatMap { crossover(chosen, $0) }
    if chosen.mix == nil {
      plan.reduction = model.reduction(chosen.group, chosen.layout)
      let options = offers(chosen.group).map { option($0, step: chosen.step) }
      plan.purchases = options.sorted { ($0.purchase.cost, $0.kind.rawValue) < ($1.purchase.cost, $1.kind.rawValue) }
    }
    return plan
  }

  /// The fastest plan on one group, which is its cheapest too: its price is by time.
  ///
  /// - Throws: `Rejection` if nothing fits.
  package func best(on group: NodeGroup) throws(Rejection) -> PlanEntry { entry(group, try fastest(on: group)) }

  /// What of a plan does not depend on prices.
  private struct Fastest {
    let layout: ParallelLayout
    let estimate: StepEstimate
    let step: Seconds
    let memory: MemoryFit
    let search: SearchResult
    let interval: PlanEntry.Interval?
    let remarks: [String]
  }

  private func fastest(on group: NodeGroup) throws(Rejection) -> Fastest {
    let evaluator = try model.evaluator(for: group, globalBatch: request.globalBatch)
    var search = Search(space(group), evaluator)
    let result = search.run()
    guard let layout = result.best, let step = result.time else {
      throw rejection(group, evaluator, search)
    }
    let estimate = evaluator.estimate(layout)
    return Fastest(
      layout: layout, estimate: estimate, step: step, memory: MemoryFit(estimate.memory, in: budget(group, evaluator)),
      search: result,
      interval: model.logInterval(group, layout, estimate).map { PlanEntry.Interval(logHalfWidth: $0) },
      remarks: model.remarks(group, layout))
  }

  private func entry(_ group: NodeGroup, _ fastest: Fastest) -> PlanEntry {
    PlanEntry(
      group: group, mix: nil, layout: fastest.layout, estimate: fastest.estimate, step: fastest.step,
      steps: request.steps, purchase: request.purchase(group, step: fastest.step), memory: fastest.memory,
      search: fastest.search, interval: fastest.interval, remarks: fastest.remarks)
  }

  private func entry(_ mix: MixedPlan) -> PlanEntry {
    let groups = mix.parts.map(\.group)
    let estimate = mix.estimate
    var remarks: [String] = []
    for (part, group) in zip(mix.parts, groups) {
      for remark in model.remarks(group, part.layout) where !remarks.contains(remark) { remarks.append(remark) }
    }
    let widths = zip(mix.parts, groups).map { model.logInterval($1, $0.layout, estimate) }
    let width = widths.contains { $0 == nil } ? nil : widths.compactMap { $0 }.max()
    let tightest = mix.parts.map(\.memory).max {
      $0.components.total / $0.budget.usable < $1.components.total / $1.budget.usable
    }
    return PlanEntry(
      group: groups[0], mix: mix, layout: mix.layout, estimate: estimate, step: mix.step, steps: request.steps,
      purchase: request.purchase(groups, step: mix.step), memory: tightest ?? mix.parts[0].memory,
      search: SearchResult(best: mix.layout, time: mix.step, provenBound: nil, rootBound: nil, counts: mix.counts),
      interval: width.map { PlanEntry.Interval(logHalfWidth: $0) }, remarks: remarks)
  }

  /// The nodes of a group for the chosen step, and what they cost to the end of their term.
  private func option(_ group: NodeGroup, step: Seconds) -> PurchaseOption {
    let term: Seconds? =
      switch group.purchase {
      case .reserved1Year: Seconds(hours: 24 * 365)
      case .reserved3Years: Seconds(hours: 3 * 24 * 365)
      case .onDemand, .spot, .reserved: nil
      }
    let purchase = request.purchase(group, step: step)
    return PurchaseOption(
      group: group, purchase: purchase,
      alone: term.map {
        PurchaseCost.reservedAlone(purchase.time, Billing(hourly: group.hourly, instances: group.nodes), term: $0).cost
      })
  }

  private func space(_ group: NodeGroup) -> LayoutSpace {
    LayoutSpace(rules: model.rules(for: group, globalBatch: request.globalBatch), choices: request.choices)
  }

  func budget(_ group: NodeGroup, _ evaluator: Model.Evaluator) -> MemoryBudget {
    let share = evaluator.usableBytes / Double(group.memory.count)
    return MemoryBudget(capacity: group.memory, reserve: min(max(0, 1 - share), 0.999))
  }

  private func isBetter(_ a: PlanEntry, _ b: PlanEntry) -> Bool {
    let (time, cost) = ((a.time, b.time), (a.cost, b.cost))
    let names = a.group.description < b.group.description
    switch request.objective {
    case .time:
      return time.0 != time.1 ? time.0 < time.1 : cost.0 != cost.1 ? cost.0 < cost.1 : names
    case .cost:
      return cost.0 != cost.1 ? cost.0 < cost.1 : time.0 != time.1 ? time.0 < time.1 : names
    }
  }

  // MARK: What is lacking

  private func lacks(time: Seconds, cost: Money) -> [NearPlan.Lack] {
    var lacks: [NearPlan.Lack] = []
    if let deadline = request.deadline, time > deadline { lacks.append(.time(time - deadline)) }
    if let budget = request.budget, cost > budget { lacks.append(.money(cost - budget)) }
    return lacks
  }

  private func rejection(_ entry: PlanEntry, _ lacks: [NearPlan.Lack]) -> Rejection {
    let parts = lacks.map { lack in
      switch lack {
      case .time(let time): "takes \(entry.time), \(time) past the deadline"
      case .money(let money): "costs \(entry.cost), \(money) above the budget"
      case .memory, .nodes, .layout: lack.description
      }
    }
    if case .money = lacks.first {
      return Rejection(.budget, entry.nodes, parts.joined(separator: "; "))
    }
    return Rejection(.deadline, entry.nodes, parts.joined(separator: "; "))
  }

  private func rejection(
    _ group: NodeGroup, _ evaluator: Model.Evaluator, _ search: Search<Model.Evaluator>
  ) -> Rejection {
    guard let layout = search.smallest() else {
      let space = space(group)
      return Rejection(
        .noLegalLayout, group.description,
        space.obstacle
          ?? "no layout divides a batch of \(request.globalBatch) over \(group.accelerators) accelerators")
    }
    let fit = MemoryFit(evaluator.estimate(layout).memory, in: budget(group, evaluator))
    return Rejection(
      .memory, group.description,
      "even \(layout) needs \(fit.components.total) of the \(fit.budget.usable) that may be filled, most for "
        + "\(fit.components.largest.words)")
  }

  /// Of a group on which nothing fits: the layout that needs the least memory.
  private func smallest(_ group: NodeGroup) -> NearPlan? {
    guard let evaluator = try? model.evaluator(for: group, globalBatch: request.globalBatch) else { return nil }
    let search = Search(space(group), evaluator)
    guard let layout = search.smallest() else { return nil }
    let estimate = evaluator.estimate(layout)
    let fit = MemoryFit(estimate.memory, in: budget(group, evaluator))
    guard !fit.fits else { return nil }
    let purchase = request.purchase(group, step: estimate.time)
    return NearPlan(
      group: group, layout: layout, lacks: [.memory(fit.missing)] + lacks(time: purchase.time, cost: purchase.cost),
      step: estimate.time, time: purchase.time, cost: purchase.cost, memory: fit)
  }

  /// How far off: the sum of what is lacking, each by what was asked.
  private func distance(_ plan: NearPlan) -> Double {
    plan.lacks.reduce(0) { sum, lack in
      switch lack {
      case .memory(let bytes): sum + bytes / plan.memory.budget.usable
      case .time(let time): sum + time / (request.deadline ?? time)
      case .money(let money): sum + money / (request.budget ?? money)
      case .nodes, .layout: sum
      }
    }
  }

  // MARK: Crossover

  /// Nil for a runner-up that has no steps of its own to compare, or that nothing would make the better one.
  private func crossover(_ chosen: PlanEntry, _ other: PlanEntry) -> Crossover? {
    let isCost = request.objective == .cost
    func value(_ group: NodeGroup) -> Double {
      guard let entry = try? best(on: group) else { return .infinity }
      return isCost ? entry.cost.count : entry.time.count
    }
    let target = isCost ? chosen.cost.count : chosen.time.count
    let network: Double? =
      other.group.nodes == 1
      ? nil
      : Crossover.bisect(low: 1, high: 1024, target: target, precision: 1e-3) { factor in
        var group = other.group
        group.networkScale = factor
        return value(group)
      }
    let bandwidth = model.networkBandwidth(other.group)
    guard isCost, other.cost > chosen.cost else {
      return Crossover(other, hourly: nil, networkFactor: network, network: bandwidth)
    }
    // Cost falls with what the price is divided by.
    let divisor = Crossover.bisect(low: 1, high: 1e6, target: target) { divisor in
      var group = other.group
      group.hourly = other.group.hourly / divisor
      return request.purchase(group, step: other.step).cost.count
    }
    return Crossover(
      other, hourly: divisor.map { other.group.hourly / $0 }, networkFactor: network, network: bandwidth)
  }
}
