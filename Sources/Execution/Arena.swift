import Glibc

/// A stretch of memory from the kernel: zero at first, aligned to a page, given back when the last owner goes.
///
/// Pages count as used only once they are written, so a plan can be held against what the process really used.
@safe package final class Arena {
  let base: UnsafeMutableRawPointer
  package let byteCount: Int
  /// Whose memory it is, if not its own.
  private let owner: AnyObject?

  /// - Throws: `ExecutionError` with `.outOfMemory` if the system refuses.
  package init(byteCount: Int) throws {
    self.byteCount = byteCount
    owner = nil
    let address = unsafe mmap(
      nil, max(byteCount, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw ExecutionError(
        .outOfMemory, "the system refuses \(byteCount) bytes of memory; use a smaller shard or fewer ranks on this host"
      )
    }
    unsafe base = address
  }

  /// Memory of somebody else, who gives it back once this is gone.
  /// - Parameter memory: zeros, from a 64-byte boundary on.
  @unsafe package init(_ memory: UnsafeMutableRawBufferPointer, owner: AnyObject) {
    guard let address = memory.baseAddress else { preconditionFailure("an arena over no memory") }
    unsafe base = address
    byteCount = memory.count
    self.owner = owner
  }

  deinit { if owner == nil { unsafe munmap(base, max(byteCount, 1)) } }
}

/// A graph that cannot be compiled or run.
package struct ExecutionError: Error, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable {
    case outOfMemory, parameterMismatch, invalidLabel, invalidToken
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
