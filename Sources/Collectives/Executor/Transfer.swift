/// One message of an exchange, from or to memory that stays in place until the exchange is over.
@safe package struct Transfer {
  package enum Direction: Sendable { case send, receive }

  package let direction: Direction
  package let peer: Int
  package let bytes: UnsafeMutableRawBufferPointer

  /// - Parameter bytes: read, or written by a receive.
  package init(_ direction: Direction, _ peer: Int, _ bytes: UnsafeMutableRawBufferPointer) {
    self.direction = direction
    self.peer = peer
    unsafe self.bytes = unsafe bytes
  }
}
