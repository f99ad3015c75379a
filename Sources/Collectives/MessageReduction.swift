/// Sums vectors of several ranks along a tree by messages between all of them; each gets the total.
///
/// Sums go as they are, never as sums over ranks, to whoever adds them up in the order of the tree. Two ways:
/// - `exchangeAll`: each rank sends its sums whole to each other and adds all up itself. 1 exchange with each peer.
/// - `reduceScatter`: each rank owns a slice, gets the sums of all for it, and sends the total around. 2 exchanges with
///   each peer, of 1 / (number of ranks) of the elements.
@safe final class MessageReduction {
  enum Way { case exchangeAll, reduceScatter }

  private let group: any Group
  /// The ranks that take part, ascending, and where this one is among them.
  private let members: [Int]
  private let place: Int
  /// How many sums each of them brings.
  private let sumCounts: [Int]
  /// The additions over the sums of all of them, in their order.
  private let merges: [AccumulationSchedule.Merge]
  private let way: Way?
  private let timeout: Duration
  /// Room for the sums of the others, and the address of each sum of each member within the work at hand.
  private let received: UnsafeMutableBufferPointer<Float>
  private let sums: UnsafeMutableBufferPointer<UnsafeMutablePointer<Float>>
  /// The messages of an exchange.
  private let transfers: UnsafeMutableBufferPointer<Transfer>

  /// Later calls allocate nothing.
  /// - Parameters:
  ///   - members: ranks of `group`, this one among them.
  ///   - sumCounts: by place among the members.
  ///   - merges: over the sums in the order of the members; the total ends in the first.
  ///   - maximumCount: the most elements of a call.
  ///   - way: nil for the one that was measured to be faster at each size.
  init(
    group: any Group, members: [Int], sumCounts: [Int], merges: [AccumulationSchedule.Merge], maximumCount: Int,
    way: Way? = nil, timeout: Duration
  ) {
    self.group = group
    self.members = members
    place = members.firstIndex(of: group.rank) ?? 0
    self.sumCounts = sumCounts
    self.merges = merges
    self.way = way
    self.timeout = timeout
    let slice = Slices(count: maximumCount, parts: members.count).largest
    let longest =
      switch way {
      case .exchangeAll: maximumCount
      case .reduceScatter: slice
      case nil: max(slice, min(maximumCount, Self.exchangeAllLimit(members.count)))
      }
    let sumCount = sumCounts.reduce(0, +)
    unsafe received = .allocate(capacity: (sumCount - sumCounts[place]) * longest)
    unsafe sums = .allocate(capacity: sumCount)
    unsafe transfers = .allocate(capacity: members.count * (sumCounts[place] + 1) + sumCount)
  }

  deinit {
    unsafe received.deallocate()
    unsafe sums.deallocate()
    unsafe transfers.deallocate()
  }

  /// Room for sums of other ranks.
  var byteCount: Int { unsafe received.count * MemoryLayout<Float>.stride }

  /// Up to how many elements every rank adds up everything itself.
  ///
  /// Measured with `group-conformance time` over shared memory on 2 cores: at 2 to 4 ranks it wins or draws up to 16 000
  /// elements and loses from 62 000 (2 ranks: 28 against 20 µs; 536 000 elements: 220 against 169 µs, where
  /// `MPI_Allreduce` takes 171). What it sends grows with the rank count, so the limit shrinks with it.
  private static func exchangeAllLimit(_ rankCount: Int) -> Int { 32768 / rankCount }

  /// Replaces sum 0 of this rank by the total of the sums of all members; the others hold intermediate sums afterwards.
  /// Collective among the members.
  /// - Parameters:
  ///   - base: sum i of this rank begins at base + i × stride.
  ///   - count: elements of each; as many on every member.
  func reduce(_ base: UnsafeMutablePointer<Float>, stride: Int, count: Int) throws(GroupError) {
    guard count > 0 else { return }
    let own = unsafe Sums(base: base, stride: stride)
    switch way ?? (count <= Self.exchangeAllLimit(members.count) ? .exchangeAll : .reduceScatter) {
    case .exchangeAll:
      try unsafe exchangeSums(own, count: count) { _ in 0..<count }
      unsafe addUp(count: count, into: own.base)
    case .reduceScatter: try unsafe reduceScatter(own, count: count)
    }
  }

  /// The sums of this rank: sum i begins at base + i × stride.
  @unsafe private struct Sums {
    let base: UnsafeMutablePointer<Float>
    let stride: Int

    subscript(index: Int) -> UnsafeMutablePointer<Float> { unsafe base + index * stride }
  }

  private func reduceScatter(_ own: Sums, count: Int) throws(GroupError) {
    let slices = Slices(count: count, parts: members.count)
    let mine = slices[place]
    try unsafe exchangeSums(own, count: mine.count) { slices[$0] }
    unsafe addUp(count: mine.count, into: own.base + mine.lowerBound)
    var used = 0
    for peer in peers {
      let theirs = slices[peer]
      unsafe add(.send, peer, own.base + mine.lowerBound, mine.count, &used)
      unsafe add(.receive, peer, own.base + theirs.lowerBound, theirs.count, &used)
    }
    try exchange(used)
  }

  /// Sends the part `part(p)` of this rank's sums to the member at each place p and gets `count` elements of each of its
  /// sums. Leaves in `sums` where this rank's part of each sum of all members is.
  private func exchangeSums(_ own: Sums, count: Int, part: (Int) -> Range<Int>) throws(GroupError) {
    var room = unsafe received.baseAddress
    var first = 0
    for source in members.indices {
      for index in 0..<sumCounts[source] {
        if source == place {
          unsafe sums[first + index] = unsafe own[index] + part(place).lowerBound
        } else if let address = unsafe room {
          unsafe sums[first + index] = unsafe address
          unsafe room = unsafe address + count
        }
      }
      first += sumCounts[source]
    }
    var used = 0
    for peer in peers {
      let sent = part(peer)
      let base = firstSum(of: peer)
      for index in 0..<sumCounts[place] {
        unsafe add(.send, peer, own[index] + sent.lowerBound, sent.count, &used)
      }
      for index in 0..<sumCounts[peer] { unsafe add(.receive, peer, sums[base + index], count, &used) }
    }
    try exchange(used)
  }

  /// Adds `count` elements of all sums along the tree, block by block so that what is added stays in the cache.
  private func addUp(count: Int, into total: UnsafeMutablePointer<Float>) {
    let block = 2048
    for start in stride(from: 0, to: count, by: block) {
      let length = min(block, count - start)
      for (index, merge) in merges.enumerated() {
        let first = unsafe sums[merge.destination] + start
        let target = index == merges.count - 1 ? unsafe total + start : unsafe first
        unsafe addVectors(first, sums[merge.source] + start, into: target, count: length)
      }
    }
  }

  /// The places of the other members, each one's next first, so that not all send to the same.
  private var peers: some Sequence<Int> {
    let (place, count) = (place, members.count)
    return (1..<max(1, count)).lazy.map { (place + $0) % count }
  }

  private func firstSum(of place: Int) -> Int {
    var first = 0
    for earlier in 0..<place { first += sumCounts[earlier] }
    return first
  }

  private func add(
    _ direction: Transfer.Direction, _ peer: Int, _ values: UnsafeMutablePointer<Float>, _ count: Int,
    _ used: inout Int
  ) {
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: values, count: count * MemoryLayout<Float>.stride)
    unsafe (transfers.baseAddress! + used).initialize(to: Transfer(direction, members[peer], bytes))
    used += 1
  }

  private func exchange(_ used: Int) throws(GroupError) {
    try unsafe group.exchange(
      Span(_unsafeElements: UnsafeBufferPointer(rebasing: transfers[..<used])), tag: MessageTag.reducer,
      timeout: timeout)
  }
}

/// The slices of `count` elements that the ranks own: whole cache lines but for the end; the last ones may be empty.
struct Slices {
  let count: Int
  let largest: Int

  init(count: Int, parts: Int) {
    let line = 16
    self.count = count
    largest = min(count, ((count + parts - 1) / parts + line - 1) / line * line)
  }

  subscript(part: Int) -> Range<Int> { min(count, part * largest)..<min(count, (part + 1) * largest) }
}
