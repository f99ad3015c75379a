/// Micro-batches for replicas of different speed, so that the slowest is done as early as can be.
///
/// Replica i takes fᵢ + nᵢ·τᵢ seconds for nᵢ micro-batches; shares minimise the largest of these with Σ nᵢ the micro-batches
/// of a step. In proportion to speed 1/τᵢ but for the rounding to whole micro-batches, which is exact here.
package struct UnevenShares: Hashable, Sendable, Codable {
  /// Micro-batches of each replica; 0 for one that only would hold the others up.
  package let shares: [Int]
  /// Of the step: that of the slowest replica with a share.
  package let seconds: Double

  /// - Parameters:
  ///   - perMicroBatch: τ of each replica, above 0.
  ///   - fixed: f of each replica.
  /// - Complexity: O(n log) in the micro-batches' bits, plus the rounding.
  package init(perMicroBatch: [Double], fixed: [Double]? = nil, microBatches: Int) {
    precondition(!perMicroBatch.isEmpty && microBatches >= 0, "somebody takes the micro-batches")
    precondition(perMicroBatch.allSatisfy { $0 > 0 }, "a micro-batch takes time")
    let fixed = fixed ?? Array(repeating: 0, count: perMicroBatch.count)
    precondition(fixed.count == perMicroBatch.count, "a fixed time a replica")
    func capacity(_ i: Int, _ deadline: Double) -> Int {
      let count = (deadline - fixed[i]) / perMicroBatch[i]
      return count < 1 ? 0 : Int(min(count, Double(microBatches)))
    }
    func total(_ deadline: Double) -> Int {
      perMicroBatch.indices.reduce(0) { $0 + capacity($1, deadline) }
    }
    // Below `low` not all can be done, at `high` they can.
    var low = 0.0
    var high = zip(perMicroBatch, fixed).map { $0 * Double(microBatches) + $1 }.max() ?? 0
    for _ in 0..<64 {
      let middle = (low + high) / 2
      if total(middle) >= microBatches { high = middle } else { low = middle }
    }
    var shares = perMicroBatch.indices.map { capacity($0, low) }
    // What is left goes one by one to who would be done first.
    var left = microBatches - shares.reduce(0, +)
    while left > 0 {
      let next = perMicroBatch.indices.min {
        let a = fixed[$0] + Double(shares[$0] + 1) * perMicroBatch[$0]
        let b = fixed[$1] + Double(shares[$1] + 1) * perMicroBatch[$1]
        return (a, $0) < (b, $1)
      }
      guard let next else { break }
      shares[next] += 1
      left -= 1
    }
    self.shares = shares
    seconds =
      perMicroBatch.indices.filter { shares[$0] > 0 }
      .map { fixed[$0] + Double(shares[$0]) * perMicroBatch[$0] }.max() ?? 0
  }
}
