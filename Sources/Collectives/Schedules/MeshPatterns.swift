/// Each member to each other: sums in one round, copies in one.
struct MeshPattern: SchedulePattern {
  let roundCount: Int
  private let collective: Collective
  private let members: Members
  private let slices: RangeSlices
  private let range: Range<Int>
  private let root: Int

  init(_ collective: Collective, _ members: Members, _ range: Range<Int>, root: Int = 0) {
    self.collective = collective
    self.members = members
    self.range = range
    self.root = root
    slices = RangeSlices(range, parts: members.count)
    roundCount = collective == .allReduce ? 2 : 1
  }

  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    guard let position = members.position(rank) else { return }
    if collective == .broadcast {
      if rank == root {
        for other in members.ranks where other != root { actions.add(.send, other, range) }
      } else {
        actions.add(.receive, root, range)
      }
      return
    }
    let n = members.count
    let gathers = collective == .allGather || round == 1
    for distance in 1..<max(1, n) {
      let (next, previous) = ((position + distance) % n, (position + n - distance) % n)
      actions.add(.send, members[next], slices[gathers ? position : next])
      actions.add(gathers ? .receive : .reduce, members[previous], slices[gathers ? previous : position])
    }
  }
}

/// Everything of each member to each other, which sums it.
struct ExchangePattern: SchedulePattern {
  let roundCount = 1
  private let members: Members
  private let range: Range<Int>

  init(_ members: Members, _ range: Range<Int>) {
    self.members = members
    self.range = range
  }

  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    guard let position = members.position(rank) else { return }
    let n = members.count
    for distance in 1..<max(1, n) {
      actions.add(.send, members[(position + distance) % n], range)
      actions.add(.reduce, members[(position + n - distance) % n], range)
    }
  }
}

/// A mesh inside each host, a ring (or halving and doubling) of every slice between the hosts, a mesh inside.
struct HierarchicalPattern: SchedulePattern {
  let roundCount: Int
  private let topology: Topology
  /// By host, and by the place of a rank in its host.
  private let scatter: [MeshPattern]
  private let between: [any SchedulePattern]
  private let gather: [MeshPattern]
  private let placeOfRank: [Int]
  private let bounds: (first: Int, second: Int)

  init(_ topology: Topology, _ range: Range<Int>, halves: Bool) {
    self.topology = topology
    let local = topology.hosts[0].count
    let slices = RangeSlices(range, parts: local)
    scatter = topology.hosts.map { MeshPattern(.reduceScatter, Members($0), range) }
    gather = topology.hosts.map { MeshPattern(.allGather, Members($0), range) }
    between = (0..<local).map { place -> any SchedulePattern in
      let rail = Members(topology.hosts.map { $0[place] })
      return halves
        ? HalvingDoublingPattern(.allReduce, rail, slices[place]) : RingPattern(.allReduce, rail, slices[place])
    }
    var places = Array(repeating: 0, count: topology.rankCount)
    for host in topology.hosts { for (place, rank) in host.enumerated() { places[rank] = place } }
    placeOfRank = places
    let first = local > 1 ? 1 : 0
    bounds = (first, first + between[0].roundCount)
    roundCount = bounds.second + first
  }

  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    let host = topology.hostOfRank[rank]
    if round < bounds.first {
      scatter[host].append(rank: rank, round: 0, to: &actions)
    } else if round < bounds.second {
      between[placeOfRank[rank]].append(rank: rank, round: round - bounds.first, to: &actions)
    } else {
      gather[host].append(rank: rank, round: 0, to: &actions)
    }
  }
}
