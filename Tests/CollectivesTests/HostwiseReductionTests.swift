import Collectives
import GroupConformance
import Testing

@Suite("Reductions host by host")
struct HostwiseReductionTests {
  @Test(
    "Ranks of several hosts get the bits of the canonical tree, in every way",
    arguments: ["aabb", "aaabbb", "aabbcc", "aaab", "abbb", "aabbbc", "ab", "abcc", "abab"])
  func conforms(hosts: String) throws {
    try run(hosts) { try Conformance.run(Conformance.sumChecks, on: $0) }
  }

  @Test("More elements than a chunk holds are summed chunk by chunk to the same bits", arguments: ["aabb", "aab"])
  func chunks(hosts: String) throws {
    let count = 3 * 262_144 + 77
    let ranks = hosts.count
    @Sendable func value(_ rank: Int, _ index: Int) -> Float {
      let magnitude: Float = rank % 2 == 0 ? 1000 : 1e-3
      return magnitude * Float((index * 7919 + rank * 104_729) % 1009) / 7
    }
    let sums = try run(hosts) { group in
      func sum(_ algorithm: ReproducibleReducer.Algorithm) throws -> [UInt32] {
        let reducer = try ReproducibleReducer(
          group: group, shardCount: ranks, range: group.rank..<group.rank + 1, maximumCount: count,
          algorithm: algorithm)
        var values = (0..<count).map { value(group.rank, $0) }
        var span = values.mutableSpan
        // Twice, so that buffers of one call are used again by the next.
        for _ in 0..<2 { try reducer.allReduce(&span, stride: count, elements: 0..<count) }
        return values.map(\.bitPattern)
      }
      return try (sum(.hostwise), sum(.messages))
    }
    for (hostwise, messages) in sums { #expect(hostwise == messages) }
  }

  @Test("Hosts of several ranks are reduced host by host, but for ranks of a host that do not follow each other")
  func choice() throws {
    func algorithms(_ hosts: String) throws -> [[String]] {
      try run(hosts) { group in
        try ReproducibleReducer(
          group: group, shardCount: hosts.count, range: group.rank..<group.rank + 1, maximumCount: 8
        ).algorithms
      }
    }
    #expect(try algorithms("aabb").allSatisfy { $0 == ["canonical, host by host"] })
    #expect(try algorithms("aba").allSatisfy { $0 == ["canonical, by messages"] })
    #expect(try algorithms("abc").allSatisfy { $0 == ["canonical, by messages"] })
    #expect(try algorithms("aa").allSatisfy { $0 == ["shared memory"] })
    #expect(throws: GroupError.self) {
      try run("aba") { group in
        try ReproducibleReducer(
          group: group, shardCount: 3, range: group.rank..<group.rank + 1, maximumCount: 8, algorithm: .hostwise
        ).byteCount
      }
    }
  }

  /// - Parameter hosts: a letter for the host of each rank.
  @discardableResult
  private func run<Result: Sendable>(
    _ hosts: String, _ body: @escaping @Sendable (any Group) throws -> Result
  ) throws -> [Result] {
    try InProcessGroup.run(rankCount: hosts.count, hostNames: hosts.map(String.init), body)
  }
}
