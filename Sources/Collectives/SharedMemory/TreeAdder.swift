import CSharedMemory

/// Adds vectors along a tree, in one pass over memory: the fused loops for few vectors, else block by block in the cache.
@safe final class TreeAdder {
  private let sources: UnsafeMutableBufferPointer<UnsafePointer<Float>?>
  private let totals: UnsafeMutableBufferPointer<UnsafeMutablePointer<Float>?>
  private let current: UnsafeMutableBufferPointer<UnsafePointer<Float>?>
  private let currentTotals: UnsafeMutableBufferPointer<UnsafeMutablePointer<Float>?>
  private let scratch: UnsafeMutableBufferPointer<Float>
  private let merges: [AccumulationSchedule.Merge]
  /// The fused loop; nil if the tree has none.
  private let shape: Int32?
  private var totalCount: Int

  /// Elements of a block that is added up step by step.
  private static let blockCount = 1024

  /// - Parameter totalCount: at most so many vectors get the total.
  init(sumCount: Int, merges: [AccumulationSchedule.Merge], totalCount: Int) {
    self.merges = merges
    self.totalCount = totalCount
    shape = Self.shape(sumCount, merges.map { [$0.destination, $0.source] })
    unsafe sources = .allocate(capacity: sumCount)
    unsafe current = .allocate(capacity: sumCount)
    unsafe totals = .allocate(capacity: totalCount)
    unsafe currentTotals = .allocate(capacity: totalCount)
    unsafe sources.initialize(repeating: nil)
    unsafe current.initialize(repeating: nil)
    unsafe totals.initialize(repeating: nil)
    unsafe currentTotals.initialize(repeating: nil)
    unsafe scratch = .allocate(capacity: shape == nil ? sumCount * Self.blockCount : 0)
  }

  deinit {
    unsafe sources.deallocate()
    unsafe current.deallocate()
    unsafe totals.deallocate()
    unsafe currentTotals.deallocate()
    unsafe scratch.deallocate()
  }

  private static func shape(_ sumCount: Int, _ merges: [[Int]]) -> Int32? {
    switch (sumCount, merges) {
    case (1, _): Int32(csm_one)
    case (2, _): Int32(csm_two)
    case (3, [[0, 1], [0, 2]]): Int32(csm_left_three)
    case (3, [[1, 2], [0, 1]]): Int32(csm_right_three)
    case (4, [[0, 1], [2, 3], [0, 2]]): Int32(csm_four)
    default: nil
    }
  }

  /// Element 0 of sum `index` of the rank at `place`.
  func set(_ place: Int, _ index: Int, _ address: UnsafePointer<Float>, _ sumCounts: [Int]) {
    var first = 0
    for earlier in 0..<place { first += sumCounts[earlier] }
    unsafe sources[first + index] = unsafe address
  }

  /// Element 0 of sum `index` of all.
  func set(_ index: Int, _ address: UnsafePointer<Float>) { unsafe sources[index] = unsafe address }

  /// Element 0 of total `index` of as many as were asked for.
  func setTotal(_ index: Int, _ address: UnsafeMutablePointer<Float>) {
    unsafe totals[index] = unsafe address
    totalCount = unsafe totals.count
  }

  /// The only total from now on.
  func setTotal(_ address: UnsafeMutablePointer<Float>) {
    unsafe totals[0] = unsafe address
    totalCount = 1
  }

  /// - Parameter streams: whether the totals go past the caches.
  func add(_ elements: Range<Int>, streams: Bool) {
    let streams: Int32 = streams ? 1 : 0
    if let shape {
      move(elements.lowerBound)
      call(shape, elements.count, streams)
      return
    }
    for first in stride(from: elements.lowerBound, to: elements.upperBound, by: Self.blockCount) {
      let count = min(Self.blockCount, elements.upperBound - first)
      move(first)
      for merge in merges {
        guard let left = unsafe current[merge.destination], let right = unsafe current[merge.source],
          let room = unsafe scratch.baseAddress
        else { return }
        let sum = unsafe room + merge.destination * Self.blockCount
        unsafe addVectors(left, right, into: sum, count: count)
        unsafe current[merge.destination] = unsafe UnsafePointer(sum)
      }
      call(Int32(csm_one), count, streams)
    }
  }

  private func move(_ first: Int) {
    for index in unsafe sources.indices { unsafe current[index] = unsafe sources[index].map { unsafe $0 + first } }
    for index in 0..<totalCount { unsafe currentTotals[index] = unsafe totals[index].map { unsafe $0 + first } }
  }

  private func call(_ shape: Int32, _ count: Int, _ streams: Int32) {
    unsafe csm_add(current.baseAddress, shape, currentTotals.baseAddress, totalCount, count, streams)
  }
}
