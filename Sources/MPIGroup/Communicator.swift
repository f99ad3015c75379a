import CMPI
import Collectives

/// The owner of a duplicated MPI communicator.
///
/// Sendable though it holds a pointer: MPI is asked for `MPI_THREAD_MULTIPLE`, so any thread may use the handle.
@safe struct Communicator: ~Copyable, @unchecked Sendable {
  let handle: MPI_Comm
  let rank: Int
  let rankCount: Int

  /// A duplicate of `original`. Collective.
  init(duplicating original: MPI_Comm) throws(GroupError) {
    var copy: MPI_Comm?
    try check(unsafe MPI_Comm_dup(original, &copy), "MPI_Comm_dup")
    guard let copy = unsafe copy else {
      throw GroupError(.failed, "MPI_Comm_dup gave no communicator", remedy: "see the messages of mpirun")
    }
    let place: (rank: Int, rankCount: Int)
    do throws(GroupError) { place = try unsafe Self.prepare(copy) } catch {
      unsafe Self.free(copy)
      throw error
    }
    unsafe handle = copy
    (rank, rankCount) = place
  }

  private static func prepare(_ handle: MPI_Comm) throws(GroupError) -> (rank: Int, rankCount: Int) {
    var rank: Int32 = 0
    var rankCount: Int32 = 0
    try check(unsafe MPI_Comm_set_errhandler(handle, cmpi_errors_return()), "MPI_Comm_set_errhandler")
    try check(unsafe MPI_Comm_rank(handle, &rank), "MPI_Comm_rank")
    try check(unsafe MPI_Comm_size(handle, &rankCount), "MPI_Comm_size")
    return (Int(rank), Int(rankCount))
  }

  deinit { unsafe Self.free(handle) }

  /// Nothing can be done about a status here, and after the end of MPI the communicator is gone already.
  private static func free(_ handle: MPI_Comm) {
    guard MPIRuntime.isRunning else { return }
    var handle: MPI_Comm? = unsafe handle
    _ = unsafe MPI_Comm_free(&handle)
  }
}
