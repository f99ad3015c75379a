/// A schedule that was proved to do what it is for: the only kind that is run.
package struct VerifiedSchedule: Sendable {
  package let schedule: Schedule

  /// - Throws: `ScheduleProblem` `.unmatched` or `.counted`, with the round, the ranks and the elements.
  package init(_ schedule: Schedule) throws(ScheduleProblem) {
    try schedule.verify()
    self.schedule = schedule
  }
}

extension Schedule {
  /// Runs the schedule on sets of ranks instead of numbers: which contributions each element of each rank is the sum of.
  ///
  /// Proves that every receive has its send of the same elements in the same round, so that ranks which work round by round
  /// never wait for ever; that no contribution is added twice; and that in the end each rank has each contribution once
  /// where the collective promises it. Elements that all messages treat alike are one.
  package func verify() throws(ScheduleProblem) {
    guard rankCount > 1, count > 0 else { return }
    var proof = Proof(self)
    for round in 0..<roundCount { try proof.run(round) }
    try proof.checkEnd()
  }
}

/// Contributions as bits, `words` a set.
private struct Proof {
  private let schedule: Schedule
  private let words: Int
  /// Where segments of elements begin, and the end of the last.
  private let bounds: [Int]
  private var segmentAt: [Int: Int] = [:]
  /// By rank, segment and word.
  private var sets: [UInt64]
  private var actions: [[ScheduleAction]]

  init(_ schedule: Schedule) {
    self.schedule = schedule
    let n = schedule.rankCount
    words = (n + 63) / 64
    var bounds: Set<Int> = [0, schedule.count]
    for round in 0..<schedule.roundCount {
      for rank in 0..<n {
        for action in schedule.actions(rank: rank, round: round) {
          bounds.insert(action.range.lowerBound)
          bounds.insert(action.range.upperBound)
        }
      }
    }
    for slice in schedule.slices { bounds.formUnion([slice.lowerBound, slice.upperBound]) }
    self.bounds = bounds.sorted()
    for (index, bound) in self.bounds.enumerated() { segmentAt[bound] = index }
    sets = Array(repeating: 0, count: n * (self.bounds.count - 1) * words)
    actions = Array(repeating: [], count: n)
    let slices = schedule.slices
    for rank in 0..<n {
      for segment in 0..<segmentCount where starts(rank, self.bounds[segment], slices) {
        sets[place(rank, segment) + rank / 64] = 1 << UInt64(rank % 64)
      }
    }
  }

  private var segmentCount: Int { bounds.count - 1 }
  private func place(_ rank: Int, _ segment: Int) -> Int { (rank * segmentCount + segment) * words }

  /// Whether a rank has something of its own at an element when the schedule starts.
  private func starts(_ rank: Int, _ element: Int, _ slices: [Range<Int>]) -> Bool {
    switch schedule.collective {
    case .allGather: slices[rank].contains(element)
    case .broadcast: rank == schedule.root
    default: true
    }
  }

  mutating func run(_ round: Int) throws(ScheduleProblem) {
    let n = schedule.rankCount
    var messages: [Route: [ScheduleAction]] = [:]
    for rank in 0..<n {
      actions[rank].removeAll(keepingCapacity: true)
      schedule.append(rank: rank, round: round, to: &actions[rank])
      for action in actions[rank] {
        guard 0..<n ~= action.peer, action.peer != rank, action.range.lowerBound >= 0,
          action.range.upperBound <= schedule.count
        else {
          throw ScheduleProblem(
            .unmatched,
            "round \(round): rank \(rank) would \(action.kind.rawValue) \(action.range) with rank \(action.peer)")
        }
        if action.kind == .send { messages[Route(rank, action.peer), default: []].append(action) }
      }
    }
    let before = sets
    for rank in 0..<n {
      for action in actions[rank] where action.kind != .send {
        let route = Route(action.peer, rank)
        guard let sent = messages[route]?.first, sent.range == action.range else {
          throw ScheduleProblem(
            .unmatched,
            "round \(round): rank \(rank) waits for \(action.range) of rank \(action.peer), which sends "
              + (messages[route]?.first.map { "\($0.range)" } ?? "nothing"))
        }
        messages[route]?.removeFirst()
        try take(action, at: rank, before, round)
      }
    }
    if let (route, left) = messages.first(where: { !$0.value.isEmpty }) {
      throw ScheduleProblem(
        .unmatched,
        "round \(round): rank \(route.source) sends \(left[0].range) to rank \(route.destination), which takes it not")
    }
  }

  private mutating func take(
    _ action: ScheduleAction, at rank: Int, _ before: [UInt64], _ round: Int
  ) throws(ScheduleProblem) {
    guard let first = segmentAt[action.range.lowerBound], let end = segmentAt[action.range.upperBound] else { return }
    for segment in first..<end {
      let (mine, theirs) = (place(rank, segment), place(action.peer, segment))
      for word in 0..<words {
        let sent = before[theirs + word]
        if action.kind == .receive {
          sets[mine + word] = sent
        } else {
          let twice = sets[mine + word] & sent
          guard twice == 0 else {
            let source = word * 64 + twice.trailingZeroBitCount
            throw ScheduleProblem(
              .counted,
              "round \(round): rank \(rank) would add what rank \(source) brought to element \(bounds[segment]) twice")
          }
          sets[mine + word] |= sent
        }
      }
    }
  }

  func checkEnd() throws(ScheduleProblem) {
    let n = schedule.rankCount
    let slices = schedule.slices
    for segment in 0..<segmentCount {
      let element = bounds[segment]
      let owner = slices.firstIndex { $0.contains(element) }
      for rank in 0..<n {
        if schedule.collective == .reduceScatter, rank != owner { continue }
        for source in 0..<n {
          let isThere = sets[place(rank, segment) + source / 64] >> UInt64(source % 64) & 1 == 1
          let isDue: Bool =
            switch schedule.collective {
            case .allGather: source == owner
            case .broadcast: source == schedule.root
            default: true
            }
          guard isThere == isDue else {
            throw ScheduleProblem(
              .counted,
              "in the end rank \(rank) \(isThere ? "has" : "lacks") what rank \(source) brought to element \(element)")
          }
        }
      }
    }
  }

  private struct Route: Hashable {
    let source: Int
    let destination: Int

    init(_ source: Int, _ destination: Int) {
      self.source = source
      self.destination = destination
    }
  }
}
