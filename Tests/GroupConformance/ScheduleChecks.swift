import Collectives

extension Conformance {
  static let scheduleChecks = [
    Check("messages to all others at once arrive in order, and none at all is fine", exchange),
    Check("every schedule of an all-reduce gives the sum, for counts below, at and above the ranks", allReduce),
    Check("reduce-scatters, all-gathers and broadcasts by schedule put everything in its place", others),
    Check("a schedule for other ranks or another count is refused", refused),
  ]

  private static func exchange(_ group: any Group) throws {
    let n = group.rankCount
    let length = 5003
    var received = [UInt8](repeating: 0, count: 2 * n * length)
    var sent = (0..<2 * n).flatMap { pattern(length, rank: group.rank, salt: $0) }
    try unsafe received.withUnsafeMutableBytes { room in
      try unsafe sent.withUnsafeMutableBytes { out in
        var transfers: [Transfer] = []
        for part in 0..<2 * n where part / 2 != group.rank {
          let place = part * length..<(part + 1) * length
          transfers.append(unsafe Transfer(.send, part / 2, UnsafeMutableRawBufferPointer(rebasing: out[place])))
          transfers.append(unsafe Transfer(.receive, part / 2, UnsafeMutableRawBufferPointer(rebasing: room[place])))
        }
        try group.exchange(transfers.span, tag: 7, timeout: .seconds(60))
      }
    }
    for part in 0..<2 * n where part / 2 != group.rank {
      try expectEqual(
        Array(received[part * length..<(part + 1) * length]),
        pattern(length, rank: part / 2, salt: 2 * group.rank + part % 2), "message \(part % 2) of rank \(part / 2)")
    }
    try group.exchange([Transfer]().span, tag: 7, timeout: .seconds(60))
  }

  /// Whole numbers, whose sums are the same in any order; they differ between ranks and elements.
  private static func value(_ rank: Int, _ index: Int) -> Float { Float((rank + 2) * (index % 101 + 1)) }

  private static func sum(_ rankCount: Int, _ index: Int) -> Float {
    (0..<rankCount).reduce(0) { $0 + value($1, index) }
  }

  private static func allReduce(_ group: any Group) throws {
    let n = group.rankCount
    var topologies = [Topology(ranksPerHost: n)]
    if n % 2 == 0 { topologies.append(Topology(hosts: 2, ranksPerHost: n / 2)) }
    for topology in topologies {
      for algorithm in ScheduleAlgorithm.allCases where algorithm.obstacle(.allReduce, topology) == nil {
        for count in [0, 1, n + 1, 1000, 70_001] {
          let executor = try ScheduleExecutor(
            VerifiedSchedule(Schedule(.allReduce, algorithm, topology, count: count)), group: group)
          for turn in 1...2 {
            var values = (0..<count).map { value(group.rank, $0) * Float(turn) }
            var span = values.mutableSpan
            try executor.run(&span)
            try expectEqual(
              values, (0..<count).map { sum(n, $0) * Float(turn) }, "\(algorithm) of \(count), turn \(turn)")
          }
        }
      }
    }
  }

  private static func others(_ group: any Group) throws {
    let n = group.rankCount
    let topology = Topology(ranksPerHost: n)
    let count = 4099
    for collective in [Collective.reduceScatter, .allGather, .broadcast] {
      for algorithm in ScheduleAlgorithm.allCases where algorithm.obstacle(collective, topology) == nil {
        let schedule = try Schedule(collective, algorithm, topology, count: count, root: n - 1)
        let mine = schedule.slices[group.rank]
        let slices = schedule.slices
        var values = (0..<count).map { index in
          collective == .allGather && !mine.contains(index) ? -1 : value(group.rank, index)
        }
        var span = values.mutableSpan
        try ScheduleExecutor(VerifiedSchedule(schedule), group: group).run(&span)
        let expected: [Float] = (0..<count).map { index in
          switch collective {
          case .reduceScatter: sum(n, index)
          case .allGather: value(slices.firstIndex { $0.contains(index) } ?? 0, index)
          default: value(n - 1, index)
          }
        }
        let part = collective == .reduceScatter ? mine : 0..<count
        try expectEqual(Array(values[part]), Array(expected[part]), "\(collective.rawValue) by \(algorithm)")
      }
    }
  }

  private static func refused(_ group: any Group) throws {
    let schedule = try Schedule(.allReduce, .ring, Topology(ranksPerHost: group.rankCount + 1), count: 5)
    try expectError(.invalidArgument, naming: ["\(group.rankCount + 1)"]) {
      _ = try ScheduleExecutor(VerifiedSchedule(schedule), group: group)
    }
    let right = try Schedule(.allReduce, .ring, Topology(ranksPerHost: group.rankCount), count: 5)
    let executor = try ScheduleExecutor(VerifiedSchedule(right), group: group)
    var values: [Float] = [1, 2, 3]
    var span = values.mutableSpan
    try expectError(.countMismatch, naming: ["3", "5"]) { try executor.run(&span) }
  }
}
