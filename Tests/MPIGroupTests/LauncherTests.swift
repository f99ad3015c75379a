import Collectives
import MPIGroup
import Testing

@Test(
  "The environment tells what started a process",
  arguments: [
    ([:], .none),
    (["OMPI_COMM_WORLD_SIZE": "3", "PMIX_RANK": "1", "PMIX_NAMESPACE": "a"], .openMPI(rankCount: 3)),
    (["PMIX_RANK": "1", "PMIX_NAMESPACE": "a", "SLURM_STEP_NUM_TASKS": "5"], .pmix(rankCount: 5)),
    (["PMIX_RANK": "1", "PMIX_NAMESPACE": "a"], .pmix(rankCount: nil)),
    (["PMI_SIZE": "4", "PMI_RANK": "2"], .foreign(name: "an MPICH or Intel MPI launcher (PMI, 4 ranks)")),
    (["SLURM_STEP_NUM_TASKS": "6"], .foreign(name: "srun without --mpi=pmix (6 tasks)")),
    (["SLURM_STEP_NUM_TASKS": "1"], .none),
    (["OMPI_COMM_WORLD_SIZE": "2", "PMI_SIZE": "4"], .openMPI(rankCount: 2)),
  ] as [([String: String], Launcher)])
func launcherOfEnvironment(environment: [String: String], expected: Launcher) {
  #expect(Launcher(environment: environment) == expected)
}

@Test("A group before MPI runs is refused with the remedy")
func worldWithoutMPI() {
  let error = #expect(throws: GroupError.self) { try MPIGroup.world() }
  #expect(error?.description == "MPI is not running; call MPIRuntime.initialize() first [launch]")
}
