import CMPI
package import Collectives

/// MPI in this process: started once, ended once.
package enum MPIRuntime {
  /// Starts MPI for calls from several threads and makes errors return.
  ///
  /// - Throws: `.launch` if MPI was started or ended before, if it does not grant `MPI_THREAD_MULTIPLE`, or if it did not
  ///   join the ranks that the launcher started.
  package static func initialize() throws(GroupError) {
    let launcher = Launcher()
    // Before MPI starts: one that cannot reach its launcher ends the process.
    if case .foreign = launcher { try checkLaunch(launcher, rankCount: 1) }
    let started = try unsafe flag(MPI_Initialized, "MPI_Initialized")
    guard !started else {
      throw GroupError(.launch, "MPI was started before in this process", remedy: "start it once")
    }
    Transports.prepare()
    var granted: Int32 = 0
    let wanted = Int32(MPI_THREAD_MULTIPLE)
    try check(unsafe MPI_Init_thread(nil, nil, wanted, &granted), "MPI_Init_thread")
    try check(unsafe MPI_Comm_set_errhandler(cmpi_comm_world(), cmpi_errors_return()), "MPI_Comm_set_errhandler")
    guard granted >= wanted else {
      throw GroupError(
        .launch, "MPI grants thread level \(granted) and not MPI_THREAD_MULTIPLE (\(wanted))",
        remedy: "use an Open MPI that is built with thread support")
    }
    var rankCount: Int32 = 0
    try check(unsafe MPI_Comm_size(cmpi_comm_world(), &rankCount), "MPI_Comm_size")
    try checkLaunch(launcher, rankCount: Int(rankCount))
  }

  /// Ends MPI. Collective; groups that are still there are of no more use.
  package static func finalize() throws(GroupError) {
    try check(MPI_Finalize(), "MPI_Finalize")
  }

  /// Whether MPI calls are possible now.
  static var isRunning: Bool {
    let started = (try? unsafe flag(MPI_Initialized, "MPI_Initialized")) ?? false
    let ended = (try? unsafe flag(MPI_Finalized, "MPI_Finalized")) ?? true
    return started && !ended
  }

  private static func flag(
    _ call: (UnsafeMutablePointer<Int32>?) -> Int32, _ name: String
  ) throws(GroupError) -> Bool {
    var value: Int32 = 0
    try check(unsafe call(&value), name)
    return value != 0
  }
}
