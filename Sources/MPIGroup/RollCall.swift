import CMPI
import Collectives
import Glibc

/// How ranks that wait too long find out for whom: each tells all others, over a communicator of its own, that it waits.
/// Who says nothing is not in the collective.
///
/// The first whose time is up begins; the others answer while they wait. All throw then.
@safe final class RollCall: Sendable {
  private let communicator: Communicator
  /// How long an answer may take.
  private static let grace = Duration.seconds(2)

  /// Collective.
  init(of original: MPI_Comm) throws(GroupError) {
    communicator = try unsafe Communicator(duplicating: original)
  }

  /// Whether another rank has begun.
  var isUnderWay: Bool {
    get throws(GroupError) {
      var found: Int32 = 0
      try check(
        unsafe MPI_Iprobe(MPI_ANY_SOURCE, 0, communicator.handle, &found, cmpi_status_ignore()), "MPI_Iprobe")
      return found != 0
    }
  }

  /// Tells the others that this rank waits, and returns those that do not say the same in time.
  func missing(rank: Int, rankCount: Int) throws(GroupError) -> [Int] {
    for peer in 0..<rankCount where peer != rank {
      // A message of no bytes leaves at once or never; nobody waits for it here.
      var request: MPI_Request?
      try check(
        unsafe MPI_Isend(nil, 0, cmpi_byte(), Int32(peer), 0, communicator.handle, &request), "MPI_Isend")
      try check(unsafe MPI_Request_free(&request), "MPI_Request_free")
    }
    var present = Set([rank])
    let end = ContinuousClock.now + Self.grace
    while present.count < rankCount, ContinuousClock.now < end {
      var found: Int32 = 0
      var status = MPI_Status()
      try check(unsafe MPI_Iprobe(MPI_ANY_SOURCE, 0, communicator.handle, &found, &status), "MPI_Iprobe")
      guard found != 0 else {
        sched_yield()
        continue
      }
      let source = status.MPI_SOURCE
      try check(
        unsafe MPI_Recv(nil, 0, cmpi_byte(), source, 0, communicator.handle, cmpi_status_ignore()), "MPI_Recv")
      present.insert(Int(source))
    }
    return (0..<rankCount).filter { !present.contains($0) }
  }
}
