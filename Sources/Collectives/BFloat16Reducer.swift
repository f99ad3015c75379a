/// Sums gradients that travel as bfloat16: half the bytes. All additions are in float32.
///
/// Reproducible: every node of the canonical tree, from the shards' gradients to the total, is rounded to bfloat16, on
/// whichever rank it is computed. Any node may be what a rank sends, which depends on the ranks; so that the bits do not,
/// all are rounded, sent or not. A total has as many roundings behind it as the tree has levels, 1 + log2 of the shards, and
/// is within that many times 2⁻⁹ of the largest partial sum.
///
/// Fastest: a rank sums its shards in float32 and rounds what it sends; the sum over the ranks is rounded once more.
///
/// Each rank owns a slice, gets the sums of all for it, and sends the total around: 2 exchanges with each peer.
@safe package final class BFloat16Reducer: ShardReducer {
  package var algorithms: [String] { ["\(ScheduleAlgorithm.canonical.name), by messages"] }
  package let schedule: AccumulationSchedule
  private let group: any Group
  private let isReproducible: Bool
  /// How many sums each rank brings, by rank.
  private let sumCounts: [Int]
  /// The additions over the sums of all ranks, in rank order; the total ends in the first.
  private let merges: [AccumulationSchedule.Merge]
  private let maximumCount: Int
  private let timeout: Duration
  /// What is sent to one peer, and what all of them have sent.
  private let sent: UnsafeMutableBufferPointer<UInt16>
  private let received: UnsafeMutableBufferPointer<UInt16>
  /// A block of each sum of each rank.
  private let block: UnsafeMutableBufferPointer<Float>

  private static let blockCount = 2048

  /// Collective: tells each rank which shards the others have. Later calls allocate nothing.
  ///
  /// - Parameters:
  ///   - isReproducible: whether the bits are the same for any number of ranks.
  ///   - maximumCount: the most elements that one call reduces; the same on every rank.
  ///   - timeout: how long a rank is waited for.
  /// - Throws: as `ReproducibleReducer`.
  package init(
    group: any Group, shardCount: Int, range: Range<Int>, maximumCount: Int, isReproducible: Bool,
    timeout: Duration = .collectiveTimeout
  ) throws(GroupError) {
    let ranges = try ReproducibleReducer.agree(
      group, shardCount: shardCount, range: range, maximumCount: maximumCount)
    self.group = group
    self.isReproducible = isReproducible
    self.maximumCount = maximumCount
    self.timeout = timeout
    if isReproducible {
      let tree = CanonicalTree(shardCount: shardCount)
      schedule = AccumulationSchedule(tree: tree, range: range)
      var leaves: [[Range<Int>]] = []
      for range in ranges { leaves.append(tree.maximalSubtrees(in: range)) }
      sumCounts = leaves.map(\.count)
      merges = tree.merges(of: Array(leaves.joined()))
    } else {
      schedule = AccumulationSchedule(runningSumOver: range)
      sumCounts = ranges.map { _ in 1 }
      merges = (1..<max(1, group.rankCount)).map { .init(source: $0, destination: 0) }
    }
    let slice = Slices(count: maximumCount, parts: group.rankCount).largest
    let isAlone = group.rankCount == 1
    let total = sumCounts.reduce(0, +)
    unsafe sent = .allocate(capacity: isAlone ? 0 : max(1, sumCounts[group.rank]) * slice)
    unsafe received = .allocate(capacity: isAlone ? 0 : (total - sumCounts[group.rank]) * slice)
    unsafe block = .allocate(capacity: isAlone ? 0 : total * Self.blockCount)
  }

  /// What the reducer allocates.
  package var byteCount: Int { unsafe 2 * (sent.count + received.count) + 4 * block.count }

  deinit {
    unsafe sent.deallocate()
    unsafe received.deallocate()
    unsafe block.deallocate()
  }

  /// Messages carry what is rounded, between ranks of one host too.
  package func adopt(_ slots: SharedMemory) {}

  package func merge(
    _ step: AccumulationSchedule.Step, _ slots: inout MutableSpan<Float>, stride: Int, elements: Range<Int>
  ) throws(GroupError) {
    try checkPart(slots.count, stride: stride, elements: elements)
    unsafe slots.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let first = unsafe base + elements.lowerBound
      if isReproducible { unsafe BFloat16Vectors.round(first + step.slot * stride, elements.count) }
      for merge in step.merges {
        let (sum, other) = unsafe (first + merge.destination * stride, first + merge.source * stride)
        if isReproducible {
          unsafe BFloat16Vectors.addRounded(sum, other, elements.count)
        } else {
          unsafe BFloat16Vectors.add(sum, other, elements.count)
        }
      }
    }
  }

  package func allReduce(_ slots: inout MutableSpan<Float>, stride: Int, elements: Range<Int>) throws(GroupError) {
    try checkPart(slots.count, stride: stride, elements: elements)
    guard elements.count <= maximumCount else {
      throw GroupError(
        .invalidArgument, "\(elements.count) elements for a reducer made for \(maximumCount)",
        remedy: "make the reducer for the largest part")
    }
    guard group.rankCount > 1, !elements.isEmpty else { return }
    try unsafe slots.withUnsafeMutableBufferPointer { buffer throws(GroupError) in
      guard let base = buffer.baseAddress else { return }
      let own = unsafe Sums(base: base + elements.lowerBound, stride: stride)
      let slices = Slices(count: elements.count, parts: group.rankCount)
      try unsafe exchangeSums(own, slices)
      unsafe addUp(own, slices[group.rank])
      try unsafe exchangeTotals(own.base, slices)
    }
  }

  /// Sends each rank its slice of this rank's sums, and gets those of all others for the own slice, sum behind sum.
  private func exchangeSums(_ own: Sums, _ slices: Slices) throws(GroupError) {
    let count = slices[group.rank].count
    for distance in 1..<group.rankCount {
      let (destination, source) = peers(distance)
      let part = slices[destination]
      for index in 0..<sumCounts[group.rank] {
        guard let place = unsafe sent.baseAddress else { return }
        unsafe BFloat16Vectors.pack(
          own[index] + part.lowerBound, into: place + index * part.count, part.count)
      }
      try unsafe exchange(
        sent.baseAddress, sumCounts[group.rank] * part.count, destination,
        received.baseAddress.map { unsafe $0 + firstForeignSum(of: source) * count }, sumCounts[source] * count, source)
    }
  }

  /// Adds the sums of all ranks for `slice`, block by block, into this rank's first.
  private func addUp(_ own: Sums, _ slice: Range<Int>) {
    guard let sums = unsafe block.baseAddress, let foreign = unsafe received.baseAddress else { return }
    for start in stride(from: 0, to: slice.count, by: Self.blockCount) {
      let count = min(Self.blockCount, slice.count - start)
      var sum = 0
      for rank in 0..<group.rankCount {
        for index in 0..<sumCounts[rank] {
          let place = unsafe sums + sum * Self.blockCount
          if rank == group.rank {
            unsafe place.update(from: own[index] + slice.lowerBound + start, count: count)
          } else {
            unsafe BFloat16Vectors.unpack(
              foreign + (firstForeignSum(of: rank) + index) * slice.count + start, into: place, count)
          }
          sum += 1
        }
      }
      for merge in merges {
        let (total, other) = unsafe (
          sums + merge.destination * Self.blockCount, sums + merge.source * Self.blockCount
        )
        if isReproducible {
          unsafe BFloat16Vectors.addRounded(total, other, count)
        } else {
          unsafe BFloat16Vectors.add(total, other, count)
        }
      }
      if !isReproducible { unsafe BFloat16Vectors.round(sums, count) }
      unsafe (own.base + slice.lowerBound + start).update(from: sums, count: count)
    }
  }

  /// Sends the own slice of the total around.
  private func exchangeTotals(_ total: UnsafeMutablePointer<Float>, _ slices: Slices) throws(GroupError) {
    let mine = slices[group.rank]
    guard let out = unsafe sent.baseAddress, let room = unsafe received.baseAddress else { return }
    unsafe BFloat16Vectors.pack(total + mine.lowerBound, into: out, mine.count)
    for distance in 1..<group.rankCount {
      let (destination, source) = peers(distance)
      let theirs = slices[source]
      try unsafe exchange(out, mine.count, destination, room, theirs.count, source)
      unsafe BFloat16Vectors.unpack(room, into: total + theirs.lowerBound, theirs.count)
    }
  }

  private func exchange(
    _ out: UnsafeMutablePointer<UInt16>?, _ outCount: Int, _ destination: Int, _ room: UnsafeMutablePointer<UInt16>?,
    _ roomCount: Int, _ source: Int
  ) throws(GroupError) {
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: out, count: 2 * outCount)
    let place = unsafe UnsafeMutableRawBufferPointer(start: room, count: 2 * roomCount)
    let transfers = unsafe [Transfer(.send, destination, bytes), Transfer(.receive, source, place)]
    try group.exchange(transfers.span, tag: MessageTag.reducer, timeout: timeout)
  }

  private func peers(_ distance: Int) -> (destination: Int, source: Int) {
    let count = group.rankCount
    return ((group.rank + distance) % count, (group.rank + count - distance) % count)
  }

  /// How many sums of other ranks lie in `received` before those of `rank`.
  private func firstForeignSum(of rank: Int) -> Int {
    var first = 0
    for earlier in 0..<rank where earlier != group.rank { first += sumCounts[earlier] }
    return first
  }

  /// The sums of this rank: sum i begins at base + i × stride.
  @unsafe private struct Sums {
    let base: UnsafeMutablePointer<Float>
    let stride: Int

    subscript(index: Int) -> UnsafeMutablePointer<Float> { unsafe base + index * stride }
  }
}
