/// Around all members. Slice q belongs to the member whose rank is q-th in order of rank, so that a reduce-scatter leaves rank
/// r with slice r whatever the order of the ring.
struct RingPattern: SchedulePattern {
  let roundCount: Int
  private let collective: Collective
  private let members: Members
  private let slices: RangeSlices
  /// The slice of each position.
  private let owned: [Int]

  init(_ collective: Collective, _ members: Members, _ range: Range<Int>) {
    self.collective = collective
    self.members = members
    slices = RangeSlices(range, parts: members.count)
    let sorted = members.ranks.sorted()
    owned = members.ranks.map { rank in sorted.partitioningIndex { $0 >= rank } }
    roundCount = (collective == .allReduce ? 2 : 1) * (members.count - 1)
  }

  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    guard let position = members.position(rank) else { return }
    let n = members.count
    let (next, previous) = (members[(position + 1) % n], members[(position + n - 1) % n])
    let gathers = collective == .allGather || (collective == .allReduce && round >= n - 1)
    let step = collective == .allReduce && gathers ? round - (n - 1) : round
    // A slice that is summed starts behind its owner and ends there; one that is gathered starts at its owner.
    let sent = gathers ? position - step : position - step - 1
    actions.add(.send, next, slices[owned[(sent + 2 * n) % n]])
    actions.add(gathers ? .receive : .reduce, previous, slices[owned[(sent + 2 * n - 1) % n]])
  }
}

extension [Int] {
  /// The first index whose element satisfies `predicate`, of an array in which all behind do.
  func partitioningIndex(_ predicate: (Int) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// A broadcast along the ring, chunk by chunk.
struct ChainPattern: SchedulePattern {
  let roundCount: Int
  private let members: Members
  private let slices: RangeSlices
  private let chunks: Int
  private let first: Int

  init(_ members: Members, _ range: Range<Int>, chunks: Int, root: Int) {
    self.members = members
    self.chunks = chunks
    slices = RangeSlices(range, parts: chunks)
    first = members.position(root) ?? 0
    roundCount = chunks + members.count - 2
  }

  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    guard let position = members.position(rank) else { return }
    let n = members.count
    let place = (position + n - first) % n
    let (sent, received) = (round - place, round - place + 1)
    if place < n - 1, 0..<chunks ~= sent { actions.add(.send, members[(position + 1) % n], slices[sent]) }
    if place > 0, 0..<chunks ~= received {
      actions.add(.receive, members[(position + n - 1) % n], slices[received])
    }
  }
}
