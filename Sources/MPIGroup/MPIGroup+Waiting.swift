import CMPI
package import Collectives
import Glibc

/// Every wait of a rank for others: by looking again and again, with an end.
extension MPIGroup {
  /// Starts a call of MPI that does not block and waits until it is done.
  /// - Parameter start: given where the request goes.
  func complete(
    _ call: String, _ start: (UnsafeMutablePointer<MPI_Request?>) -> Int32
  ) throws(GroupError) {
    requests.reserve(1)
    try check(unsafe start(requests[0]), call)
    try finish(1, call, waitLimit)
  }

  /// Moves the messages of `count` requests until all are done. It must call MPI all the time, for nothing else moves them;
  /// or, where a thread that computes wants the core, ever more rarely up to a pause in which the kernel can keep what comes.
  ///
  /// - Parameters:
  ///   - call: the name, for errors.
  ///   - limit: how long a rank waits, counted anew whenever another rank tells that it works.
  /// - Throws: `.peerLost` naming who did not arrive. Requests are still under way then: the rank must end.
  func finish(_ count: Int, _ call: String, _ limit: Duration) throws(GroupError) {
    var tries = 0
    var pause: UInt32 = 20
    var start: ContinuousClock.Instant?
    var notices = 0
    while true {
      if try requests.areDone(count, call) { return }
      tries += 1
      if sleeps {
        usleep(pause)
        pause = min(2 * pause, Self.longestPause)
      } else if tries % 16 == 0 {
        sched_yield()
      }
      guard tries % 1024 == 0 else { continue }
      let now = ContinuousClock.now
      guard let began = start else {
        start = now
        notices = try workNotices()
        continue
      }
      if try rollCall.isUnderWay { throw try lost(call, now - began) }
      guard now - began > limit else { continue }
      let told = try workNotices()
      guard told > notices else { throw try lost(call, now - began) }
      notices = told
      start = now
    }
  }

  /// Microseconds: a link of 1 Gbit/s brings 50 KB in it.
  private static let longestPause: UInt32 = 400

  package func checkPresence() throws(GroupError) {
    if try rollCall.isUnderWay { throw try lost("a reduction in shared memory", nil) }
  }

  /// - Parameter waited: nil if another rank gave up first.
  private func lost(_ call: String, _ waited: Duration?) throws(GroupError) -> GroupError {
    let late = try rollCall.missing(rank: rank, rankCount: rankCount)
    let names = late.map { "rank \($0) of host \(rankHosts[$0])" }.joined(separator: ", ")
    let time = waited.map { " within \(($0 / .milliseconds(100)).rounded() / 10) s" } ?? " in time"
    return GroupError(
      .peerLost,
      late.isEmpty
        ? "rank \(rank) is in \(call), which did not end\(time); the other ranks wait too, for something else"
        : "rank \(rank) waits in \(call) for \(names), which did not arrive\(time)",
      remedy: "see what became of that process; a run that only takes long needs a longer time limit for collectives")
  }
}

/// Room for the requests under way and what they tell when they are done.
@safe final class Requests: @unchecked Sendable {
  /// Where a message that is received goes.
  struct Place {
    let source: Int
    /// Of the whole message, and how long that is.
    let range: Range<Int>
    let total: Int
  }

  private var room: UnsafeMutableBufferPointer<MPI_Request?>
  private var statuses: UnsafeMutableBufferPointer<MPI_Status>
  /// Of receives; nil for what else there is.
  var places: [Place?] = []

  init() {
    unsafe room = .allocate(capacity: 0)
    unsafe statuses = .allocate(capacity: 0)
  }

  deinit {
    unsafe room.deallocate()
    unsafe statuses.deallocate()
  }

  /// Forgets what was there. The room is kept from call to call: it only grows.
  func reserve(_ count: Int) {
    if unsafe room.count < count {
      unsafe room.deallocate()
      unsafe statuses.deallocate()
      unsafe room = .allocate(capacity: count)
      unsafe statuses = .allocate(capacity: count)
      unsafe statuses.initialize(repeating: MPI_Status())
      places = Array(repeating: nil, count: count)
    }
    unsafe room.initialize(repeating: cmpi_request_null())
  }

  subscript(index: Int) -> UnsafeMutablePointer<MPI_Request?> { unsafe room.baseAddress! + index }

  /// Whether the first `count` requests are done. A message that was too long for its place counts as done.
  func areDone(_ count: Int, _ call: String) throws(GroupError) -> Bool {
    var done: Int32 = 0
    let status = unsafe MPI_Testall(Int32(count), room.baseAddress, &done, statuses.baseAddress)
    guard status != MPI_SUCCESS else { return done != 0 }
    for index in 0..<count {
      let error = unsafe statuses[index].MPI_ERROR
      if error == MPI_ERR_TRUNCATE { return true }
      if error != MPI_ERR_PENDING { try check(error, call) }
    }
    try check(status, call)
    return true
  }

  /// Bytes that came by a request that is done.
  func receivedCount(_ index: Int) throws(GroupError) -> Int {
    var count: Int32 = 0
    try check(unsafe MPI_Get_count(statuses.baseAddress! + index, cmpi_byte(), &count), "MPI_Get_count")
    return Int(count)
  }
}
