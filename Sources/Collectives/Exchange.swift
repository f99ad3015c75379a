import Foundation

/// The memory that the ranks of an in-process group share: who is still there, letters, and meetings.
///
/// One lock and one condition guard all of it. Bytes are copied outside of the lock, straight from the sender's memory
/// to the receiver's, while the sender waits; nothing is buffered, so a program that relies on buffered sends hangs here
/// as it would over MPI with large messages.
final class Exchange: @unchecked Sendable {
  /// What became of a rank. The reason completes "rank 3 …".
  enum Presence { case present, gone(reason: String) }

  struct Route: Hashable {
    let context: Int
    let source: Int
    let destination: Int
    let tag: Int
  }

  /// A message whose bytes stay in the sender's memory. Guarded by the lock of the exchange.
  @safe final class Letter {
    enum State { case posted, opened, done }
    let bytes: UnsafeRawBufferPointer
    var state = State.posted

    init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }
  }

  let rankCount: Int
  let condition = NSCondition()
  private var presence: [Presence]
  private var letters: [Route: [Letter]] = [:]
  var meetings: [Int: Meeting] = [:]
  private var contexts: [[Int]: Int] = [[]: 0]
  /// Ranks that say that they work, and how often they were asked while they did.
  private var workers = 0
  private var notices = 0
  /// The error of the first rank that left by one: recorded before anybody can fail by its leaving.
  private var firstFailure: (any Error)?

  init(rankCount: Int) {
    self.rankCount = rankCount
    presence = Array(repeating: .present, count: rankCount)
  }

  /// Records that `rank` takes part in nothing more, and why, and wakes those who wait for it.
  func leave(rank: Int, reason: String, failure: (any Error)? = nil) {
    condition.withLock {
      firstFailure = firstFailure ?? failure
      if case .present = presence[rank] { presence[rank] = .gone(reason: reason) }
      condition.broadcast()
    }
  }

  /// Why the first rank that failed did.
  var failure: (any Error)? { condition.withLock { firstFailure } }

  /// The number of the context that is the `ordinal`-th duplicate of `parent`; the same for all ranks.
  func context(duplicateOf parent: Int, ordinal: Int) -> Int {
    condition.withLock {
      let key = [parent, ordinal]
      let context = contexts[key] ?? contexts.count
      contexts[key] = context
      return context
    }
  }

  /// Counts a rank that begins to work for long, or, by −1, that ends.
  func setWorking(_ change: Int) { condition.withLock { workers += change } }

  /// Grows as long as somebody works.
  var workNotices: Int {
    condition.withLock {
      if workers > 0 { notices += 1 }
      return notices
    }
  }

  /// With the lock held: throws if one of `ranks` is gone.
  func checkPresence(_ ranks: some Sequence<Int>, waiting rank: Int, _ call: String) throws(GroupError) {
    for peer in ranks where peer != rank {
      if case .gone(let reason) = presence[peer] {
        throw GroupError(
          .peerLost, "rank \(rank) waits in \(call) for rank \(peer), which \(reason)",
          remedy: "see the error of rank \(peer)")
      }
    }
  }

  /// Throws if any rank is gone.
  func checkPresence(waiting rank: Int) throws(GroupError) {
    condition.lock()
    defer { condition.unlock() }
    try checkPresence(0..<rankCount, waiting: rank, "shared memory")
  }

  /// Leaves a letter for `route.destination`; `finish` waits until it is taken.
  func post(_ bytes: UnsafeRawBufferPointer, on route: Route) -> Letter {
    let letter = unsafe Letter(bytes)
    condition.withLock {
      letters[route, default: []].append(letter)
      condition.broadcast()
    }
    return letter
  }

  /// Waits until `letter` is read. Its bytes are not touched after this, whether it throws or not.
  func finish(_ letter: Letter, on route: Route) throws(GroupError) {
    condition.lock()
    defer { condition.unlock() }
    while letter.state != .done {
      if letter.state == .posted {
        do throws(GroupError) {
          try checkPresence(CollectionOfOne(route.destination), waiting: route.source, "send")
        } catch {
          withdrawLocked(letter, on: route)
          throw error
        }
      }
      condition.wait()
    }
  }

  /// Takes `letter` back if nobody has opened it, and waits for the reader if somebody has.
  func withdraw(_ letter: Letter, on route: Route) {
    condition.lock()
    defer { condition.unlock() }
    while letter.state == .opened { condition.wait() }
    withdrawLocked(letter, on: route)
  }

  private func withdrawLocked(_ letter: Letter, on route: Route) {
    letters[route]?.removeAll { $0 === letter }
  }

  /// Waits for the next letter on `route` and copies it to `room`.
  func take(into room: UnsafeMutableRawBufferPointer, on route: Route) throws(GroupError) {
    let letter = try open(route)
    let size = unsafe letter.bytes.count
    if size == room.count { unsafe room.copyMemory(from: letter.bytes) }
    condition.withLock {
      letter.state = .done
      condition.broadcast()
    }
    guard size == room.count else {
      throw GroupError.size(expected: room.count, actual: size, from: route.source, to: route.destination)
    }
  }

  private func open(_ route: Route) throws(GroupError) -> Letter {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let letter = letters[route]?.first {
        letters[route]?.removeFirst()
        letter.state = .opened
        return letter
      }
      try checkPresence(CollectionOfOne(route.source), waiting: route.destination, "receive")
      condition.wait()
    }
  }
}
