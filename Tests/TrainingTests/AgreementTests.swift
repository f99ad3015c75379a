import Collectives
import Testing
import Training

@Suite("Agreement")
struct AgreementTests {
  private struct Broken: Error, Equatable { let rank: Int }

  @Test(
    "The lowest rank that failed tells its error, the others that it does",
    arguments: [[0], [2], [1, 3], [0, 1, 2, 3]])
  func together(failing: [Int]) throws {
    let results = try InProcessGroup.run(rankCount: 4) { group in
      Result {
        try Agreement.together(group, exitCode: { Int32(10 + (($0 as? Broken)?.rank ?? 0)) }) {
          if failing.contains(group.rank) { throw Broken(rank: group.rank) }
          return group.rank * 3
        }
      }
    }
    for (rank, result) in results.enumerated() {
      if rank == failing[0] {
        #expect(throws: Broken(rank: rank)) { try result.get() }
      } else {
        let peer = #expect(throws: PeerFailed.self) { try result.get() }
        #expect(peer?.rank == failing[0])
        #expect(peer?.exitCode == Int32(10 + failing[0]))
      }
    }
  }

  @Test("Without a failure every rank has its own result")
  func success() throws {
    let results = try InProcessGroup.run(rankCount: 3) { group in
      try Agreement.together(group, exitCode: { _ in 3 }) { group.rank * 3 + 1 }
    }
    #expect(results == [1, 4, 7])
  }

  @Test("An error that all ranks throw alike is told by rank 0")
  func alike() throws {
    let results = try InProcessGroup.run(rankCount: 3) { group in
      Result { try Agreement.alike(group, exitCode: { _ in 7 }) { throw Broken(rank: group.rank) } }
    }
    #expect(throws: Broken(rank: 0)) { try results[0].get() }
    for rank in 1...2 { #expect(throws: PeerFailed.self) { try results[rank].get() } }
  }
}
