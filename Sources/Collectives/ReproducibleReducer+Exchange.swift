/// The two ways by messages. All pointers point into the slots of the caller or the room of the reducer.
extension ReproducibleReducer {
  /// The sums of this rank: result i begins at base + i × stride.
  @unsafe struct Sums {
    let base: UnsafeMutablePointer<Float>
    let stride: Int

    subscript(index: Int) -> UnsafeMutablePointer<Float> { unsafe base + index * stride }
  }

  func exchangeAll(_ own: Sums, count: Int) throws(GroupError) {
    try unsafe exchangeSums(own, count: count) { _ in 0..<count }
    unsafe addUp(count: count, into: own.base)
  }

  func reduceScatter(_ own: Sums, count: Int) throws(GroupError) {
    let slices = Slices(count: count, parts: group.rankCount)
    let mine = slices[group.rank]
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

  /// Sends the part `part(r)` of this rank's sums to each rank r and gets `count` elements of each of its sums. Leaves
  /// in `sums` where the part of this rank of each sum of all ranks is.
  private func exchangeSums(_ own: Sums, count: Int, part: (Int) -> Range<Int>) throws(GroupError) {
    let rank = group.rank
    var room = unsafe received.baseAddress
    var first = 0
    for source in 0..<group.rankCount {
      for index in 0..<sumCounts[source] {
        if source == rank {
          unsafe sums[first + index] = unsafe own[index] + part(rank).lowerBound
        } else if let place = unsafe room {
          unsafe sums[first + index] = unsafe place
          unsafe room = unsafe place + count
        }
      }
      first += sumCounts[source]
    }
    var used = 0
    for peer in peers {
      let sent = part(peer)
      let base = firstSum(of: peer)
      for index in 0..<sumCounts[rank] {
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

  /// The other ranks, each rank's next one first, so that not all send to the same.
  private var peers: some Sequence<Int> {
    let (rank, count) = (group.rank, group.rankCount)
    return (1..<count).lazy.map { (rank + $0) % count }
  }

  private func firstSum(of rank: Int) -> Int {
    var first = 0
    for earlier in 0..<rank { first += sumCounts[earlier] }
    return first
  }

  private func add(
    _ direction: Transfer.Direction, _ peer: Int, _ values: UnsafeMutablePointer<Float>, _ count: Int,
    _ used: inout Int
  ) {
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: values, count: count * MemoryLayout<Float>.stride)
    unsafe (transfers.baseAddress! + used).initialize(to: Transfer(direction, peer, bytes))
    used += 1
  }

  private func exchange(_ used: Int) throws(GroupError) {
    try unsafe group.exchange(
      Span(_unsafeElements: UnsafeBufferPointer(rebasing: transfers[..<used])), tag: MessageTag.reducer,
      timeout: timeout)
  }
}
