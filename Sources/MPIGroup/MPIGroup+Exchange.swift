import CMPI
package import Collectives
import Glibc

extension MPIGroup {
  package func exchange(
    _ transfers: Span<Transfer>, tag: Int, timeout: Duration
  ) throws(GroupError) {
    try checkTag(tag)
    var count = 0
    for index in transfers.indices {
      let transfer = transfers[index]
      try checkOther(transfer.peer, "exchange")
      count += unsafe parts(transfer.bytes.count)
    }
    guard count > 0 else { return }
    // Kept from exchange to exchange: it only grows.
    requests.reserve(count)
    var next = 0
    // Receives first: what arrives finds its place.
    for direction in [Transfer.Direction.receive, .send] {
      for index in transfers.indices where transfers[index].direction == direction {
        let transfer = transfers[index]
        try start(transfer, tag, &next)
      }
    }
    try finish(transfers, count, timeout)
  }

  private func parts(_ count: Int) -> Int { max(1, (count + chunkBytes - 1) / chunkBytes) }

  private func start(_ transfer: Transfer, _ tag: Int, _ next: inout Int) throws(GroupError) {
    for part in 0..<(unsafe parts(transfer.bytes.count)) {
      let first = part * chunkBytes
      let count = Int32(min(chunkBytes, unsafe transfer.bytes.count - first))
      let address = unsafe transfer.bytes.baseAddress.map { unsafe $0 + first }
      let request = unsafe requests[next]
      let status =
        switch transfer.direction {
        case .receive:
          unsafe MPI_Irecv(
            address, count, cmpi_byte(), Int32(transfer.peer), Int32(tag), communicator.handle, request)
        case .send:
          unsafe MPI_Isend(
            address, count, cmpi_byte(), Int32(transfer.peer), Int32(tag), communicator.handle, request)
        }
      try check(status, transfer.direction == .send ? "MPI_Isend" : "MPI_Irecv")
      next += 1
    }
  }

  /// Moves the messages until all have arrived. It must call MPI all the time, for nothing else moves them; or, where a
  /// thread that computes wants the core, ever more rarely up to a pause in which the kernel can keep what comes.
  private func finish(
    _ transfers: Span<Transfer>, _ count: Int, _ timeout: Duration
  ) throws(GroupError) {
    var tries = 0
    var pause: UInt32 = 20
    var start: ContinuousClock.Instant?
    while true {
      var done: Int32 = 0
      try check(unsafe MPI_Testall(Int32(count), requests[0], &done, cmpi_statuses_ignore()), "MPI_Testall")
      if done != 0 { return }
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
        continue
      }
      if now - began > timeout { throw try lost(now - began) }
      if try rollCall.isUnderWay { throw try lost(now - began) }
    }
  }

  /// Microseconds: a link of 1 Gbit/s brings 50 KB in it.
  private static let longestPause: UInt32 = 400

  private func lost(_ waited: Duration) throws(GroupError) -> GroupError {
    let late = try rollCall.missing(rank: rank, rankCount: rankCount)
    let seconds = Double(waited / .milliseconds(100)) / 10
    let names = late.map { "rank \($0) of host \(rankHosts[$0])" }.joined(separator: ", ")
    return GroupError(
      .peerLost,
      late.isEmpty
        ? "rank \(rank) has waited \(seconds) s in a collective that does not end, though all ranks are in it"
        : "rank \(rank) waits in a collective for \(names), which did not arrive within \(seconds) s",
      remedy: "see what became of that process; a run that only takes long needs a longer time limit for collectives")
  }
}

/// Room for the requests of an exchange.
@safe final class Requests: @unchecked Sendable {
  private var room: UnsafeMutableBufferPointer<MPI_Request?>

  init() { unsafe room = .allocate(capacity: 0) }

  deinit { unsafe room.deallocate() }

  /// Forgets what was there.
  func reserve(_ count: Int) {
    if unsafe room.count < count {
      unsafe room.deallocate()
      unsafe room = .allocate(capacity: count)
    }
    unsafe room.initialize(repeating: cmpi_request_null())
  }

  subscript(index: Int) -> UnsafeMutablePointer<MPI_Request?> { unsafe room.baseAddress! + index }
}
