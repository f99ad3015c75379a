import Glibc
import GroupConformance
import TestSupport
import Testing

@Suite("MPIGroup under mpirun", .serialized)
struct MPIGroupTests {
  @Test("MPI ranks keep every promise of a group", arguments: 1...4)
  func conforms(rankCount: Int) async throws {
    try await conform(rankCount, [])
  }

  @Test("So they do when everything is longer than one MPI call moves", arguments: [2, 3])
  func conformsInChunks(rankCount: Int) async throws {
    try await conform(rankCount, ["4096"])
  }

  private func conform(_ rankCount: Int, _ arguments: [String]) async throws {
    let result = try await mpirun(rankCount, BuiltProduct.url("group-conformance"), arguments)
    #expect(result.exitCode == 0, "timed out: \(result.timedOut)\n\(result.errors)")
    #expect(result.lines == Conformance.claims)
  }

  @Test("An abort ends all ranks with its code")
  func abort() async throws {
    let result = try await mpirun(2, BuiltProduct.url("group-conformance"), ["fail"])
    #expect(result.exitCode == 9, "\(result.errors)")
    #expect(!result.timedOut)
  }

  @Test(
    "A rank that stops inside an all-reduce is named by all others, who end with 6 when their patience does",
    arguments: [
      (2, []), (4, []), (4, ["messages"]), (2, ["barrier"]), (4, ["barrier"]), (4, ["values"]), (3, ["gather"]),
    ] as [(Int, [String])])
  func stoppedRank(rankCount: Int, way: [String]) async throws {
    let start = ContinuousClock.now
    let result = try await mpirun(
      rankCount, BuiltProduct.url("group-conformance"), ["lose", "\(SIGSTOP)", "2"] + way, killsAtOnce: false)
    #expect(result.exitCode == 6, "timed out: \(result.timedOut)\n\(result.errors)")
    #expect(ContinuousClock.now - start < .seconds(30))
    // Rank 1 speaks too, once mpirun lets it go on.
    let told = result.errors.split(separator: "\n").filter { $0.contains("[peerLost]") && !$0.hasPrefix("rank 1 ") }
    #expect(!told.isEmpty && told.allSatisfy { $0.contains("for rank 1 ") }, "\(result.errors)")
    #expect(told.allSatisfy { $0.contains("did not arrive within") }, "\(result.errors)")
  }

  @Test("A rank that works for longer than others wait, and says so, is waited for", arguments: [2, 4])
  func workingRank(rankCount: Int) async throws {
    let result = try await mpirun(rankCount, BuiltProduct.url("group-conformance"), ["work", "1", "3.5"])
    #expect(result.exitCode == 0, "timed out: \(result.timedOut)\n\(result.errors)")
    #expect(result.errors == "")
  }

  @Test("One that does not say so is named")
  func silentRank() async throws {
    let result = try await mpirun(2, BuiltProduct.url("group-conformance"), ["work", "1", "15", "silently"])
    #expect(result.exitCode == 6, "timed out: \(result.timedOut)\n\(result.errors)")
    #expect(result.errors.contains("rank 0 waits in MPI_Ibarrier for rank 1 of host "), "\(result.errors)")
  }

  @Test("Ranks that wait in different calls end and tell theirs")
  func differentCalls() async throws {
    let result = try await mpirun(2, BuiltProduct.url("group-conformance"), ["disagree"], killsAtOnce: false)
    #expect(result.exitCode == 6, "timed out: \(result.timedOut)\n\(result.errors)")
    #expect(result.errors.contains("the other ranks wait too, for something else"), "\(result.errors)")
  }

  @Test("Messages of an exchange that are longer or shorter than their place are told with both sizes")
  func otherSizes() async throws {
    let result = try await mpirun(2, BuiltProduct.url("group-conformance"), ["exchange"])
    #expect(result.exitCode == 0, "timed out: \(result.timedOut)\n\(result.errors)")
    let expected = [(60, "100"), (100, "60"), (200_000, "300000")].map {
      "rank 1 waits for \($0.0) bytes from rank 0, which sent \($0.1); make both sides exchange the same number of bytes"
        + " [countMismatch]"
    }
    #expect(result.lines == expected)
  }

  @Test("A rank that is killed inside an all-reduce is named at once", arguments: [2, 4])
  func killedRank(rankCount: Int) async throws {
    let start = ContinuousClock.now
    let result = try await mpirun(
      rankCount, BuiltProduct.url("group-conformance"), ["lose", "\(SIGKILL)", "30"], killsAtOnce: false)
    // That of the first to end, as mpirun has it.
    #expect(result.exitCode == 137, "timed out: \(result.timedOut)\n\(result.errors)")
    #expect(ContinuousClock.now - start < .seconds(10))
    let told = result.errors.split(separator: "\n").filter { $0.contains("[peerLost]") }
    // mpirun passes on what the ranks write until it ends: of one at least.
    #expect(!told.isEmpty, "\(result.errors)")
    #expect(told.allSatisfy { $0.contains("for rank 1 (process ") && $0.contains("which ended") }, "\(result.errors)")
  }

  @Test("A rank of a launcher that MPI cannot join refuses to run alone")
  func foreignLauncher() async throws {
    let result = try await runProcess(
      BuiltProduct.url("group-conformance"), environment: ["PMI_SIZE": "4", "PMI_RANK": "2"])
    #expect(result.exitCode == 1)
    #expect(
      result.errors == """
        started by an MPICH or Intel MPI launcher (PMI, 4 ranks), whose ranks Open MPI cannot join; start the ranks \
        with Open MPI's mpirun, or with srun --mpi=pmix [launch]

        """)
    #expect(result.output == "")
  }

  @Test("Ranks that the launcher started and MPI did not join are missed")
  func lostRanks() async throws {
    let result = try await runProcess(
      BuiltProduct.url("group-conformance"),
      environment: ["PMIX_RANK": "0", "PMIX_NAMESPACE": "job", "SLURM_STEP_NUM_TASKS": "3"])
    #expect(result.exitCode != 0)
    #expect(result.output == "")
  }
}
