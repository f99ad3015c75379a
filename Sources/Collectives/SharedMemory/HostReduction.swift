import CSharedMemory

/// Sums vectors of all ranks of a host along a tree, through memory that they share.
///
/// Three ways, by size and by where the vectors are:
/// - few elements: each rank copies its sums where all can read them, and each adds up everything. One wait.
/// - slots in shared memory: the elements are cut into slices and blocks; a rank adds up a block straight from the slots
///   of all ranks and writes the total to slot 0 of each. Blocks go to whoever is free, so a rank that has no core does
///   not hold up the others. Two waits; every byte is read once and written once.
/// - slots elsewhere: the same by way of a buffer in shared memory, chunk by chunk.
///
/// Each element is added up in the order of the tree whoever does it, so all ways give the same bits.
@safe final class HostReduction {
  private let flags: HostFlags
  /// How many sums each rank brings, by place, and the additions over all of them.
  private let sumCounts: [Int]
  private let adder: TreeAdder
  private let directLimit: Int
  private let chunkCount: Int
  private var slots: SharedMemory?
  private var calls = 0

  /// Collective.
  /// - Parameters:
  ///   - sumCounts: by place.
  ///   - merges: over the sums in the order of the places.
  ///   - maximumCount: the most elements of a call.
  init(
    group: any Group, sumCounts: [Int], merges: [AccumulationSchedule.Merge], maximumCount: Int, timeout: Duration
  ) throws(GroupError) {
    let largest = sumCounts.max() ?? 1
    directLimit = min(Self.directLimit(sumCounts.count), maximumCount)
    chunkCount = maximumCount > directLimit ? min(Self.chunkCount, maximumCount) : 0
    self.sumCounts = sumCounts
    adder = TreeAdder(sumCount: sumCounts.reduce(0, +), merges: merges, totalCount: sumCounts.count)
    let floats = 2 * largest * Self.padded(directLimit) + 2 * (largest + 1) * Self.padded(chunkCount)
    flags = try HostFlags(group: group, roomBytes: floats * MemoryLayout<Float>.stride, timeout: timeout)
  }

  /// Bytes of shared memory that this rank adds.
  var byteCount: Int { unsafe flags.memory.part(flags.place).count }

  /// Slots that begin where this rank's part of `memory` does are reduced in place from now on.
  func adopt(_ memory: SharedMemory) { slots = memory }

  /// Replaces elements of slot 0 by the sum over all ranks.
  /// - Parameter base: of slot 0; result i begins at base + i × stride.
  func allReduce(_ base: UnsafeMutablePointer<Float>, stride: Int, elements: Range<Int>) throws(GroupError) {
    calls += 1
    let own = unsafe base + elements.lowerBound
    let isShared = slots.map { unsafe $0.floats.baseAddress == base } ?? false
    let call = HostFlags.Call(count: elements.count, first: elements.lowerBound, stride: isShared ? stride : -1)
    if elements.count <= (isShared ? min(directLimit, Self.sharedDirectLimit) : directLimit) {
      try unsafe addDirectly(own, stride: stride, call)
    } else {
      try flags.begin(call)
      if let slots, isShared {
        try addInPlace(slots, elements.count)
      } else {
        try unsafe addInChunks(own, stride: stride, elements.count)
      }
    }
  }

  private func addDirectly(_ own: UnsafeMutablePointer<Float>, stride: Int, _ call: HostFlags.Call) throws(GroupError) {
    let count = call.count
    let length = Self.padded(directLimit)
    // Who comes to the second call after this has passed the next one, so all have read what is overwritten there.
    let start = (calls & 1) * length * (sumCounts.max() ?? 1)
    for index in 0..<sumCounts[flags.place] {
      unsafe (floats(flags.place) + start + index * length).update(from: own + index * stride, count: count)
    }
    try flags.begin(call)
    for (place, sums) in sumCounts.enumerated() {
      for index in 0..<sums { unsafe adder.set(place, index, floats(place) + start + index * length, sumCounts) }
    }
    unsafe adder.setTotal(own)
    adder.add(0..<count, streams: false)
  }

  private func addInPlace(_ slots: SharedMemory, _ count: Int) throws(GroupError) {
    for (place, sums) in sumCounts.enumerated() {
      let call = flags.call(place)
      guard let base = unsafe slots.part(place).bindMemory(to: Float.self).baseAddress else { continue }
      for index in 0..<sums { unsafe adder.set(place, index, base + call.first + index * call.stride, sumCounts) }
      unsafe adder.setTotal(place, base + call.first)
    }
    try addBlocks(count) { _ in }
  }

  private func addInChunks(
    _ own: UnsafeMutablePointer<Float>, stride: Int, _ count: Int
  ) throws(GroupError) {
    let length = Self.padded(chunkCount)
    let largest = sumCounts.max() ?? 1
    let room = 2 * largest * Self.padded(directLimit)
    var parity = 0
    for first in Swift.stride(from: 0, to: count, by: chunkCount) {
      let part = min(chunkCount, count - first)
      let start = room + parity * (largest + 1) * length
      for index in 0..<sumCounts[flags.place] {
        unsafe (floats(flags.place) + start + index * length).update(from: own + index * stride + first, count: part)
      }
      try flags.arrive(count)
      for (place, sums) in sumCounts.enumerated() {
        for index in 0..<sums { unsafe adder.set(place, index, floats(place) + start + index * length, sumCounts) }
      }
      let total = start + largest * length
      try addBlocks(part) { slice in unsafe adder.setTotal(floats(slice) + total) }
      let slices = Slices(count: part, parts: flags.rankCount)
      for place in 0..<flags.rankCount {
        let slice = slices[place]
        unsafe (own + first + slice.lowerBound).update(
          from: floats(place) + total + slice.lowerBound, count: slice.count)
      }
      parity ^= 1
    }
  }

  /// Adds up `count` elements, block by block, together with the other ranks.
  /// - Parameter prepare: called before blocks of a slice are added.
  private func addBlocks(_ count: Int, prepare: (Int) -> Void) throws(GroupError) {
    let slices = Slices(count: count, parts: flags.rankCount)
    let block = Self.blockCount(slices.largest)
    let streams = count * MemoryLayout<Float>.stride >= Self.streamBytes
    flags.beginRound()
    for distance in 0..<flags.rankCount {
      let slice = (flags.place + distance) % flags.rankCount
      let elements = slices[slice]
      let blocks = (elements.count + block - 1) / block
      let ticket = unsafe flags.ticket(slice)
      let done = unsafe flags.done(slice)
      prepare(slice)
      while let taken = unsafe ticket.take(below: blocks) {
        let first = elements.lowerBound + taken * block
        adder.add(first..<min(first + block, elements.upperBound), streams: streams)
        unsafe done.increment(target: UInt32(blocks))
      }
    }
    try flags.endRound(blocks: { (slices[$0].count + block - 1) / block }, count: count)
  }

  private func floats(_ place: Int) -> UnsafeMutablePointer<Float> {
    unsafe flags.room(place).assumingMemoryBound(to: Float.self)
  }

  /// Whole pages, so that the vectors of a rank are equally aligned.
  private static func padded(_ count: Int) -> Int { (count + 1023) / 1024 * 1024 }

  /// Up to how many elements each rank adds up everything.
  static func directLimit(_ rankCount: Int) -> Int { 8192 / rankCount }

  /// The same for slots in shared memory, which need no copy to be reduced in slices: 64 KiB in slices take less time than
  /// 16 KiB this way (2 ranks on 2 cores: 1.1 against 1.5 µs).
  static let sharedDirectLimit = 256

  /// Elements of a chunk of slots that are not in shared memory.
  static let chunkCount = 1 << 16

  /// From how many bytes on the totals go past the caches.
  static let streamBytes = 1 << 40

  private static func blockCount(_ slice: Int) -> Int {
    min(16384, max(1024, (slice / 4 + 15) / 16 * 16))
  }
}
