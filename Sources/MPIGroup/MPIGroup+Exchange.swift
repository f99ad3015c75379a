import CMPI
package import Collectives
import Glibc

/// A message between hosts goes in pieces that Open MPI sends at once: longer ones go over a connection in one direction at a
/// time, which takes twice as long where two ranks exchange. A wave has a few pieces of each message.
extension MPIGroup {
  /// Bytes of a piece between hosts; `Transports` has Open MPI send as many at once, with its header.
  static let pieceBytes = 128 << 10
  /// Pieces of a message under way at a time: what Open MPI keeps copies of.
  private static let wavePieces = 32

  package func exchange(
    _ transfers: Span<Transfer>, tag: Int, timeout: Duration
  ) throws(GroupError) {
    try checkTag(tag)
    var waves = 0
    for index in transfers.indices {
      try checkOther(transfers[index].peer, "exchange")
      waves = max(waves, (unsafe pieces(transfers[index].bytes.count) + Self.wavePieces - 1) / Self.wavePieces)
    }
    // Kept from exchange to exchange: it only grows.
    requests.reserve(transfers.count * Self.wavePieces)
    for wave in 0..<waves {
      var next = 0
      // Receives first: what arrives finds its place.
      for direction in [Transfer.Direction.receive, .send] {
        for index in transfers.indices where transfers[index].direction == direction {
          try start(transfers[index], tag, wave, &next)
        }
      }
      try finish(next, "exchange", timeout)
      for index in 0..<next { try checkArrived(index) }
    }
  }

  /// - Throws: `.countMismatch` if a message that came is not as long as the place made for it.
  private func checkArrived(_ index: Int) throws(GroupError) {
    guard let place = requests.places[index] else { return }
    let count = try requests.receivedCount(index)
    guard count == place.range.count else {
      throw GroupError.size(
        expected: place.total, actual: place.range.lowerBound + count, from: place.source, to: rank)
    }
  }

  private func pieces(_ count: Int) -> Int { max(1, (count + exchangeBytes - 1) / exchangeBytes) }

  private func start(_ transfer: Transfer, _ tag: Int, _ wave: Int, _ next: inout Int) throws(GroupError) {
    let pieces = unsafe pieces(transfer.bytes.count)
    let first = min(pieces, wave * Self.wavePieces)
    for piece in first..<min(pieces, first + Self.wavePieces) {
      let start = piece * exchangeBytes
      let count = Int32(min(exchangeBytes, unsafe transfer.bytes.count - start))
      let address = unsafe transfer.bytes.baseAddress.map { unsafe $0 + start }
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
      requests.places[next] =
        transfer.direction == .send
        ? nil
        : Requests.Place(
          source: transfer.peer, range: start..<start + Int(count), total: unsafe transfer.bytes.count)
      next += 1
    }
  }
}
