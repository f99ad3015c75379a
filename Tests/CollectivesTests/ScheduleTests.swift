import Collectives
import Foundation
import Testing

/// Numbers that look random and are the same on every run.
struct Draws: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ (state >> 29)
  }
}

/// Of n ranks: one host, as many hosts, equal hosts where there are, and hosts drawn by lot.
func topologies(_ n: Int, seed: UInt64) -> [Topology] {
  var draws = Draws(state: seed)
  var all = [Topology(ranksPerHost: n), Topology(hosts: n, ranksPerHost: 1)]
  for share in [2, 3, 8] where n.isMultiple(of: share) && n > share {
    all.append(Topology(hosts: n / share, ranksPerHost: share))
    // Rank r on host r mod X: the same hosts, numbered across them.
    all.append(Topology(hostOfRank: (0..<n).map { $0 % (n / share) }))
  }
  all.append(Topology(hostOfRank: (0..<n).map { _ in Int.random(in: 0..<max(2, n / 3), using: &draws) }))
  return all
}

private let scheduled: [Collective] = [.allReduce, .reduceScatter, .allGather, .broadcast]

@Suite struct ScheduleTests {
  @Test("Every algorithm is proved for every number of ranks and any topology", arguments: ScheduleAlgorithm.allCases)
  func everyAlgorithmIsProved(algorithm: ScheduleAlgorithm) throws {
    var proved = 0
    for n in 1...64 {
      for (index, topology) in topologies(n, seed: UInt64(n)).enumerated() {
        for collective in scheduled where algorithm.obstacle(collective, topology) == nil {
          let count = [1000 + 37 * n, 5, 16 * n][(n + index) % 3]
          let schedule = try Schedule(
            collective, algorithm, topology, count: count, chunks: 1 + n % 4, root: (7 * n + index) % n)
          #expect(throws: Never.self, "\(schedule)") { try VerifiedSchedule(schedule) }
          proved += 1
        }
      }
    }
    #expect(algorithm == .direct ? proved == 0 : proved > 60)
  }

  @Test(
    "Every collective has a schedule on every topology",
    arguments: [Topology(ranksPerHost: 7), Topology(hostOfRank: [0, 1, 0, 2, 0]), Topology(hosts: 3, ranksPerHost: 2)])
  func everyCollectiveIsAvailable(topology: Topology) {
    for collective in scheduled {
      let names = ScheduleAlgorithm.available(for: collective, topology)
      #expect(names.contains(.ring) && names.contains(.mesh))
    }
    #expect(ScheduleAlgorithm.available(for: .allToAll, topology).isEmpty)
  }

  @Test("A ring of 4,096 ranks is made at once and is 8,190 rounds of a 4,096th")
  func ringOfThousands() throws {
    let schedule = try Schedule(.allReduce, .ring, Topology(hosts: 512, ranksPerHost: 8), count: 4096 * 160)
    #expect(schedule.roundCount == 8190)
    let actions = schedule.actions(rank: 4095, round: 8189)
    #expect(actions.map(\.range.count) == [160, 160] && actions[0].peer == 0 && actions[1].peer == 4094)
  }

  @Test("Rounds and the elements that the busiest host sends are what the algorithms promise")
  func costs() throws {
    let topology = Topology(hosts: 4, ranksPerHost: 2)
    func cost(_ algorithm: ScheduleAlgorithm) throws -> (rounds: Int, elements: Int) {
      let schedule = try Schedule(.allReduce, algorithm, topology, count: 8 * 160, chunks: 1)
      let done = schedule.simulated(
        on: LinkModel(link: .init(bandwidth: 1), network: .init(bandwidth: 1)), elementSize: 1)
      return (schedule.roundCount, done.bytesOut.max() ?? 0)
    }
    #expect(try cost(.ring) == (14, 14 * 160))
    // 2 · ¾ of the elements for all rails together.
    #expect(try cost(.hierarchical) == (8, 12 * 160))
    #expect(try cost(.hierarchicalHalving) == (6, 12 * 160))
    // Neighbours halve first: half of the elements stay inside, a quarter and an eighth of each rank cross, and back.
    #expect(try cost(.halvingDoubling) == (6, 2 * 2 * 3 * 160))
    #expect(try cost(.recursiveDoubling) == (3, 2 * 2 * 8 * 160))
    #expect(try cost(.mesh) == (2, 2 * 2 * 6 * 160))
  }

  @Test("A schedule in a file is its parameters")
  func coding() throws {
    let schedule = try Schedule(
      .broadcast, .doubleTree, Topology(hostOfRank: [3, 1, 3, 3, 1]), count: 700, chunks: 3, root: 4)
    let text = try JSONEncoder().encode(schedule)
    let again = try JSONDecoder().decode(Schedule.self, from: text)
    #expect(again == schedule && again.hashValue == schedule.hashValue)
    #expect(again.actions(rank: 4, round: 1) == schedule.actions(rank: 4, round: 1))
    let other = try Schedule(.broadcast, .doubleTree, schedule.topology, count: 700, chunks: 4, root: 4)
    #expect(other != schedule)
    #expect(throws: ScheduleProblem.self) {
      try JSONDecoder().decode(
        Schedule.self,
        from: Data(
          #"{"collective":"all_reduce","algorithm":"ring","host_of_rank":[],"count":1,"chunks":1,"root":0}"#.utf8))
    }
  }

  @Test(
    "What has no schedule is refused by name",
    arguments: [
      (Collective.allReduce, ScheduleAlgorithm.hierarchical, [0, 0, 0, 1], "not 3, 1"),
      (.reduceScatter, .halvingDoubling, [0, 1, 2], "power of two"),
      (.reduceScatter, .binomialTree, [0, 0], "binomial"),
      (.allToAll, .ring, [0, 0], "all_to_all"), (.allReduce, .direct, [0, 1], "direct"),
    ])
  func refusals(collective: Collective, algorithm: ScheduleAlgorithm, hosts: [Int], text: String) {
    let problem = #expect(throws: ScheduleProblem.self) {
      try Schedule(collective, algorithm, Topology(hostOfRank: hosts), count: 10)
    }
    #expect(problem?.code == .unavailable && problem?.message.contains(text) == true, "\(String(describing: problem))")
  }

  @Test("Counts and roots out of range are refused")
  func arguments() {
    let pair = Topology(ranksPerHost: 2)
    #expect(throws: ScheduleProblem.self) { try Schedule(.allReduce, .ring, pair, count: -1) }
    #expect(throws: ScheduleProblem.self) { try Schedule(.broadcast, .ring, pair, count: 4, root: 2) }
    #expect(throws: ScheduleProblem.self) { try Schedule(.broadcast, .ring, pair, count: 4, chunks: 0) }
  }
}

@Suite struct ScheduleVerificationTests {
  private typealias Change = (inout [[[ScheduleAction]]]) -> Void

  /// The rounds of a halving-doubling all-reduce of four ranks, changed.
  private static func problem(_ change: Change) throws -> ScheduleProblem? {
    let right = try Schedule(.allReduce, .halvingDoubling, Topology(hosts: 2, ranksPerHost: 2), count: 96)
    var rounds = (0..<right.roundCount).map { round in (0..<4).map { right.actions(rank: $0, round: round) } }
    change(&rounds)
    let schedule = Schedule(.allReduce, right.topology, count: 96, rounds: rounds)
    do {
      _ = try VerifiedSchedule(schedule)
      return nil
    } catch { return error }
  }

  @Test func anUnchangedCopyPasses() throws { #expect(try Self.problem { _ in } == nil) }

  @Test func aReceiveWithoutItsSendIsRefused() throws {
    let problem = try Self.problem { $0[1][2].removeAll { $0.kind == .send } }
    #expect(problem?.code == .unmatched && problem?.message.hasPrefix("round 1: rank 0 waits") == true)
  }

  @Test func aSendThatNobodyTakesIsRefused() throws {
    let problem = try Self.problem { $0[0][3].removeAll { $0.kind != .send } }
    #expect(
      problem?.code == .unmatched && problem?.message.contains("rank 2 sends") == true, "\(String(describing: problem))"
    )
  }

  @Test func otherElementsThanSentAreRefused() throws {
    let problem = try Self.problem { rounds in
      rounds[0][1] = rounds[0][1].map { $0.kind == .reduce ? .init(.reduce, $0.peer, 16..<48) : $0 }
    }
    #expect(problem?.code == .unmatched && problem?.message.contains("16..<48") == true)
  }

  @Test func aSumOfTheSameTwiceIsRefused() throws {
    let problem = try Self.problem { $0.insert($0[1], at: 2) }
    #expect(problem?.code == .counted && problem?.message.contains("twice") == true)
  }

  @Test func aCopyInsteadOfASumIsRefused() throws {
    let problem = try Self.problem { rounds in
      rounds[1][0] = rounds[1][0].map { $0.kind == .reduce ? .init(.receive, $0.peer, $0.range) : $0 }
    }
    #expect(problem?.code == .counted && problem?.message.contains("lacks") == true)
  }

  @Test func aMissingLastRoundIsRefused() throws {
    let problem = try Self.problem { $0.removeLast() }
    #expect(problem?.code == .counted && problem?.message.contains("lacks") == true)
  }

  @Test func sendingInAnotherRoundThanReceivingIsRefused() throws {
    let problem = try Self.problem { rounds in
      let early = rounds[2][1].filter { $0.kind == .send }
      rounds[2][1].removeAll { $0.kind == .send }
      rounds[1][1] += early
    }
    #expect(problem?.code == .unmatched)
  }

  @Test func aPeerThatIsNotThereAndARangeBeyondTheEndAreRefused() throws {
    for bad in [ScheduleAction(.send, 4, 0..<8), .init(.send, 2, 90..<97), .init(.send, 0, 0..<8)] {
      #expect(try Self.problem { $0[0][0].append(bad) }?.code == .unmatched, "\(bad)")
    }
  }
}
