/// Sums the gradients of all shards over all ranks: a schedule for the rank's own shards, then an all-reduce.
///
/// A rank keeps `schedule.slotCount` vectors one behind the other in one buffer, `stride` floats apart. It follows the
/// schedule with `merge`, then calls `allReduce`, which may be done part by part (bucket by bucket) as long as every
/// rank does the parts in the same order.
package protocol ShardReducer: AnyObject {
  var schedule: AccumulationSchedule { get }
  /// How sums go from rank to rank, for people; of schedules those that were used so far.
  var algorithms: [String] { get }

  /// Does what the schedule wants done behind one shard, for some elements of the slots; once for each element.
  func merge(
    _ step: AccumulationSchedule.Step, _ slots: inout MutableSpan<Float>, stride: Int, elements: Range<Int>
  ) throws(GroupError)

  /// Replaces elements `elements` of slot 0 by the sum over the shards of all ranks. The same elements of the other
  /// slots hold intermediate sums afterwards. Collective; one thread at a time.
  ///
  /// - Parameters:
  ///   - slots: slotCount × stride floats.
  ///   - elements: the same number on every rank, inside 0 ..< stride.
  /// - Throws: `GroupError`: `.invalidArgument` for a part that does not fit, or that of the group.
  func allReduce(_ slots: inout MutableSpan<Float>, stride: Int, elements: Range<Int>) throws(GroupError)

  /// Tells the reducer that slots which begin where this rank's part of `slots` does lie in memory that its host shares:
  /// one that can reduces them in place from now on, any other copies them as before. The same on all ranks.
  func adopt(_ slots: SharedMemory)
}

extension Duration {
  /// How long a rank waits for another one in a collective, unless the user says otherwise.
  package static let collectiveTimeout = Duration.seconds(30)
}

extension ShardReducer {
  /// Adds as the schedule says, in float32.
  package func merge(
    _ step: AccumulationSchedule.Step, _ slots: inout MutableSpan<Float>, stride: Int, elements: Range<Int>
  ) throws(GroupError) {
    try checkPart(slots.count, stride: stride, elements: elements)
    unsafe slots.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for merge in step.merges {
        let destination = unsafe base + merge.destination * stride + elements.lowerBound
        let source = unsafe base + merge.source * stride + elements.lowerBound
        unsafe addVectors(destination, source, into: destination, count: elements.count)
      }
    }
  }

  func checkPart(_ slotElements: Int, stride: Int, elements: Range<Int>) throws(GroupError) {
    guard slotElements == schedule.slotCount * stride, elements.clamped(to: 0..<stride) == elements else {
      throw GroupError(
        .invalidArgument,
        "elements \(elements) of slots \(stride) apart in a buffer of \(slotElements) for \(schedule.slotCount) slots",
        remedy: "give slotCount × stride floats and a part of 0..<stride")
    }
  }
}
