import Collectives
import Datasets
import Execution
import Jobs
import ModelGraph
import Units

/// The gradient of a global batch over all ranks: this rank's shards one by one, then the sum over everyone's, bucket by
/// bucket in the order in which backward makes gradients ready.
///
/// With overlap a bucket goes out on the communication thread once the backward of the rank's last shard has written it:
/// what its schedule adds behind that shard is added there too. The kernels write other parts of the slots meanwhile.
final class BatchGradient {
  /// What a step's reduction came to.
  struct Times: Hashable {
    /// In all-reduces and the exchange of updated parameters, waiting for other ranks included.
    var communication = Seconds(0)
    /// What of it the compute thread waited for.
    var exposed = Seconds(0)
  }

  let replica: Replica
  let buckets: Buckets
  private let timelines: Timelines?
  /// This rank's shards in the order in which they are to be computed.
  let schedule: AccumulationSchedule
  private let group: any Group
  private let thread: CommunicationThread?
  private let work: BucketWork
  /// The step of the program that computes the loss; for the rank's last shard, the steps too behind which buckets go
  /// out, all but the last: it takes along what is known behind backward.
  private let marks: [Int]
  private let lastMarks: [Int]
  private(set) var times = Times()

  var isOverlapped: Bool { thread != nil }
  var algorithms: [String] { work.algorithms }

  /// Collective.
  /// - Parameters:
  ///   - shards: those of this rank.
  ///   - timelines: of a traced run.
  init(
    _ replica: Replica, _ settings: GradientSettings, group: any Group, shards: Range<Int>, timelines: Timelines? = nil
  ) throws {
    let store = replica.store
    let compiled = replica.program.compiled
    let gradients = ParameterStore.readyOrder(store.graph).map {
      Buckets.Gradient(start: store.offsets[$0], step: compiled.gradientSteps[$0])
    }
    let wantsOverlap = group.rankCount > 1 ? try group.allReduce(Int32(settings.overlaps ? 1 : 0), .maximum) > 0 : false
    // Loss and statistics are never rounded.
    let exactStart = settings.precision == .float32 ? nil : store.parameterEnd
    var wanted = settings.bucket ?? BucketChoice.largest
    if wantsOverlap, settings.bucket == nil {
      wanted = try BucketChoice.agreed(
        gradients, split: exactStart, settings, group: group, shards: shards, replica: replica)
    }
    let buckets = Buckets(gradients, end: store.slotElementCount, split: exactStart, byteCount: wanted)
    // A single bucket of gradients is whole when backward is over: nothing would run beside it.
    let isOverlapped = wantsOverlap && buckets.ranges.count > (exactStart == nil ? 1 : 2)
    let reducer = try BucketReducer(
      settings, group: isOverlapped ? try group.duplicate(sleeps: true) : group, shards: shards, buckets: buckets,
      exactStart: exactStart ?? 0)
    if let slots = replica.slots { reducer.adopt(slots) }
    let work = BucketWork(
      store: store, reducer: reducer, buckets: buckets, addsBehind: isOverlapped ? reducer.schedule.steps.last : nil,
      timeline: timelines?.communication)
    self.replica = replica
    self.buckets = buckets
    self.timelines = timelines
    self.group = group
    schedule = reducer.schedule
    self.work = work
    // Every gradient comes behind the loss, which splits the time in forward and backward.
    let lossStep = compiled.lossStep ?? 0
    marks = [lossStep]
    lastMarks = [lossStep] + (isOverlapped ? buckets.readySteps.dropLast().map { max($0, lossStep) } : [])
    thread =
      isOverlapped ? CommunicationThread(cores: settings.communicationCores) { try work.reduce($0) } : nil
    replica.count(reduction: reducer.byteCount)
  }

  deinit { thread?.close() }

  /// Computes one shard and adds what the schedule wants added behind it. Buckets may go out behind the last.
  /// - Parameter sends: false, on every rank, for a step without `reduce`.
  func compute(
    _ entry: AccumulationSchedule.Step, _ buffer: SampleBuffer, _ places: Range<Int>, dropout: DropoutState,
    sends: Bool = true
  ) throws {
    let isLast = sends && entry.shard == schedule.steps.last?.shard
    let thread = isLast ? thread : nil
    let marks = isLast ? lastMarks : marks
    let start = Timeline.now
    var backward = start
    try replica.compute(entry.shard, buffer, places, slot: entry.slot, dropout: dropout, marks: marks) { mark in
      if mark == 0 { backward = Timeline.now } else { thread?.submit(below: mark) }
    }
    if let timeline = timelines?.compute {
      timeline.append(.forward, index: entry.shard, from: start, to: backward)
      timeline.append(.backward, index: entry.shard, from: backward)
    }
    guard thread == nil else { return }
    try work.add(entry, elements: 0..<replica.store.slotElementCount, timelines?.compute)
  }

  /// Sums gradients, loss and flag over all ranks. Collective; afterwards slot 0 holds the batch's.
  func reduce() throws {
    let start = Timeline.now
    if let thread {
      thread.submit(below: buckets.ranges.count)
      try thread.finish()
    } else {
      for bucket in buckets.ranges.indices { try work.reduce(bucket) }
    }
    let end = Timeline.now
    timelines?.compute.append(.wait, from: start, to: end)
    times = Times(communication: Seconds(Double(work.takeTime()) * 1e-9), exposed: Seconds(Double(end - start) * 1e-9))
  }

  /// Makes up for what this rank has not updated: each sends the others its share of the parameters. Collective; nothing to
  /// do where every rank updates all.
  func gatherParameters() throws {
    let store = replica.store
    guard store.shares.count > 1 else { return }
    let start = Timeline.now
    let count = group.rankCount
    let own = store.shares[group.rank]
    for distance in 1..<count {
      let (destination, source) = ((group.rank + distance) % count, (group.rank + count - distance) % count)
      let theirs = store.shares[source]
      try store.withParameters { parameters in
        try unsafe parameters.withUnsafeMutableBufferPointer { buffer in
          // Shares do not overlap.
          var room = unsafe buffer.extracting(theirs).mutableSpan
          try unsafe group.sendReceive(
            sending: buffer.extracting(own).span, to: destination, receiving: &room, from: source, tag: 2)
        }
      }
    }
    let end = Timeline.now
    timelines?.compute.append(.gather, from: start, to: end)
    let seconds = Seconds(Double(end - start) * 1e-9)
    times.communication += seconds
    times.exposed += seconds
  }

  /// The mean loss of the batch, once reduced.
  var loss: Double { replica.store.withSlot(0) { Double($0[replica.store.elementCount]) } }

  /// A wish that travels with the gradients: set by a rank before `reduce`, seen by all behind it.
  var isFlagged: Bool {
    get { replica.store.withSlot(0) { $0[replica.store.elementCount + 1] != 0 } }
    set { replica.store.withSlot(0) { $0[replica.store.elementCount + 1] = newValue ? 1 : 0 } }
  }
}

/// What is done for a bucket, on whichever thread.
private final class BucketWork {
  private let store: ParameterStore
  private let reducer: BucketReducer
  private let buckets: Buckets
  /// The last shard, if what is added behind it is added bucket by bucket.
  private let addsBehind: AccumulationSchedule.Step?
  private let timeline: Timeline?
  /// Nanoseconds in all-reduces.
  private var time: UInt64 = 0

  init(
    store: ParameterStore, reducer: BucketReducer, buckets: Buckets, addsBehind: AccumulationSchedule.Step?,
    timeline: Timeline?
  ) {
    self.store = store
    self.reducer = reducer
    self.buckets = buckets
    self.addsBehind = addsBehind
    self.timeline = timeline
  }

  var algorithms: [String] { reducer.algorithms }

  func add(_ entry: AccumulationSchedule.Step, elements: Range<Int>, bucket: Int = -1, _ timeline: Timeline?) throws {
    guard reducer.isBusy(behind: entry) else { return }
    let start = Timeline.now
    try store.withSlots { slots in
      try reducer.merge(entry, &slots, stride: store.slotElementCount, elements: elements)
    }
    timeline?.append(.add, index: bucket, from: start)
  }

  func reduce(_ bucket: Int) throws {
    let elements = buckets.ranges[bucket]
    if let addsBehind { try add(addsBehind, elements: elements, bucket: bucket, timeline) }
    let start = Timeline.now
    try store.withSlots { slots in
      try reducer.allReduce(&slots, stride: store.slotElementCount, bucket: elements)
    }
    let end = Timeline.now
    time += end - start
    timeline?.append(.allReduce, index: bucket, from: start, to: end)
  }

  /// The time since the last call; only while the communication thread rests.
  func takeTime() -> UInt64 {
    defer { time = 0 }
    return time
  }
}
