import Collectives
import Datasets
import Execution

/// The gradient of a global batch over all ranks: this rank's shards one by one, then the sum over everyone's, bucket by
/// bucket in the order in which backward makes gradients ready.
final class BatchGradient {
  let replica: Replica
  private let reducer: any ShardReducer
  private let buckets: Buckets

  init(_ replica: Replica, _ reducer: any ShardReducer) {
    self.replica = replica
    self.reducer = reducer
    let store = replica.store
    let ready = ParameterStore.readyOrder(store.graph).map { store.offsets[$0] }
    buckets = Buckets(boundaries: ready, end: store.slotElementCount)
    replica.count(reducer)
  }

  /// This rank's shards in the order in which they are to be computed.
  var schedule: AccumulationSchedule { reducer.schedule }

  /// Computes one shard and adds what the schedule wants added behind it.
  func compute(
    _ entry: AccumulationSchedule.Step, _ buffer: SampleBuffer, _ places: Range<Int>, dropout: DropoutState
  ) throws {
    try replica.compute(entry.shard, buffer, places, slot: entry.slot, dropout: dropout)
    try replica.store.withSlots { slots in
      let stride = replica.store.slotElementCount
      try reducer.merge(entry, &slots, stride: stride, elements: 0..<stride)
    }
  }

  /// Sums gradients, loss and flag over all ranks. Collective; afterwards slot 0 holds the batch's.
  func reduce() throws {
    for bucket in buckets.ranges {
      try replica.store.withSlots { slots in
        try reducer.allReduce(&slots, stride: replica.store.slotElementCount, elements: bucket)
      }
    }
  }

  /// The mean loss of the batch, once reduced.
  var loss: Double { replica.store.withSlot(0) { Double($0[replica.store.elementCount]) } }

  /// A wish that travels with the gradients: set by a rank before `reduce`, seen by all behind it.
  var isFlagged: Bool {
    get { replica.store.withSlot(0) { $0[replica.store.elementCount + 1] != 0 } }
    set { replica.store.withSlot(0) { $0[replica.store.elementCount + 1] = newValue ? 1 : 0 } }
  }
}
