package import CostModel
package import Units

/// One way to train: nodes, layout, and what follows.
package struct PlanEntry: Hashable, Sendable, Codable {
  package let group: NodeGroup
  package let layout: ParallelLayout
  package let estimate: StepEstimate
  package let step: Seconds
  package let steps: Int
  package let purchase: PurchaseCost
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
}

/// What was decided for a job, what else was looked at and why not: what `apus plan` prints and writes.
package struct Plan: Hashable, Sendable, Codable {
  package static let currentFormat = 1

  package let formatVersion: Int
  package let job: String
  package let request: PlanRequest
  /// Feasible plans, the best first; one a group.
  package let ranked: [PlanEntry]
  /// Positions in `ranked` that no other beats in both time and cost, the fastest first.
  package let pareto: [Int]
  package let rejections: [Rejection]
  /// What would make the runner-up the better one.
  package let crossover: Crossover?
  /// Where nothing is feasible: what is nearest, and what it lacks.
  package let nearest: [NearPlan]

  package init(
    job: String, request: PlanRequest, ranked: [PlanEntry], pareto: [Int], rejections: [Rejection],
    crossover: Crossover?, nearest: [NearPlan]
  ) {
    formatVersion = Self.currentFormat
    self.job = job
    self.request = request
    self.ranked = ranked
    self.pareto = pareto
    self.rejections = rejections
    self.crossover = crossover
    self.nearest = nearest
  }

  package var chosen: PlanEntry? { ranked.first }
  /// The best on other nodes than the chosen one's type, or on another number of them if there is one type alone.
  package var runnerUp: PlanEntry? {
    guard let chosen else { return nil }
    return ranked.dropFirst().first { $0.group.instance != chosen.group.instance } ?? ranked.dropFirst().first
  }
  package var isFeasible: Bool { chosen != nil }
}

/// A plan that fails something, and by how much.
package struct NearPlan: Hashable, Sendable, Codable {
  package enum Lack: Hashable, Sendable, Codable {
    /// Bytes of an accelerator.
    case memory(Bytes)
    case time(Seconds)
    case money(Money)
  }

  package let group: NodeGroup
  package let layout: ParallelLayout
  package let lacks: [Lack]
  package let time: Seconds
  package let cost: Money
  package let memory: MemoryFit
}
