import CMPI
package import Collectives

/// A message of n bytes goes as n / chunkBytes full chunks and one that is shorter, maybe empty: so the receiver sees
/// where the message ends.
extension MPIGroup {
  package func send(_ bytes: RawSpan, to destination: Int, tag: Int) throws(GroupError) {
    try checkOther(destination, "send")
    try checkTag(tag)
    try unsafe bytes.withUnsafeBytes { raw throws(GroupError) in
      for chunk in 0..<chunkCount(raw.count) {
        let part = unsafe UnsafeRawBufferPointer(rebasing: raw[range(chunk, of: raw.count)])
        try unsafe complete("MPI_Isend") { request in
          unsafe MPI_Isend(
            part.baseAddress, Int32(part.count), cmpi_byte(), Int32(destination), Int32(tag), communicator.handle,
            request)
        }
      }
    }
  }

  package func receive(into bytes: inout MutableRawSpan, from source: Int, tag: Int) throws(GroupError) {
    try checkOther(source, "receive")
    try checkTag(tag)
    try unsafe bytes.withUnsafeMutableBytes { raw throws(GroupError) in
      for chunk in 0..<chunkCount(raw.count) {
        let range = range(chunk, of: raw.count)
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: raw[range])
        try unsafe complete("MPI_Irecv") { request in
          unsafe MPI_Irecv(
            part.baseAddress, Int32(part.count), cmpi_byte(), Int32(source), Int32(tag), communicator.handle, request)
        }
        try checkReceived(0, range, of: raw.count, from: source)
      }
    }
  }

  package func sendReceive(
    sending sent: RawSpan, to destination: Int, receiving received: inout MutableRawSpan, from source: Int, tag: Int
  ) throws(GroupError) {
    try checkPeer(destination, "sendReceive")
    try checkPeer(source, "sendReceive")
    try checkTag(tag)
    try unsafe sent.withUnsafeBytes { out throws(GroupError) in
      try unsafe received.withUnsafeMutableBytes { room throws(GroupError) in
        let outChunks = chunkCount(out.count)
        let backChunks = chunkCount(room.count)
        for chunk in 0..<max(outChunks, backChunks) {
          let range = range(chunk, of: room.count)
          let part = unsafe UnsafeRawBufferPointer(rebasing: out[self.range(chunk, of: out.count)])
          let place = unsafe UnsafeMutableRawBufferPointer(rebasing: room[range])
          requests.reserve(2)
          // The side that has no more chunks exchanges with nobody.
          try check(
            unsafe MPI_Irecv(
              place.baseAddress, Int32(place.count), cmpi_byte(), chunk < backChunks ? Int32(source) : MPI_PROC_NULL,
              Int32(tag), communicator.handle, requests[0]), "MPI_Irecv")
          try check(
            unsafe MPI_Isend(
              part.baseAddress, Int32(part.count), cmpi_byte(),
              chunk < outChunks ? Int32(destination) : MPI_PROC_NULL, Int32(tag), communicator.handle, requests[1]),
            "MPI_Isend")
          try finish(2, "sendReceive", waitLimit)
          if chunk < backChunks { try checkReceived(0, range, of: room.count, from: source) }
        }
      }
    }
  }

  private func chunkCount(_ count: Int) -> Int { count / chunkBytes + 1 }

  private func range(_ chunk: Int, of count: Int) -> Range<Int> {
    let start = min(count, chunk * chunkBytes)
    return start..<min(count, start + chunkBytes)
  }

  /// - Parameters:
  ///   - index: of the request.
  ///   - range: where in the message the chunk belongs that was waited for.
  ///   - count: bytes of the whole message as this rank expects it.
  private func checkReceived(
    _ index: Int, _ range: Range<Int>, of count: Int, from source: Int
  ) throws(GroupError) {
    let received = try requests.receivedCount(index)
    guard received == range.count else {
      throw GroupError.size(expected: count, actual: range.lowerBound + received, from: source, to: rank)
    }
  }
}
