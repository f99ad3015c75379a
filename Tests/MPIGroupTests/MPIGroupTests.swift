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
