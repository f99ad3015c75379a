package import Units

/// What a loaded step is: its place in the run and how its samples lie in the buffers.
package struct LoadedStep: Hashable, Sendable {
  package let epoch: Int
  /// Step within the epoch.
  package let step: Int
  /// Steps since the start of the run: epoch × steps per epoch + step.
  package let globalStep: Int
  /// The shards whose samples are in the buffers, one shard after another.
  package let shards: Range<Int>
  package let samplesPerShard: Int
  /// Samples that count, first in the buffer; those after them are padding (zeros), in evaluation only.
  package let validCount: Int
  /// How long the consumer had to wait for this step.
  package let waited: Seconds

  /// Where the samples of `shard` (its number in the global batch) are in the step's buffer.
  package func places(ofShard shard: Int) -> Range<Int> {
    precondition(shards.contains(shard), "shard \(shard) is not one of \(shards)")
    let start = (shard - shards.lowerBound) * samplesPerShard
    return start..<start + samplesPerShard
  }

  /// How many samples of `shard` count.
  package func validCount(ofShard shard: Int) -> Int {
    places(ofShard: shard).clamped(to: 0..<validCount).count
  }
}

/// Loads the samples of a rank's shards ahead of time, on a thread of its own, epoch after epoch.
///
/// One consumer, which may block. Buffers are allocated at the start and used again; a step allocates nothing, an epoch
/// its permutation. Closing, or releasing the loader, ends and joins the thread.
package final class BatchLoader {
  private let order: DataOrder
  private let shards: Range<Int>
  private let ring: BatchRing
  private var thread: JoinableThread?
  private var globalStep: Int

  /// - Parameters:
  ///   - source: where samples come from; `order.sampleCount` of them.
  ///   - shards: contiguous shards of 0..<`order.shardCount`, as `shards(of:rankCount:shardCount:)` gives them.
  ///   - start: global step to begin with: 0, or where a checkpoint was taken.
  ///   - end: global step to stop before; nil to go on for ever.
  ///   - depth: how many steps may be ready or in use.
  /// - Throws: `BatchLoaderError` with code `.cannotStartThread`.
  package init(
    source: any SampleSource, order: DataOrder, shards: Range<Int>, from start: Int = 0, to end: Int? = nil,
    depth: Int = 3
  ) throws(BatchLoaderError) {
    precondition(
      source.count == order.sampleCount, "the order is for \(order.sampleCount) samples, not \(source.count)")
    precondition(
      shards.lowerBound >= 0 && shards.upperBound <= order.shardCount, "there are \(order.shardCount) shards")
    precondition(start >= 0 && depth > 0)
    self.order = order
    self.shards = shards
    globalStep = start
    let ring = BatchRing(depth: depth, fields: source.fields, capacity: shards.count * order.samplesPerShard)
    self.ring = ring
    thread = nil
    thread = try JoinableThread { Self.produce(source, order, shards, start..<(end ?? .max), into: ring) }
  }

  deinit { close() }

  /// Calls `body` with the next step's samples of all shards of this loader; the buffer is `body`'s until it returns.
  ///
  /// - Returns: what `body` returns; nil after the last step.
  /// - Throws: what loading this step threw; `BatchLoaderError` with code `.closed`; what `body` throws.
  package func withNext<Result>(
    _ body: (LoadedStep, SampleBuffer) throws -> Result
  ) throws -> Result? {
    let clock = ContinuousClock()
    let asked = clock.now
    guard let buffer = try ring.nextToConsume() else { return nil }
    let (epoch, step) = globalStep.quotientAndRemainder(dividingBy: order.stepsPerEpoch)
    let loaded = LoadedStep(
      epoch: epoch, step: step, globalStep: globalStep, shards: shards, samplesPerShard: order.samplesPerShard,
      validCount: order.places(step: step, shards: shards).count,
      waited: Seconds(clock.now - asked))
    globalStep += 1
    defer { ring.release() }
    return try body(loaded, buffer)
  }

  /// Ends and joins the thread; steps that were loaded ahead are dropped. May be called again.
  package func close() {
    ring.close()
    if let thread = thread.take() { thread.join() }
  }

  /// The thread's body.
  private static func produce(
    _ source: any SampleSource, _ order: DataOrder, _ shards: Range<Int>, _ steps: Range<Int>, into ring: BatchRing
  ) {
    var current = -1
    var samples: [UInt32] = []
    do {
      for globalStep in steps {
        guard let buffer = ring.nextToFill() else { return }
        let (epoch, step) = globalStep.quotientAndRemainder(dividingBy: order.stepsPerEpoch)
        if epoch != current {
          samples = order.samples(epoch: epoch)
          current = epoch
        }
        let places = order.places(step: step, shards: shards)
        try source.load(samples.span.extracting(places), epoch: epoch, into: buffer)
        buffer.clear(from: places.count)
        ring.publish()
      }
      ring.end(.success(()))
    } catch {
      ring.end(.failure(error))
    }
  }
}

/// Why a loader cannot start or go on.
package struct BatchLoaderError: Error, Hashable, CustomStringConvertible {
  package enum Code: String, Sendable { case cannotStartThread, closed }
  package let code: Code
  package let reason: String

  package var description: String {
    switch code {
    case .cannotStartThread:
      "the loader's thread cannot be started (\(reason)); raise the limit on processes (ulimit -u) or use fewer ranks"
    case .closed: "the loader was asked for a step after its end (\(reason)); make a new one"
    }
  }
}
