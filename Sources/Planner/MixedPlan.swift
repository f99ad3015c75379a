package import CostModel
package import Units

/// Nodes of several kinds that train one model together: replicas of one shape, with shares of the batch by their speed.
package struct MixedPlan: Hashable, Sendable, Codable {
  package struct Part: Hashable, Sendable, Codable {
    package let group: NodeGroup
    package let replicas: Int
    /// Of each replica, the larger shares first; 0 for one that would only hold the others up.
    package let microBatches: [Int]
    package let perMicroBatch: Seconds
    package let memory: MemoryFit
    /// Of its slowest replica.
    package let time: Seconds

    /// Samples of the group, of micro-batches of `size`.
    package func samples(microBatch size: Int) -> Int { microBatches.reduce(0, +) * size }
  }

  /// `data` counts the replicas of all groups.
  package let layout: ParallelLayout
  package let parts: [Part]
  /// Of the slowest replica: the others wait.
  package let step: Seconds

  /// Share of the replicas' time that they wait for the slowest.
  package var idleShare: Double {
    let replicas = parts.reduce(0) { $0 + $1.replicas }
    guard replicas > 0, step > .zero else { return 0 }
    let waiting = parts.reduce(0.0) { $0 + Double($1.replicas) * (1 - $1.time / step) }
    return waiting / Double(replicas)
  }

  package var hourly: Money { parts.map { $0.group.hourly * Double($0.group.nodes) }.sum() }
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
    for shape in shapes(groups) {
      guard let layouts = legalLayouts(shape, members) else { continue }
      isSomethingLegal = true
      guard let candidate = candidate(shape, layouts, members, below: best?.seconds ?? .infinity) else { continue }
      best = candidate
    }
    guard let best else {
      throw isSomethingLegal
        ? Rejection(.memory, name, "no shape of replica fits the accelerators of every group")
        : Rejection(.noLegalLayout, name, "no shape of replica divides the accelerators of every group")
    }
    return plan(best, members)
  }

  private struct Member {
    let group: NodeGroup
    let evaluator: Model.Evaluator
  }

  private struct Candidate {
    let shape: ParallelLayout
    let layouts: [ParallelLayout]
    let shares: [[Int]]
    let seconds: Double
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
    let times = zip(layouts, members).map { $1.evaluator.affine($0) }
    // Not even without rounding and fixed times.
    let speed = zip(layouts, times).reduce(0.0) { $0 + Double($1.0.data) / $1.1.perMicroBatch }
    guard Double(microBatches) / speed < below else { return nil }
    for (layout, member) in zip(layouts, members) {
      guard member.evaluator.bytes(layout) <= member.evaluator.usableBytes else { return nil }
    }
    let replicas = zip(layouts, times).flatMap { layout, time in Array(repeating: time, count: layout.data) }
    let shares = UnevenShares(
      perMicroBatch: replicas.map(\.perMicroBatch), fixed: replicas.map(\.fixed), microBatches: microBatches)
    guard shares.seconds < below else { return nil }
    var parts: [[Int]] = []
    var first = 0
    for layout in layouts {
      parts.append(shares.shares[first..<(first + layout.data)].sorted(by: >))
      first += layout.data
    }
    return Candidate(shape: shape, layouts: layouts, shares: parts, seconds: shares.seconds)
  }

  private func plan(_ best: Candidate, _ members: [Member]) -> MixedPlan {
    var layout = best.shape
    layout.data = best.layouts.reduce(0) { $0 + $1.data }
    var parts: [MixedPlan.Part] = []
    for ((member, own), shares) in zip(zip(members, best.layouts), best.shares) {
      let time = member.evaluator.affine(own)
      let most = shares.first ?? 0
      parts.append(
        MixedPlan.Part(
          group: member.group, replicas: own.data, microBatches: shares, perMicroBatch: Seconds(time.perMicroBatch),
          memory: MemoryFit(member.evaluator.estimate(own).memory, in: budget(member.group, member.evaluator)),
          time: Seconds(most == 0 ? 0 : time.fixed + Double(most) * time.perMicroBatch)))
    }
    return MixedPlan(layout: layout, parts: parts, step: Seconds(best.seconds))
  }
}
