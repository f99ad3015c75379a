import Collectives
import CostModel
import Execution
import ModelGraph
package import Units

/// How large buckets are where no job says: as large as lets a step end soonest.
///
/// Small buckets leave little for the time behind backward, in which nothing hides the last one; each costs the latency of
/// its messages. Each size is cut as it would be, and timed by the cost model's timeline: what is computed until a bucket is
/// whole by the operations' work at the speed of this machine, and its all-reduce by what all-reduces of this group took.
package struct BucketChoice: Hashable, Sendable {
  /// A size, and the time of a backward with it, reductions included.
  package struct Candidate: Hashable, Sendable {
    package let byteCount: Bytes
    package let seconds: Seconds
  }

  /// The smallest first.
  package let candidates: [Candidate]
  package let chosen: Bytes

  /// Of buckets that go out when backward is over: few, of a size behind which time per byte falls no more (DDP's default;
  /// Li et al. 2020, "PyTorch Distributed", §5.2) and that bounds the room to receive them in.
  package static let largest = Bytes(25_000_000)

  private static let sizes = [0.25, 0.5, 1, 2, 4, 8, 16, 25].map { Bytes(Int($0 * 1e6)) }

  /// - Parameters:
  ///   - gradients, end, split: as `Buckets` takes them.
  ///   - stepTimes: of each step of the program.
  ///   - lossStep: behind which backward begins.
  ///   - reduce: how long an all-reduce of so many bytes takes.
  package init(
    _ gradients: [Buckets.Gradient], end: Int, split: Int? = nil, stepTimes: [Seconds], lossStep: Int,
    reduce: (Bytes) -> Seconds
  ) {
    candidates = Self.sizes.map { size in
      let buckets = Buckets(gradients, end: end, split: split, byteCount: size)
      var next = lossStep + 1
      var layers: [(time: Seconds, gradient: Bytes)] = []
      for (range, ready) in zip(buckets.ranges, buckets.readySteps) {
        let last = max(next, ready + 1)
        layers.append(
          (stepTimes[min(next, stepTimes.count)..<min(last, stepTimes.count)].sum(), Bytes(4 * range.count)))
        next = last
      }
      // Loss and statistics go last, when all is computed.
      let rest = stepTimes[min(next, stepTimes.count)...].sum()
      if let last = layers.indices.last { layers[last].time = layers[last].time + rest }
      let timeline = BucketTimeline(layers: layers, bucketBytes: Bytes(1), reduce: reduce)
      return Candidate(byteCount: size, seconds: timeline.total)
    }
    let least = candidates.map(\.seconds).min() ?? .zero
    // Of sizes that come out alike the largest: messages take time of the cores, too.
    chosen = candidates.last { $0.seconds <= least * 1.005 }?.byteCount ?? Self.largest
  }
}

/// What an all-reduce of a group takes: a time for any number of bytes, and a time a byte.
struct ReductionSpeed {
  let fixed: Double
  let perByte: Double

  /// Times two sizes on the slots of a rank, which must hold nothing yet. Collective.
  init(_ settings: GradientSettings, group: any Group, shards: Range<Int>, replica: Replica) throws {
    let store = replica.store
    var times: [(bytes: Double, seconds: Double)] = []
    for wanted in [16_384, 524_288] {
      let count = min(wanted, store.slotElementCount)
      let reducer = try BucketReducer(
        settings, group: group, shards: shards,
        buckets: Buckets([Buckets.Gradient(start: 0, step: nil)], end: count, byteCount: Bytes(4 * count)),
        exactStart: .max)
      if let slots = replica.slots { reducer.adopt(slots) }
      var least = Double.infinity
      for _ in 0..<3 {
        try group.barrier()
        let time = try ContinuousClock().measure {
          try store.withSlots { slots in
            try reducer.allReduce(&slots, stride: store.slotElementCount, bucket: 0..<count)
          }
        }
        least = min(least, Seconds(time).count)
      }
      times.append((Double(4 * count), least))
    }
    perByte = max(0, (times[1].seconds - times[0].seconds) / max(1, times[1].bytes - times[0].bytes))
    fixed = max(0, times[0].seconds - perByte * times[0].bytes)
  }

  func time(_ bytes: Bytes) -> Seconds { Seconds(fixed + perByte * Double(bytes.count)) }
}

extension BucketChoice {
  /// The size that rank 0 finds best, on every rank. Collective; a fraction of a second and six all-reduces.
  static func agreed(
    _ gradients: [Buckets.Gradient], split: Int?, _ settings: GradientSettings, group: any Group, shards: Range<Int>,
    replica: Replica
  ) throws -> Bytes {
    let speed = try ReductionSpeed(settings, group: group, shards: shards, replica: replica)
    let compiled = replica.program.compiled
    let choice = BucketChoice(
      gradients, end: replica.store.slotElementCount, split: split,
      stepTimes: compiled.stepTimes(
        operationsPerSecond: try replica.program.matrixProductSpeed(side: 512, precision: .float32, repetitions: 3),
        bytesPerSecond: replica.program.copySpeed()),
      lossStep: compiled.lossStep ?? 0, reduce: speed.time)
    return Bytes(count: try group.allReduce(group.rank == 0 ? choice.chosen.count : 0, .maximum))
  }
}
