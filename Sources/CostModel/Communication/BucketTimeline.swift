package import Units

/// Gradients that are reduced while backward still runs.
///
/// Bucket j is ready at r_j; the link takes one at a time: finish_j = max(finish_{j−1}, r_j) + reduce(S_j). What outlasts
/// backward is exposed. Exact for bucketed data parallelism (Li et al. 2020) but for what a reduction takes from compute:
/// `slowdown` stretches what is computed while a bucket is under way. Units: seconds.
package struct BucketTimeline: Hashable, Sendable, Codable {
  package struct Bucket: Hashable, Sendable, Codable {
    /// Since the begin of backward.
    package let ready: Seconds
    package let start: Seconds
    package let finish: Seconds
    package let bytes: Bytes
  }

  package private(set) var buckets: [Bucket] = []
  /// End of backward, slowed down by reductions beside it.
  package private(set) var backward: Seconds = .zero

  /// What the step waits for after backward.
  package var exposed: Seconds { max(.zero, (buckets.last?.finish ?? .zero) - backward) }
  package var total: Seconds { backward + exposed }
  /// Share of the reductions' time that backward hides; 1 without reductions.
  package var hiddenShare: Double {
    let all = buckets.map { $0.finish - $0.start }.sum()
    return all > .zero ? 1 - (exposed / all) : 1
  }

  /// Buckets that so many bytes of gradients leave in: of 25 MB (PyTorch's default), but no more than 16, as frameworks take
  /// larger ones for larger models (Megatron-LM: 40 million parameters and more).
  package static func buckets(_ bytes: Double) -> Double { min(16, max(1, bytes / 25e6)) }

  /// What a step waits for reductions beside backward, in closed form, for layers that are alike.
  ///
  /// K buckets that take a = reduction/K each are ready every backward/K: the step is longer by
  /// max(K·a − backward·(1 − 1/K), a + (K − 1)·a·s): the first where the link is always busy, the second where the last bucket
  /// alone outlasts backward, which each of the others slowed down by the share s of its time (κ = 1/(1 − s) is the
  /// `slowdown` of the timeline: 0 hides all it can, 1 nothing).
  package static func exposed(
    _ reduction: Double, beside backward: Double, buckets: Double, contention: Double
  ) -> Double {
    let others = 1 - 1 / buckets
    return max(reduction - backward * others, reduction * (1 - others + others * contention))
  }

  /// - Parameters:
  ///   - layers: in the order of backward: time of each, and bytes of gradients that are ready when it ends.
  ///   - bucketBytes: a bucket leaves when it has as many; the last one with what there is.
  ///   - slowdown: of compute while a bucket is under way, at least 1.
  ///   - reduce: time of one all-reduce of so many bytes.
  package init(
    layers: [(time: Seconds, gradient: Bytes)], bucketBytes: Bytes, slowdown: Double = 1,
    reduce: (Bytes) -> Seconds
  ) {
    precondition(slowdown >= 1 && bucketBytes > .zero, "reductions do not speed compute up, and buckets hold something")
    var now = Seconds.zero
    var linkFree = Seconds.zero
    var filled = Bytes.zero
    for (index, layer) in layers.enumerated() {
      now = Self.end(of: layer.time, from: now, busyUntil: linkFree, slowdown: slowdown)
      filled = filled + layer.gradient
      guard filled >= bucketBytes || (index == layers.count - 1 && filled > .zero) else { continue }
      let start = max(now, linkFree)
      let finish = start + reduce(filled)
      buckets.append(Bucket(ready: now, start: start, finish: finish, bytes: filled))
      linkFree = finish
      filled = .zero
    }
    backward = now
  }

  /// When work of `length` that begins at `begin` ends, if it runs slower until the link is free.
  private static func end(
    of length: Seconds, from begin: Seconds, busyUntil free: Seconds, slowdown: Double
  ) -> Seconds {
    guard slowdown > 1, free > begin else { return begin + length }
    let whole = length * slowdown
    if begin + whole <= free { return begin + whole }
    return free + (length - (free - begin) / slowdown)
  }
}
