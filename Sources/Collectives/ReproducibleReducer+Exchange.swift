/// The two ways over the ranks. All pointers point into the slots of the caller or the room of the reducer.
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
    for distance in 1..<group.rankCount {
      let (destination, source) = peers(distance)
      let theirs = slices[source]
      unsafe add(.send, destination, own.base + mine.lowerBound, mine.count)
      unsafe add(.receive, source, own.base + theirs.lowerBound, theirs.count)
    }
    try move()
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
    for distance in 1..<group.rankCount {
      let (destination, source) = peers(distance)
      let sent = part(destination)
      let base = firstSum(of: source)
      for index in 0..<sumCounts[rank] { unsafe add(.send, destination, own[index] + sent.lowerBound, sent.count) }
      for index in 0..<sumCounts[source] { unsafe add(.receive, source, sums[base + index], count) }
    }
    try move()
  }

  private func add(_ direction: Transfer.Direction, _ peer: Int, _ floats: UnsafeMutablePointer<Float>, _ count: Int) {
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: floats, count: count * MemoryLayout<Float>.stride)
    transfers.append(unsafe Transfer(direction, peer, bytes))
  }

  /// Makes the transfers that were added, all at once.
  private func move() throws(GroupError) {
    defer { transfers.removeAll(keepingCapacity: true) }
    try group.exchange(transfers.span, tag: MessageTag.reducer, timeout: timeout)
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

  private func peers(_ distance: Int) -> (destination: Int, source: Int) {
    let count = group.rankCount
    return ((group.rank + distance) % count, (group.rank + count - distance) % count)
  }

  private func firstSum(of rank: Int) -> Int {
    var first = 0
    for earlier in 0..<rank { first += sumCounts[earlier] }
    return first
  }
}
