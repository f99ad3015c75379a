import Foundation

/// A group whose ranks are threads of this process, with the same behaviour as one of processes: for tests, and, with
/// one rank, for runs that have no peers.
///
/// A send waits until its message is received. Disagreements on sizes or on the order of calls are found on every rank.
package final class InProcessGroup: Group {
  package let rank: Int
  package let hostName: String
  private let exchange: Exchange
  private let context: Int
  private let duplicates = Counter()

  package var rankCount: Int { exchange.rankCount }

  init(rank: Int, hostName: String, exchange: Exchange, context: Int = 0) {
    self.rank = rank
    self.hostName = hostName
    self.exchange = exchange
    self.context = context
  }

  /// A group of one rank, the calling thread.
  package static func solo(hostName: String = localHostName) -> InProcessGroup {
    InProcessGroup(rank: 0, hostName: hostName, exchange: Exchange(rankCount: 1))
  }

  /// The name of the host that this process runs on.
  package static var localHostName: String { ProcessInfo.processInfo.hostName }

  /// Ranks that are threads always sleep.
  package func duplicate(sleeps: Bool) throws(GroupError) -> any Group {
    let copy = exchange.context(duplicateOf: context, ordinal: duplicates.next())
    try barrier()
    return InProcessGroup(rank: rank, hostName: hostName, exchange: exchange, context: copy)
  }

  package func send(_ bytes: RawSpan, to destination: Int, tag: Int) throws(GroupError) {
    try checkOther(destination, "send")
    try checkTag(tag)
    let route = route(from: rank, to: destination, tag)
    try unsafe bytes.withUnsafeBytes { (raw: UnsafeRawBufferPointer) throws(GroupError) in
      try exchange.finish(unsafe exchange.post(raw, on: route), on: route)
    }
  }

  package func receive(into bytes: inout MutableRawSpan, from source: Int, tag: Int) throws(GroupError) {
    try checkOther(source, "receive")
    try checkTag(tag)
    let route = route(from: source, to: rank, tag)
    try unsafe bytes.withUnsafeMutableBytes { (raw: UnsafeMutableRawBufferPointer) throws(GroupError) in
      try unsafe exchange.take(into: raw, on: route)
    }
  }

  package func sendReceive(
    sending sent: RawSpan, to destination: Int, receiving received: inout MutableRawSpan, from source: Int, tag: Int
  ) throws(GroupError) {
    try checkPeer(destination, "sendReceive")
    try checkPeer(source, "sendReceive")
    try checkTag(tag)
    let out = route(from: rank, to: destination, tag)
    let back = route(from: source, to: rank, tag)
    try unsafe sent.withUnsafeBytes { (raw: UnsafeRawBufferPointer) throws(GroupError) in
      let letter = unsafe exchange.post(raw, on: out)
      do throws(GroupError) {
        try unsafe received.withUnsafeMutableBytes { (room: UnsafeMutableRawBufferPointer) throws(GroupError) in
          try unsafe exchange.take(into: room, on: back)
        }
      } catch {
        exchange.withdraw(letter, on: out)
        throw error
      }
      try exchange.finish(letter, on: out)
    }
  }

  /// A rank that is gone is known at once here, and one that hangs hangs the process: there is nothing to time.
  package func exchange(
    _ transfers: Span<Transfer>, tag: Int, timeout: Duration
  ) throws(GroupError) {
    try checkTag(tag)
    var letters: [(letter: Exchange.Letter, route: Exchange.Route)] = []
    for index in transfers.indices where transfers[index].direction == .send {
      let transfer = transfers[index]
      try checkOther(transfer.peer, "exchange")
      let route = route(from: rank, to: transfer.peer, tag)
      letters.append((unsafe exchange.post(UnsafeRawBufferPointer(transfer.bytes), on: route), route))
    }
    do throws(GroupError) {
      for index in transfers.indices where transfers[index].direction == .receive {
        let transfer = transfers[index]
        try checkOther(transfer.peer, "exchange")
        try unsafe exchange.take(into: transfer.bytes, on: route(from: transfer.peer, to: rank, tag))
      }
    } catch {
      for (letter, route) in letters { exchange.withdraw(letter, on: route) }
      throw error
    }
    var failure: GroupError?
    for (letter, route) in letters {
      do throws(GroupError) { try exchange.finish(letter, on: route) } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  package func limitWaits(to limit: Duration) {}

  package func working<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    exchange.setWorking(1)
    defer { exchange.setWorking(-1) }
    return try body()
  }

  package func workNotices() throws(GroupError) -> Int { exchange.workNotices }

  package func checkPresence() throws(GroupError) { try exchange.checkPresence(waiting: rank) }

  package func abort(code: Int32) throws(GroupError) -> Never {
    let error = GroupError(
      .aborted, "rank \(rank) aborted the group with code \(code)", remedy: "see what that rank reported before")
    exchange.leave(rank: rank, reason: "aborted the group with code \(code)", failure: error)
    throw error
  }

  private func route(from source: Int, to destination: Int, _ tag: Int) -> Exchange.Route {
    Exchange.Route(context: context, source: source, destination: destination, tag: tag)
  }

  func meet(
    _ call: String, _ bytes: RawSpan, read: ([Exchange.Entry]) throws(GroupError) -> Void
  ) throws(GroupError) {
    try unsafe bytes.withUnsafeBytes { (raw: UnsafeRawBufferPointer) throws(GroupError) in
      try exchange.meet(context: context, rank: rank, unsafe Exchange.Entry(call, raw), read: read)
    }
  }
}

/// Counts the duplicates of a group; a group is used by one thread at a time, which this need not rely on.
private final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var value = 0

  func next() -> Int {
    lock.withLock {
      value += 1
      return value
    }
  }
}
