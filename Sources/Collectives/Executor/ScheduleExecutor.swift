/// Runs a verified schedule for one rank of a group: all messages of a round at once, then the additions.
///
/// What the rank does is worked out when the executor is made; a run allocates nothing.
@safe package final class ScheduleExecutor {
  package let schedule: Schedule
  private let group: any Group
  private let timeout: Duration
  private let rounds: [Range<Int>]
  private let steps: [Step]
  /// Room for what is added or must wait until the elements that it replaces are sent.
  private let scratch: UnsafeMutableBufferPointer<Float>
  private let transfers: UnsafeMutableBufferPointer<Transfer>

  private struct Step {
    let kind: ScheduleAction.Kind
    let peer: Int
    let range: Range<Int>
    /// Where in the scratch memory; nil if in place.
    let scratch: Int?
  }

  /// - Parameters:
  ///   - schedule: for as many ranks as the group has, the same on every rank.
  ///   - timeout: how long a round may take.
  /// - Throws: `.invalidArgument` if the schedule is for another number of ranks.
  package init(
    _ verified: VerifiedSchedule, group: any Group, timeout: Duration = .collectiveTimeout
  ) throws(GroupError) {
    schedule = verified.schedule
    guard schedule.rankCount == group.rankCount else {
      throw GroupError(
        .invalidArgument, "a schedule for \(schedule.rankCount) ranks in a group of \(group.rankCount)",
        remedy: "make the schedule for the ranks of the group")
    }
    self.group = group
    self.timeout = timeout
    var steps: [Step] = []
    var rounds: [Range<Int>] = []
    var room = 0
    var actions: [ScheduleAction] = []
    for round in 0..<schedule.roundCount {
      actions.removeAll(keepingCapacity: true)
      schedule.append(rank: group.rank, round: round, to: &actions)
      let sent = actions.filter { $0.kind == .send }.map(\.range)
      var used = 0
      for action in actions {
        let waits = action.kind == .reduce || (action.kind == .receive && sent.contains { $0.overlaps(action.range) })
        steps.append(
          Step(kind: action.kind, peer: action.peer, range: action.range, scratch: waits ? used : nil))
        // Whole cache lines, so that vectors in it are aligned.
        if waits { used += (action.range.count + 15) / 16 * 16 }
      }
      room = max(room, used)
      if !actions.isEmpty { rounds.append(steps.count - actions.count..<steps.count) }
    }
    self.steps = steps
    self.rounds = rounds
    unsafe scratch = .allocate(capacity: room)
    unsafe transfers = .allocate(capacity: rounds.map(\.count).max() ?? 0)
  }

  deinit {
    unsafe scratch.deallocate()
    unsafe transfers.deallocate()
  }

  /// Bytes that this rank sends in a run.
  package var sentBytes: Int {
    steps.filter { $0.kind == .send }.reduce(0) { $0 + $1.range.count * MemoryLayout<Float>.stride }
  }

  /// What the executor allocates.
  package var byteCount: Int { unsafe scratch.count * MemoryLayout<Float>.stride }

  /// Does the collective on `values`. Collective; one thread at a time.
  ///
  /// - Parameter values: `schedule.count` elements.
  /// - Throws: `.countMismatch` if they are not; `.peerLost` naming the ranks that did not arrive; those of the group.
  package func run(_ values: inout MutableSpan<Float>) throws(GroupError) {
    guard values.count == schedule.count else {
      throw GroupError(
        .countMismatch, "\(values.count) elements for a schedule of \(schedule.count)",
        remedy: "make a schedule for as many elements")
    }
    try unsafe values.withUnsafeMutableBufferPointer { buffer throws(GroupError) in
      guard let base = buffer.baseAddress else { return }
      for round in rounds { try unsafe run(round, base) }
    }
  }

  private func run(_ round: Range<Int>, _ base: UnsafeMutablePointer<Float>) throws(GroupError) {
    for (index, step) in steps[round].enumerated() {
      let place = unsafe step.scratch.map { unsafe room(at: $0) } ?? base + step.range.lowerBound
      let bytes = unsafe UnsafeMutableRawBufferPointer(
        start: place, count: step.range.count * MemoryLayout<Float>.stride)
      unsafe (transfers.baseAddress! + index).initialize(
        to: Transfer(step.kind == .send ? .send : .receive, step.peer, bytes))
    }
    try unsafe group.exchange(
      Span(_unsafeElements: UnsafeBufferPointer(rebasing: transfers[..<round.count])), tag: MessageTag.schedule,
      timeout: timeout)
    for step in steps[round] {
      guard let offset = step.scratch else { continue }
      let target = unsafe base + step.range.lowerBound
      if step.kind == .reduce {
        unsafe addVectors(target, room(at: offset), into: target, count: step.range.count)
      } else {
        unsafe target.update(from: room(at: offset), count: step.range.count)
      }
    }
  }

  private func room(at offset: Int) -> UnsafeMutablePointer<Float> { unsafe scratch.baseAddress! + offset }
}
