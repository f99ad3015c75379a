import CMPI
import Collectives
import Foundation

/// How ranks that work for long tell those that wait for them: now and then each sends an empty message to all others, over
/// a communicator of its own, from a thread beside the work. A process that is stopped or gone sends none.
///
/// One for a group and all its duplicates; threads may wait in several of them.
@safe final class WorkNotices: @unchecked Sendable {
  private let communicator: Communicator
  private let lock = NSLock()
  private var heard = 0

  /// Collective.
  init(of original: MPI_Comm) throws(GroupError) {
    communicator = try unsafe Communicator(duplicating: original)
  }

  /// How many have come so far.
  func count() throws(GroupError) -> Int {
    lock.lock()
    defer { lock.unlock() }
    while true {
      var found: Int32 = 0
      var status = MPI_Status()
      try check(unsafe MPI_Iprobe(MPI_ANY_SOURCE, 0, communicator.handle, &found, &status), "MPI_Iprobe")
      guard found != 0 else { return heard }
      try check(
        unsafe MPI_Recv(nil, 0, cmpi_byte(), status.MPI_SOURCE, 0, communicator.handle, cmpi_status_ignore()),
        "MPI_Recv")
      heard += 1
    }
  }

  /// Tells of `body` each time that `interval` has gone by.
  func working<Result, Failure: Error>(
    every interval: Duration, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let work = Work()
    Thread.detachNewThread { [self] in
      while !work.hasEnded(within: interval / .seconds(1)) { tell() }
      work.leave()
    }
    defer { work.end() }
    return try body()
  }

  private func tell() {
    for peer in 0..<communicator.rankCount where peer != communicator.rank {
      // An empty message leaves at once; who cannot be reached has other worries.
      var request: MPI_Request?
      let started = unsafe MPI_Isend(nil, 0, cmpi_byte(), Int32(peer), 0, communicator.handle, &request)
      if started == MPI_SUCCESS { _ = unsafe MPI_Request_free(&request) }
    }
  }
}

/// What the thread that tells and the one that works know of each other.
private final class Work: @unchecked Sendable {
  private let condition = NSCondition()
  private var isOver = false
  private var hasLeft = false

  func hasEnded(within seconds: Double) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    let end = Date(timeIntervalSinceNow: seconds)
    while !isOver, condition.wait(until: end) {}
    return isOver
  }

  func leave() {
    condition.lock()
    hasLeft = true
    condition.broadcast()
    condition.unlock()
  }

  /// Returns when the thread calls nothing any more: MPI may be ended then.
  func end() {
    condition.lock()
    isOver = true
    condition.broadcast()
    while !hasLeft { condition.wait() }
    condition.unlock()
  }
}
