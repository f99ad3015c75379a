package import Catalog
package import CostModel
package import Jobs
package import Units

/// One way to train: nodes, layout, and what follows.
package struct PlanEntry: Hashable, Sendable, Codable {
  /// Of nodes of several kinds the first; `mix` has them all.
  package let group: NodeGroup
  /// Nodes of several kinds with their shares of the batch; nil for nodes of one kind.
  package let mix: MixedPlan?
  package let layout: ParallelLayout
  package let estimate: StepEstimate
  package let step: Seconds
  package let steps: Int
  package let purchase: PurchaseCost
  /// Of the accelerator that is filled most.
  package let memory: MemoryFit
  package let search: SearchResult
  /// Factors on time and cost between which they lie with 90 % probability.
  package let interval: Interval?
  package let remarks: [String]

  package struct Interval: Hashable, Sendable, Codable {
    package let low: Double
    package let high: Double

    package init(logHalfWidth: Double) {
      low = (-abs(logHalfWidth)).exponential
      high = abs(logHalfWidth).exponential
    }
  }

  package var time: Seconds { purchase.time }
  package var cost: Money { purchase.cost }
  package var groups: [NodeGroup] { mix.map { $0.parts.map(\.group) } ?? [group] }
  /// "p4d.24xlarge ×2 + p3.16xlarge ×4".
  package var nodes: String { groups.map(\.description).joined(separator: " + ") }
  /// Of all nodes.
  package var hourly: Money { groups.map(\.hourlyTotal).sum() }

  /// The probability that the training is done within `limit`, its time being log-normal about what is predicted; nil
  /// without an interval.
  package func probability(within limit: Seconds) -> Double? {
    guard let interval, limit > .zero, time > .zero else { return nil }
    let deviation = interval.high.logarithm / 1.645
    guard deviation > 0 else { return limit >= time ? 1 : 0 }
    return normalProbability((limit / time).logarithm / deviation)
  }
}

/// The chosen nodes, bought in one of the ways that a price is known of.
package struct PurchaseOption: Hashable, Sendable, Codable {
  package let group: NodeGroup
  package let purchase: PurchaseCost
  /// Of reserved instances that nothing else uses: they are paid to the end of their term.
  package let alone: Money?

  package var kind: Price.Kind { group.purchase }
}

/// Of plans.
package enum PlanFormat: FileFormat {
  package static let name = "plan"
  package static let number = 2
}

/// What was decided for a job, what else was looked at and why not: what `apus plan` prints and writes.
package struct Plan: Hashable, Sendable, Codable {
  package var formatVersion = FormatVersion<PlanFormat>.current
  package let job: String
  /// Of the model; nil if not known.
  package let parameters: Double?
  package let request: PlanRequest
  /// Feasible plans, the best first; one a group.
  package let ranked: [PlanEntry]
  /// Positions in `ranked` that no other beats in both time and cost, the fastest first.
  package let pareto: [Int]
  package let rejections: [Rejection]
  /// What the chosen plan takes for granted, with sources.
  package var assumptions: [String] = []
  /// Where the chosen plan is beyond what was measured: "outside calibration: …", "unmeasured fabric: …".
  package var warnings: [String] = []
  /// Of the chosen plan, on nodes of one kind.
  package var reduction: GradientReduction?
  /// What would make the runner-up the better one.
  package var crossover: Crossover?
  /// The chosen nodes as they are and bought otherwise, the cheapest first; empty where they have one price alone.
  package var purchases: [PurchaseOption] = []
  /// Where nothing is feasible: what is nearest, and what it lacks.
  package var nearest: [NearPlan] = []

  package init(
    job: String, parameters: Double? = nil, request: PlanRequest, ranked: [PlanEntry], pareto: [Int],
    rejections: [Rejection]
  ) {
    self.job = job
    self.parameters = parameters
    self.request = request
    self.ranked = ranked
    self.pareto = pareto
    self.rejections = rejections
  }

  package var chosen: PlanEntry? { ranked.first }
  package var isFeasible: Bool { chosen != nil }

  /// The best on another accelerator than the chosen one; of one accelerator alone on another instance type, of one type
  /// alone on another number of nodes.
  package var runnerUp: PlanEntry? {
    guard let chosen, chosen.mix == nil else { return ranked.dropFirst().first { $0.mix == nil } }
    let others = ranked.dropFirst().filter { $0.mix == nil }
    return others.first { $0.group.acceleratorName != chosen.group.acceleratorName }
      ?? others.first { $0.group.instance != chosen.group.instance }
      ?? others.first { $0.group.hardware != chosen.group.hardware }
  }

  /// Positions in `ranked` that a table shows: the front, and the best of each instance type that differs in more than its
  /// price from what is above it; the best first.
  package func shown(atMost count: Int) -> [Int] {
    var front = Set(pareto)
    var types: Set<String> = []
    var cheapest: [Twin: Seconds] = [:]
    var rest: [Int] = []
    var hidden: Set<Int> = []
    for (index, entry) in ranked.enumerated() {
      let type = entry.mix == nil ? "\(entry.group.instance) \(entry.group.purchase)" : entry.nodes
      let isNew = types.insert(type).inserted
      // The same accelerators in another host, which costs more: no gain of a checkpoint's length makes it worth a row.
      if let twin = cheapest[Twin(entry)], entry.mix == nil, twin <= entry.time * 1.005 {
        front.remove(index)
        hidden.insert(index)
        continue
      }
      cheapest[Twin(entry)] = entry.time
      if front.contains(index) || isNew { rest.append(index) }
    }
    if rest.count < count {
      let more = ranked.indices.filter { !rest.contains($0) && !hidden.contains($0) }.prefix(count - rest.count)
      rest = (rest + more).sorted()
    }
    // The front is never cut; of the others the best.
    let others = rest.filter { !front.contains($0) }.prefix(max(0, count - front.count))
    return (rest.filter { front.contains($0) } + others).sorted()
  }

  private struct Twin: Hashable {
    let accelerator: String
    let layout: ParallelLayout
    let step: Seconds
    let purchase: Price.Kind

    init(_ entry: PlanEntry) {
      accelerator = entry.group.acceleratorName
      layout = entry.layout
      step = entry.step
      purchase = entry.group.purchase
    }
  }
}

extension NodeGroup {
  var acceleratorName: String { accelerator ?? instance }
}

/// A plan that fails something, and by how much.
package struct NearPlan: Hashable, Sendable, Codable {
  package enum Lack: Hashable, Sendable, Codable {
    /// Bytes of an accelerator.
    case memory(Bytes)
    case time(Seconds)
    case money(Money)
    /// It needs other nodes than were asked for.
    case nodes
    /// It is not the layout that was asked for.
    case layout
  }

  package let group: NodeGroup
  package let layout: ParallelLayout
  package let lacks: [Lack]
  package let step: Seconds
  package let time: Seconds
  package let cost: Money
  package let memory: MemoryFit
}

extension NearPlan {
  /// What `entry` is to somebody who asked for something else.
  package init(_ entry: PlanEntry, lacks: [Lack]) {
    self.init(
      group: entry.group, layout: entry.layout, lacks: lacks, step: entry.step, time: entry.time, cost: entry.cost,
      memory: entry.memory)
  }
}
