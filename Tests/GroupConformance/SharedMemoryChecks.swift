import Collectives

extension Conformance {
  static let sharedMemoryChecks = [
    Check("ranks of a host see what each of them writes to its part of shared memory", visible),
    Check("shared memory that nobody can have is refused on every rank", tooLarge),
  ]

  private static func visible(_ group: any Group) throws {
    let counts = (0..<group.rankCount).map { 5000 * $0 + 3 }
    let memory = try group.sharedMemory(byteCount: counts[group.rank])
    try expectEqual([memory.ranks[memory.place]], [group.rank], "the place of a rank")
    for place in memory.ranks.indices {
      try expectEqual([unsafe memory.part(place).count], [counts[memory.ranks[place]]], "the size of a part")
    }
    let fresh = unsafe Array(memory.part(memory.place))
    try expectEqual(fresh, Array(repeating: 0, count: fresh.count), "fresh memory")
    unsafe memory.part(memory.place).copyBytes(from: pattern(fresh.count, rank: group.rank))
    try group.barrier()
    for (place, rank) in memory.ranks.enumerated() {
      try expectEqual(unsafe Array(memory.part(place)), pattern(counts[rank], rank: rank), "the part of rank \(rank)")
    }
  }

  private static func tooLarge(_ group: any Group) throws {
    let last = group.rankCount - 1
    try expectError(.failed, naming: ["rank"]) {
      _ = try group.sharedMemory(byteCount: group.rank == last ? 1 << 50 : 4096)
    }
  }
}
