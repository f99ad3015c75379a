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
        try check(
          unsafe MPI_Send(
            part.baseAddress, Int32(part.count), cmpi_byte(), Int32(destination), Int32(tag), communicator.handle),
          "MPI_Send")
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
        var status = MPI_Status()
        let ended = unsafe MPI_Recv(
          part.baseAddress, Int32(part.count), cmpi_byte(), Int32(source), Int32(tag), communicator.handle, &status)
        try checkReceived(ended, status, range, of: raw.count, from: source, "MPI_Recv")
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
          var status = MPI_Status()
          // The side that has no more chunks exchanges with nobody.
          let ended = unsafe MPI_Sendrecv(
            part.baseAddress, Int32(part.count), cmpi_byte(), chunk < outChunks ? Int32(destination) : MPI_PROC_NULL,
            Int32(tag), place.baseAddress, Int32(place.count), cmpi_byte(),
            chunk < backChunks ? Int32(source) : MPI_PROC_NULL, Int32(tag), communicator.handle, &status)
          guard chunk < backChunks else {
            try check(ended, "MPI_Sendrecv")
            continue
          }
          try checkReceived(ended, status, range, of: room.count, from: source, "MPI_Sendrecv")
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
  ///   - range: where in the message the chunk belongs that was waited for.
  ///   - count: bytes of the whole message as this rank expects it.
  private func checkReceived(
    _ ended: Int32, _ status: MPI_Status, _ range: Range<Int>, of count: Int, from source: Int, _ call: String
  ) throws(GroupError) {
    var status = status
    var errorClass: Int32 = 0
    try check(unsafe MPI_Error_class(ended, &errorClass), "MPI_Error_class")
    let truncated = errorClass == MPI_ERR_TRUNCATE
    if !truncated { try check(ended, call) }
    var received: Int32 = 0
    try check(unsafe MPI_Get_count(&status, cmpi_byte(), &received), "MPI_Get_count")
    guard !truncated, Int(received) == range.count else {
      throw GroupError.size(
        expected: count, actual: range.lowerBound + Int(received), from: source, to: rank)
    }
  }
}
