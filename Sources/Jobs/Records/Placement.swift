/// Who computes what: decided before the first step, the same on every rank.
package struct Placement: Hashable, Codable, Sendable {
  package struct Rank: Hashable, Codable, Sendable {
    package let rank: Int
    package let host: String
    /// Cores that the rank's kernels use.
    package let threads: Int
    /// First shard of the global batch that is the rank's, and how many.
    package let firstShard: Int
    package let shardCount: Int

    package init(rank: Int, host: String, threads: Int, shards: Range<Int>) {
      self.rank = rank
      self.host = host
      self.threads = threads
      firstShard = shards.lowerBound
      shardCount = shards.count
    }

    package var shards: Range<Int> { firstShard..<firstShard + shardCount }
  }

  package let ranks: [Rank]

  package init(ranks: [Rank]) { self.ranks = ranks }
}
