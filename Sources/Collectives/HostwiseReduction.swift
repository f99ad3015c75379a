/// Sums vectors of ranks of several hosts along the canonical tree: inside a host through memory that its ranks share,
/// between hosts by messages.
///
/// The elements are cut into as many parts as the smallest host has ranks. Rank i of each host adds up part i of what its
/// host's ranks bring, as far as the tree allows it: to the sums of the maximal subtrees inside the host's shards. The
/// ranks i of all hosts exchange those, and write their part of the total where all of their host see it. So what a host
/// sends does not grow with its ranks, and all of them send at once.
///
/// Slots in shared memory are read and written in place; others are copied through it, chunk by chunk.
@safe final class HostwiseReduction {
  private let flags: HostFlags
  /// How many sums each rank of the host brings, by place, and the additions that make each sum of the host.
  private let sumCounts: [Int]
  private let hostSums: [HostSum]
  private let messages: MessageReduction
  private let parts: Int
  /// The host's sums of the part of this rank, one behind the other.
  private let room: UnsafeMutableBufferPointer<Float>
  private let roomStride: Int
  private let chunkCount: Int
  /// Which of two buffers the next chunk takes.
  private var parity = 0
  private var slots: SharedMemory?

  /// The sums of the host's ranks that are under one node of the tree.
  private struct HostSum {
    let sums: Range<Int>
    let adder: TreeAdder
  }

  /// Why ranks cannot reduce this way; nil if they can.
  /// - Parameter hosts: of each rank.
  static func obstacle(hosts: [Int]) -> String? {
    let changes = zip(hosts, hosts.dropFirst()).count { $0 != $1 }
    return changes + 1 == Set(hosts).count ? nil : "ranks of a host that do not follow each other"
  }

  /// Collective.
  /// - Parameters:
  ///   - hosts: of each rank; those of a host follow each other.
  ///   - ranges: the shards of each rank.
  ///   - maximumCount: the most elements of a call.
  init(
    group: any Group, hosts: [Int], tree: CanonicalTree, ranges: [Range<Int>], maximumCount: Int, timeout: Duration
  ) throws(GroupError) {
    var ranks: [[Int]] = []
    for rank in hosts.indices {
      if rank > 0, hosts[rank] == hosts[rank - 1] { ranks[ranks.count - 1].append(rank) } else { ranks.append([rank]) }
    }
    let parts = ranks.map(\.count).min() ?? 1
    let own = ranks.firstIndex { $0.contains(group.rank) } ?? 0
    // Of each host, all its shards: they follow each other as its ranks do.
    let nodes = ranks.map { ranks in
      tree.maximalSubtrees(in: ranges[ranks[0]].lowerBound..<ranges[ranks[ranks.count - 1]].upperBound)
    }
    var leaves: [[Range<Int>]] = []
    for rank in ranks[own] { leaves.append(tree.maximalSubtrees(in: ranges[rank])) }
    sumCounts = leaves.map(\.count)
    let sums = Array(leaves.joined())
    var first = 0
    hostSums = nodes[own].map { node in
      let inside = sums[first...].prefix { $0.clamped(to: node) == $0 }
      first += inside.count
      return HostSum(
        sums: inside.indices,
        adder: TreeAdder(sumCount: inside.count, merges: tree.merges(of: Array(inside), under: node), totalCount: 1))
    }
    self.parts = parts
    let part = Slices(count: maximumCount, parts: parts).largest
    let place = group.rank - ranks[own][0]
    messages = MessageReduction(
      group: group, members: place < parts ? ranks.map { $0[place] } : [group.rank],
      sumCounts: place < parts ? nodes.map(\.count) : [0],
      merges: place < parts ? tree.merges(of: Array(nodes.joined())) : [], maximumCount: part, timeout: timeout)
    roomStride = (part + 15) / 16 * 16
    unsafe room = .allocate(capacity: place < parts ? nodes[own].count * roomStride : 0)
    chunkCount = min(Self.chunkCount, maximumCount)
    let copies = 2 * ((sumCounts.max() ?? 1) + 1) * chunkCount
    flags = try HostFlags(group: group, roomBytes: copies * MemoryLayout<Float>.stride, timeout: timeout)
  }

  deinit { unsafe room.deallocate() }

  /// Elements of a chunk of slots that are not in shared memory.
  static let chunkCount = 1 << 18

  /// What the reduction allocates on this rank.
  var byteCount: Int {
    unsafe flags.memory.part(flags.place).count + room.count * MemoryLayout<Float>.stride + messages.byteCount
  }

  /// Slots that begin where this rank's part of `memory` does are reduced in place from now on.
  func adopt(_ memory: SharedMemory) { slots = memory }

  /// Replaces elements of slot 0 by the sum over all ranks.
  /// - Parameter base: of slot 0; sum i begins at base + i × stride.
  func allReduce(_ base: UnsafeMutablePointer<Float>, stride: Int, elements: Range<Int>) throws(GroupError) {
    let own = unsafe base + elements.lowerBound
    let shared = slots.flatMap { unsafe $0.floats.baseAddress == base ? $0 : nil }
    try flags.begin(
      HostFlags.Call(count: elements.count, first: elements.lowerBound, stride: shared == nil ? -1 : stride))
    guard let shared else { return try unsafe reduceInChunks(own, stride: stride, elements.count) }
    try unsafe reducePart(elements.count) { place, index in
      let call = flags.call(place)
      return unsafe shared.part(place).bindMemory(to: Float.self).baseAddress! + call.first + index * call.stride
    } total: { place in
      unsafe shared.part(place).bindMemory(to: Float.self).baseAddress! + flags.call(place).first
    }
    try flags.arrive(elements.count)
  }

  private func reduceInChunks(
    _ own: UnsafeMutablePointer<Float>, stride: Int, _ count: Int
  ) throws(GroupError) {
    let totals = sumCounts.max() ?? 1
    for first in Swift.stride(from: 0, to: count, by: chunkCount) {
      let length = min(chunkCount, count - first)
      // Who comes to the second chunk after this has passed an arrival behind it, so all have read what is overwritten.
      let start = parity * (totals + 1) * chunkCount
      parity ^= 1
      for index in 0..<sumCounts[flags.place] {
        unsafe (floats(flags.place) + start + index * chunkCount).update(
          from: own + index * stride + first, count: length)
      }
      try flags.arrive(count)
      try unsafe reducePart(length) { place, index in
        unsafe floats(place) + start + index * chunkCount
      } total: { place in
        unsafe floats(place) + start + totals * chunkCount
      }
      try flags.arrive(count)
      unsafe (own + first).update(from: floats(flags.place) + start + totals * chunkCount, count: length)
    }
  }

  /// Sums this rank's part of `count` elements over all ranks, and writes it to all of its host.
  /// - Parameters:
  ///   - sum: element 0 of a sum of the rank at a place of the host.
  ///   - total: where element 0 of the total goes for the rank at a place.
  private func reducePart(
    _ count: Int, sum: (_ place: Int, _ index: Int) -> UnsafeMutablePointer<Float>,
    total: (_ place: Int) -> UnsafeMutablePointer<Float>
  ) throws(GroupError) {
    let part = Slices(count: count, parts: parts)[flags.place]
    guard !part.isEmpty, let base = unsafe room.baseAddress else { return }
    var addresses: [UnsafeMutablePointer<Float>] = unsafe []
    for (place, sums) in sumCounts.enumerated() {
      for index in 0..<sums { unsafe addresses.append(sum(place, index) + part.lowerBound) }
    }
    for (index, hostSum) in hostSums.enumerated() {
      for sum in hostSum.sums { unsafe hostSum.adder.set(sum - hostSum.sums.lowerBound, addresses[sum]) }
      unsafe hostSum.adder.setTotal(base + index * roomStride)
      hostSum.adder.add(0..<part.count, streams: false)
    }
    try unsafe messages.reduce(base, stride: roomStride, count: part.count)
    for place in sumCounts.indices { unsafe (total(place) + part.lowerBound).update(from: base, count: part.count) }
  }

  private func floats(_ place: Int) -> UnsafeMutablePointer<Float> {
    unsafe flags.room(place).assumingMemoryBound(to: Float.self)
  }
}
