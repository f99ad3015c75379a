import Collectives

/// Prints, on rank 0, the median time of an all-reduce of `counts` floats by each algorithm, with a shard a rank: what
/// the choice in `ReproducibleReducer` is based on.
func timeReductions(_ group: any Group, _ counts: [Int]) throws {
  for count in counts.isEmpty ? [1_000, 4_000, 16_000, 62_000, 250_000, 536_000, 2_000_000, 6_500_000] : counts {
    var results: [String] = []
    for algorithm in ReproducibleReducer.Algorithm.allCases {
      let reducer = try ReproducibleReducer(
        group: group, shardCount: group.rankCount, range: group.rank..<(group.rank + 1), maximumCount: count,
        algorithm: algorithm)
      results.append("\(algorithm) \(try medianMicroseconds(group, reducer, count)) µs")
    }
    let fastest = try FastestReducer(group: group, range: group.rank..<(group.rank + 1))
    results.append("fastest \(try medianMicroseconds(group, fastest, count)) µs")
    if group.rank == 0 { print("\(count) floats, \(group.rankCount) ranks: \(results.joined(separator: ", "))") }
  }
}

private func medianMicroseconds(_ group: any Group, _ reducer: some ShardReducer, _ count: Int) throws -> Int {
  var slots = [Float](repeating: 1e-6 * Float(group.rank + 1), count: count)
  var times: [Duration] = []
  for _ in 0..<31 {
    try group.barrier()
    var span = slots.mutableSpan
    let start = ContinuousClock.now
    try reducer.allReduce(&span, stride: count, elements: 0..<count)
    times.append(ContinuousClock.now - start)
  }
  times.sort()
  return Int(times[times.count / 2] / .microseconds(1))
}
