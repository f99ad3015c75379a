import Randomness

/// Which samples make up which step: the same on any number of ranks.
///
/// A global batch is a contiguous piece of the epoch's order, and is cut into `shardCount` contiguous shards of equal
/// size. In training the order is a seeded permutation, another one for each epoch; the last incomplete batch of an
/// epoch is dropped, and as each epoch shuffles anew no sample is left out for good. In evaluation the order is that of
/// the files, and the last batch is filled up with padding that does not count.
///
/// In streams samples are consecutive pieces of one long sequence, which is cut into as many equal runs of pieces as a
/// batch has samples: place b of each batch goes on where place b of the batch before ended (as `batchify` of PyTorch's
/// language-model example). What is left over is dropped; each epoch begins a piece later than the one before, up to as
/// many as are left over, so that no piece is left out for good.
package struct DataOrder: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case training(seed: UInt64)
    case streams
    case evaluation
  }

  package let kind: Kind
  package let sampleCount: Int
  package let batchSize: Int
  package let shardCount: Int

  /// - Throws: `DataOrderError` if shards would be unequal or empty, or there is not one whole batch to train on.
  package init(kind: Kind, sampleCount: Int, batchSize: Int, shardCount: Int) throws(DataOrderError) {
    guard sampleCount > 0, batchSize > 0, shardCount > 0, sampleCount <= Int(UInt32.max) else {
      throw DataOrderError(code: .notPositive, sampleCount: sampleCount, batchSize: batchSize, shardCount: shardCount)
    }
    guard batchSize % shardCount == 0 else {
      throw DataOrderError(code: .unequalShards, sampleCount: sampleCount, batchSize: batchSize, shardCount: shardCount)
    }
    guard kind != .streams || 2 * batchSize <= sampleCount else {
      throw DataOrderError(code: .shortStreams, sampleCount: sampleCount, batchSize: batchSize, shardCount: shardCount)
    }
    guard kind == .evaluation || batchSize <= sampleCount else {
      throw DataOrderError(code: .noWholeBatch, sampleCount: sampleCount, batchSize: batchSize, shardCount: shardCount)
    }
    self.kind = kind
    self.sampleCount = sampleCount
    self.batchSize = batchSize
    self.shardCount = shardCount
  }

  package var samplesPerShard: Int { batchSize / shardCount }

  /// Training: whole batches only. Evaluation: as many as hold every sample.
  package var stepsPerEpoch: Int {
    switch kind {
    case .training, .streams: sampleCount / batchSize
    case .evaluation: (sampleCount + batchSize - 1) / batchSize
    }
  }

  /// The samples of `epoch` in order, each of 0..<`sampleCount` once; in streams those of whole batches only.
  package func samples(epoch: Int) -> [UInt32] {
    switch kind {
    case .training(let seed):
      return seededPermutation(count: sampleCount, seed: seed, purpose: .dataOrder, stream: UInt64(epoch))
    case .streams:
      let length = stepsPerEpoch
      let first = epoch % (sampleCount - length * batchSize + 1)
      return (0..<length).flatMap { step in (0..<batchSize).map { UInt32(first + $0 * length + step) } }
    case .evaluation: return (0..<UInt32(sampleCount)).map { $0 }
    }
  }

  /// Places in `samples(epoch:)` of `shards` of batch `step`, a contiguous range. In evaluation's last batch it is cut at
  /// `sampleCount` (and may be empty): the rest of the shard is padding.
  package func places(step: Int, shards: Range<Int>) -> Range<Int> {
    precondition(step >= 0 && step < stepsPerEpoch, "an epoch has \(stepsPerEpoch) steps, there is no step \(step)")
    precondition(shards.lowerBound >= 0 && shards.upperBound <= shardCount, "there are \(shardCount) shards")
    let start = step * batchSize
    return
      (start + shards.lowerBound * samplesPerShard..<start + shards.upperBound * samplesPerShard)
      .clamped(to: 0..<sampleCount)
  }
}

/// Why samples cannot be cut into batches and shards as asked.
package struct DataOrderError: Error, Hashable, CustomStringConvertible {
  package enum Code: String, Sendable { case notPositive, unequalShards, noWholeBatch, shortStreams }
  package let code: Code
  package let sampleCount: Int
  package let batchSize: Int
  package let shardCount: Int

  package var description: String {
    switch code {
    case .notPositive:
      "\(sampleCount) samples, batch \(batchSize), \(shardCount) shards: each must be 1 or more, "
        + "and there may be no more than \(UInt32.max) samples"
    case .unequalShards:
      "a batch of \(batchSize) cannot be cut into \(shardCount) equal shards; make the batch a multiple of \(shardCount)"
        + ", such as \((batchSize / shardCount + 1) * shardCount)"
    case .noWholeBatch:
      "a batch of \(batchSize) is more than the \(sampleCount) samples there are; make the batch \(sampleCount) or less"
    case .shortStreams:
      "\(sampleCount) pieces of a sequence make no \(batchSize) streams of at least 2 each, so nothing would be carried on; "
        + "make the batch \(sampleCount / 2) or less, or the pieces shorter"
    }
  }
}

/// The shards that `rank` holds: contiguous, in rank order, sizes differing by one at most, the first ranks with more.
/// Empty for the last ranks if there are more ranks than shards; whether that is an error is the caller's to say.
package func shards(of rank: Int, rankCount: Int, shardCount: Int) -> Range<Int> {
  precondition(rank >= 0 && rank < rankCount && shardCount >= 0, "rank \(rank) of \(rankCount)")
  let (size, larger) = shardCount.quotientAndRemainder(dividingBy: rankCount)
  let start = rank * size + min(rank, larger)
  return start..<start + size + (rank < larger ? 1 : 0)
}

/// The shards of each rank where some take more than others: at least one each, beyond that in proportion to `weights` by
/// the method of largest remainders, in rank order.
///
/// - Precondition: a positive weight for each rank, and no more ranks than shards.
package func shards(weights: [Double], shardCount: Int) -> [Range<Int>] {
  precondition(!weights.isEmpty && weights.count <= shardCount && weights.allSatisfy { $0 > 0 }, "shares \(weights)")
  let total = weights.reduce(0, +)
  let ideal = weights.map { $0 / total * Double(shardCount) }
  var counts = ideal.map { max(1, Int($0)) }
  while counts.reduce(0, +) != shardCount {
    let excess = counts.reduce(0, +) > shardCount
    // Whoever is furthest from its due, the lowest of equals.
    let candidates = counts.indices.filter { !excess || counts[$0] > 1 }
    let chosen = candidates.max { a, b in
      let (first, second) = (ideal[a] - Double(counts[a]), ideal[b] - Double(counts[b]))
      return excess ? (second, b) < (first, a) : (first, b) < (second, a)
    }
    guard let chosen else { break }
    counts[chosen] += excess ? -1 : 1
  }
  var start = 0
  return counts.map { count in
    defer { start += count }
    return start..<start + count
  }
}
