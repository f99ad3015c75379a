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
  package func plan(job: String, groups: [NodeGroup], rejections: [Rejection] = []) -> Plan {
    var rejections = rejections
    var entries: [PlanEntry] = []
    var near: [NearPlan] = []
    for group in groups {
      do {
        let entry = try best(on: group)
        if let lack = lacks(entry) {
          rejections.append(rejection(entry, lack))
          near.append(nearPlan(entry, lacks: lack))
        } else {
          entries.append(entry)
        }
      } catch {
        rejections.append(error)
      }
    }
    entries.sort { isBetter($0, $1) }
    let front = ParetoFront.indices(entries.map { ($0.time.count, $0.cost.count) })
    if entries.isEmpty { near += groups.compactMap(smallest) }
    let plan = Plan(
      job: job, request: request, ranked: entries, pareto: front, rejections: rejections, crossover: nil,
      nearest: entries.isEmpty ? Array(near.sorted { distance($0) < distance($1) }.prefix(5)) : [])
    guard let chosen = plan.chosen, let runnerUp = plan.runnerUp else { return plan }
    return Plan(
      job: job, request: request, ranked: entries, pareto: front, rejections: rejections,
      crossover: crossover(chosen, runnerUp), nearest: [])
  }

  /// The fastest plan on one group, which is its cheapest too: its price is by time.
  ///
  /// - Throws: `Rejection` if nothing fits.
  package func best(on group: NodeGroup) throws(Rejection) -> PlanEntry {
    let evaluator = try model.evaluator(for: group, globalBatch: request.globalBatch)
    var search = Search(space(group), evaluator)
    let result = search.run()
    guard let layout = result.best, let step = result.time else {
      throw rejection(group, evaluator, search)
    }
    let estimate = evaluator.estimate(layout)
    return PlanEntry(
      group: group, layout: layout, estimate: estimate, step: step, steps: request.steps,
      purchase: request.purchase(group, step: step), memory: MemoryFit(estimate.memory, in: budget(group, evaluator)),
      search: result,
      interval: model.logInterval(group, layout).map { PlanEntry.Interval(logHalfWidth: $0) },
      remarks: model.remarks(group, layout))
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

  /// Nil if the entry meets the request.
  private func lacks(_ entry: PlanEntry) -> [NearPlan.Lack]? {
    let lacks = lacks(time: entry.time, cost: entry.cost)
    return lacks.isEmpty ? nil : lacks
  }

  private func lacks(time: Seconds, cost: Money) -> [NearPlan.Lack] {
    var lacks: [NearPlan.Lack] = []
    if let deadline = request.deadline, time > deadline { lacks.append(.time(time - deadline)) }
    if let budget = request.budget, cost > budget { lacks.append(.money(cost - budget)) }
    return lacks
  }

  private func rejection(_ entry: PlanEntry, _ lacks: [NearPlan.Lack]) -> Rejection {
    let parts = lacks.map { lack in
      switch lack {
      case .memory(let bytes): "\(bytes) short of memory"
      case .time(let time): "takes \(entry.time), \(time) past the deadline"
      case .money(let money): "costs \(entry.cost), \(money) above the budget"
      }
    }
    if case .money = lacks.first {
      return Rejection(.budget, entry.group.description, parts.joined(separator: "; "))
    }
    return Rejection(.deadline, entry.group.description, parts.joined(separator: "; "))
  }

  private func rejection(
    _ group: NodeGroup, _ evaluator: Model.Evaluator, _ search: Search<Model.Evaluator>
  ) -> Rejection {
    guard let layout = search.smallest() else {
      let chosen = request.choices.isEmpty ? "" : " that keeps the layout's choices"
      return Rejection(
        .noLegalLayout, group.description,
        "no layout\(chosen) divides a batch of \(request.globalBatch) over \(group.accelerators) accelerators")
    }
    let fit = MemoryFit(evaluator.estimate(layout).memory, in: budget(group, evaluator))
    return Rejection(
      .memory, group.description,
      "even \(layout) needs \(fit.components.total) of the \(fit.budget.usable) that may be filled, most for "
        + "\(fit.components.largest.rawValue)")
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
      time: purchase.time, cost: purchase.cost, memory: fit)
  }

  private func nearPlan(_ entry: PlanEntry, lacks: [NearPlan.Lack]) -> NearPlan {
    NearPlan(
      group: entry.group, layout: entry.layout, lacks: lacks, time: entry.time, cost: entry.cost,
      memory: entry.memory)
  }

  /// How far off: the sum of what is lacking, each by what was asked.
  private func distance(_ plan: NearPlan) -> Double {
    plan.lacks.reduce(0) { sum, lack in
      switch lack {
      case .memory(let bytes): sum + bytes / plan.memory.budget.usable
      case .time(let time): sum + time / (request.deadline ?? time)
      case .money(let money): sum + money / (request.budget ?? money)
      }
    }
  }

  // MARK: Crossover

  private func crossover(_ chosen: PlanEntry, _ other: PlanEntry) -> Crossover {
    let isCost = request.objective == .cost
    func value(_ group: NodeGroup) -> Double {
      guard let entry = try? best(on: group) else { return .infinity }
      return isCost ? entry.cost.count : entry.time.count
    }
    let target = isCost ? chosen.cost.count : chosen.time.count
    let network = Crossover.bisect(low: 1, high: 1024, target: target, precision: 1e-3) { factor in
      var group = other.group
      group.networkScale = factor
      return value(group)
    }
    guard isCost else { return Crossover(group: other.group, hourly: nil, networkFactor: network) }
    // Cost falls with what the price is divided by.
    let divisor = Crossover.bisect(low: 1, high: 1e6, target: target) { divisor in
      var group = other.group
      group.hourly = other.group.hourly / divisor
      return request.purchase(group, step: other.step).cost.count
    }
    return Crossover(group: other.group, hourly: divisor.map { other.group.hourly / $0 }, networkFactor: network)
  }
}
