package import CostModel
package import Units

/// Nodes of several kinds that train one model together: replicas of one shape, with shares of the batch by their speed.
package struct MixedPlan: Hashable, Sendable, Codable {
  package struct Part: Hashable, Sendable, Codable {
    package let group: NodeGroup
    /// Of the group alone: `data` are its replicas.
    package let layout: ParallelLayout
    /// Of each replica, the larger shares first; 0 for one that would only hold the others up.
    package let microBatches: [Int]
    package let perMicroBatch: Seconds
    package let memory: MemoryFit
    /// Of its slowest replica.
    package let time: Seconds

    package var replicas: Int { layout.data }
    /// Samples of the group, of micro-batches of `size`.
    package func samples(microBatch size: Int) -> Int { microBatches.reduce(0, +) * size }
  }

  /// `data` counts the replicas of all groups.
  package let layout: ParallelLayout
  package let parts: [Part]
  /// Of the slowest replica: the others wait.
  package let step: Seconds
  /// What every replica takes beside its micro-batches: the reduction that all wait for, the optimizer, the step's own.
  package let fixed: Seconds
  package let counts: SearchResult.Counts

  /// Share of the replicas' time that they wait for the slowest.
  package var idleShare: Double {
    let replicas = parts.reduce(0) { $0 + $1.replicas }
    guard replicas > 0, step > .zero else { return 0 }
    let waiting = parts.reduce(0.0) { $0 + Double($1.replicas) * (1 - $1.time / step) }
    return waiting / Double(replicas)
  }

  package var hourly: Money { parts.map(\.group.hourlyTotal).sum() }

  /// The term of what all replicas wait for.
  static let reductionName = "gradient reduction, optimizer and overhead of the step"

  /// The step of the slowest replica, and the memory of the accelerator that is filled most.
  package var estimate: StepEstimate {
    let slowest = parts.max { $0.time < $1.time } ?? parts[0]
    let tightest = parts.max { a, b in
      a.memory.components.total / a.memory.budget.usable < b.memory.components.total / b.memory.budget.usable
    }
    let most = slowest.microBatches.first ?? 0
    let terms = [
      StepTerm("\(most) \(most == 1 ? "micro-batch" : "micro-batches") on \(slowest.group.instance)", step - fixed),
      StepTerm(Self.reductionName, fixed),
    ]
    return StepEstimate(terms: terms, memory: (tightest ?? slowest).memory.components)
  }
}

extension Planner {
  /// The fastest way to train on all of `groups` at once: the same degrees everywhere but the data axis, and shares of the
  /// batch, whole micro-batches, that let all replicas finish as close together as they can.
  ///
  /// - Throws: `Rejection` if no shape of replica is legal, or fits, on every group.
  package func mixed(_ groups: [NodeGroup]) throws(Rejection) -> MixedPlan {
    precondition(!groups.isEmpty, "some nodes")
    let name = groups.map(\.description).joined(separator: " + ")
    var members: [Member] = []
    for (index, group) in groups.enumerated() {
      var group = group
      group.companions = groups.enumerated().reduce(0) { $0 + ($1.offset == index ? 0 : $1.element.nodes) }
      members.append(
        Member(group: group, evaluator: try model.evaluator(for: group, globalBatch: request.globalBatch)))
    }
    var best: Candidate?
    var isSomethingLegal = false
    var counts = SearchResult.Counts()
    for shape in shapes(groups) {
      guard let layouts = legalLayouts(shape, members) else { continue }
      isSomethingLegal = true
      counts.evaluated += 1
      guard let candidate = candidate(shape, layouts, members, below: best?.seconds ?? .infinity) else { continue }
      best = candidate
    }
    guard let best else {
      throw isSomethingLegal
        ? Rejection(.memory, name, "no shape of replica fits the accelerators of every group")
        : Rejection(.noLegalLayout, name, "no shape of replica divides the accelerators of every group")
    }
    return plan(best, members, counts)
  }

  private struct Member {
    let group: NodeGroup
    let evaluator: Model.Evaluator
  }

  private struct Candidate {
    let shape: ParallelLayout
    let layouts: [ParallelLayout]
    let shares: [[Int]]
    let times: [AffineStep]
    /// Of every replica.
    let fixed: Double
    let seconds: Double
    let memory: [MemoryComponents]
  }

  /// Degrees of a replica, micro-batch and options; the data axis is each group's own.
  private func shapes(_ groups: [NodeGroup]) -> [ParallelLayout] {
    let rules = model.rules(for: groups[0], globalBatch: request.globalBatch)
    let divisor = groups.map(\.accelerators).reduce(0, greatestCommonDivisor)
    var result: [ParallelLayout] = []
    for size in 1...divisor where divisor.isMultiple(of: size) {
      for t in 1...size where size.isMultiple(of: t) {
        for c in 1...(size / t) where (size / t).isMultiple(of: c) {
          let degrees = ParallelLayout(tensor: t, context: c, pipeline: size / (t * c))
          for b in 1...request.globalBatch where request.globalBatch.isMultiple(of: b) {
            for recomputation in Recomputation.allCases {
              for shares in t > 1 && rules.model.sequence.isMultiple(of: t * c) ? [false, true] : [false] {
                for stage in 0...(degrees.pipeline > 1 ? 1 : 3) {
                  var layout = degrees
                  layout.microBatch = b
                  layout.recomputation = recomputation
                  layout.sequenceParallel = shares
                  layout.zeroStage = stage
                  result.append(layout)
                }
              }
            }
          }
        }
      }
    }
    return result
  }

  private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }

  /// The layout of each member, or nil if one of them is not legal or not what the user chose.
  private func legalLayouts(_ shape: ParallelLayout, _ members: [Member]) -> [ParallelLayout]? {
    var layouts: [ParallelLayout] = []
    let replica = shape.accelerators
    let replicas = members.reduce(0) { $0 + $1.group.accelerators / replica }
    var whole = shape
    whole.data = replicas
    guard request.choices.allows(whole) else { return nil }
    for member in members {
      var layout = shape
      layout.data = member.group.accelerators / replica
      // The shares are whole micro-batches, whatever they are: any batch of them shows whether the rest is legal.
      let batch = layout.data * layout.microBatch
      guard model.rules(for: member.group, globalBatch: batch).isLegal(layout) else { return nil }
      layouts.append(layout)
    }
    return layouts
  }

  /// Nil if it does not fit, or takes `below` or more.
  private func candidate(
    _ shape: ParallelLayout, _ layouts: [ParallelLayout], _ members: [Member], below: Double
  ) -> Candidate? {
    let microBatches = request.globalBatch / shape.microBatch
    let replicas = layouts.reduce(0) { $0 + $1.data }
    guard microBatches >= replicas else { return nil }
    // Gradients and sharded states are those of all replicas.
    var whole = shape
    whole.data = replicas
    let times = members.map { $0.evaluator.affine(whole) }
    // The reduction ends when the slowest link is done: no replica takes less beside its micro-batches.
    let fixed = times.map(\.fixed).max() ?? 0
    // Not even without rounding.
    let speed = zip(layouts, times).reduce(0.0) { $0 + Double($1.0.data) / $1.1.perMicroBatch }
    guard Double(microBatches) / speed + fixed < below else { return nil }
    for member in members {
      guard member.evaluator.bytes(whole) <= member.evaluator.usableBytes else { return nil }
    }
    let each = zip(layouts, times).flatMap { layout, time in
      Array(repeating: time.perMicroBatch, count: layout.data)
    }
    let shares = UnevenShares(perMicroBatch: each, microBatches: microBatches)
    guard shares.seconds + fixed < below else { return nil }
    var parts: [[Int]] = []
    var memory: [MemoryComponents] = []
    var first = 0
    for (layout, member) in zip(layouts, members) {
      let own = shares.shares[first..<(first + layout.data)].sorted(by: >)
      first += layout.data
      let held = member.evaluator.estimate(alive(whole, own[0])).memory
      guard held.totalBytes <= member.evaluator.usableBytes else { return nil }
      parts.append(own)
      memory.append(held)
    }
    return Candidate(
      shape: shape, layouts: layouts, shares: parts, times: times, fixed: fixed, seconds: shares.seconds + fixed,
      memory: memory)
  }

  /// The layout whose equal shares are `most` micro-batches, where a pipeline keeps so many alive that it matters. Its
  /// states are shared by fewer ranks than there are: memory is over- and never underestimated.
  private func alive(_ whole: ParallelLayout, _ most: Int) -> ParallelLayout {
    guard whole.pipeline > 1, whole.microBatches(globalBatch: request.globalBatch) < whole.pipeline, most > 0 else {
      return whole
    }
    var layout = whole
    layout.data = max(1, min(whole.data, request.globalBatch / (whole.microBatch * most)))
    return layout
  }

  private func plan(_ best: Candidate, _ members: [Member], _ counts: SearchResult.Counts) -> MixedPlan {
    var layout = best.shape
    layout.data = best.layouts.reduce(0) { $0 + $1.data }
    var parts: [MixedPlan.Part] = []
    for (index, member) in members.enumerated() {
      let most = best.shares[index].first ?? 0
      let time = best.times[index]
      parts.append(
        MixedPlan.Part(
          group: member.group, layout: best.layouts[index], microBatches: best.shares[index],
          perMicroBatch: Seconds(time.perMicroBatch),
          memory: MemoryFit(best.memory[index], in: budget(member.group, member.evaluator)),
          time: Seconds(most == 0 ? 0 : best.fixed + Double(most) * time.perMicroBatch)))
    }
    return MixedPlan(
      layout: layout, parts: parts, step: Seconds(best.seconds), fixed: Seconds(best.fixed), counts: counts)
  }
}
