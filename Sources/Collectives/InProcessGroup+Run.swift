import Foundation

extension InProcessGroup {
  /// Runs `body` once for each rank, each on a thread of its own, and returns what they return, by rank.
  ///
  /// A rank whose body throws or returns leaves the group: those that wait for it get `.peerLost`.
  ///
  /// - Parameters:
  ///   - hostNames: the host that each rank believes to run on; this host if nil.
  ///   - stackBytes: of each thread; a rank of a program has 8 MiB by default.
  /// - Throws: the error that was thrown first, not those that followed from it.
  package static func run<Result: Sendable>(
    rankCount: Int, hostNames: [String]? = nil, stackBytes: Int = 8 << 20,
    _ body: @escaping @Sendable (any Group) throws -> Result
  ) throws -> [Result] {
    guard rankCount > 0, hostNames.map({ $0.count == rankCount }) ?? true else {
      throw GroupError(
        .invalidArgument, "a group of \(rankCount) ranks on \(hostNames?.count ?? rankCount) host names",
        remedy: "ask for one rank or more and name a host for each")
    }
    let exchange = Exchange(rankCount: rankCount)
    let outcome = Outcome<Result>(rankCount: rankCount)
    let local = localHostName
    for rank in 0..<rankCount {
      let group = InProcessGroup(rank: rank, hostName: hostNames?[rank] ?? local, exchange: exchange)
      let thread = Thread {
        do {
          let value = try body(group)
          exchange.leave(rank: rank, reason: "has returned")
          outcome.finish(rank, value)
        } catch {
          exchange.leave(rank: rank, reason: "failed: \(error)", failure: error)
          outcome.finish(rank, nil)
        }
      }
      thread.stackSize = stackBytes
      thread.name = "rank \(rank)"
      thread.start()
    }
    let values = outcome.wait()
    if let failure = exchange.failure { throw failure }
    return values
  }
}

/// Collects what the ranks return.
private final class Outcome<Value: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var values: [Value?]
  private var ended = 0

  init(rankCount: Int) { values = Array(repeating: nil, count: rankCount) }

  func finish(_ rank: Int, _ value: Value?) {
    condition.withLock {
      values[rank] = value
      ended += 1
      condition.broadcast()
    }
  }

  /// What the ranks returned, once all have ended; those that failed are left out.
  func wait() -> [Value] {
    condition.lock()
    defer { condition.unlock() }
    while ended < values.count { condition.wait() }
    return values.compactMap { $0 }
  }
}
