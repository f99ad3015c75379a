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
