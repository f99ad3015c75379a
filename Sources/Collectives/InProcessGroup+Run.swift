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
          outcome.finish(rank, .success(try body(group))) { exchange.leave(rank: rank, reason: "has returned") }
        } catch {
          outcome.finish(rank, .failure(error)) { exchange.leave(rank: rank, reason: "failed: \(error)") }
        }
      }
      thread.stackSize = stackBytes
      thread.name = "rank \(rank)"
      thread.start()
    }
    return try outcome.wait()
  }
}

/// Collects how the ranks ended.
private final class Outcome<Value: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var values: [Value?]
  private var ended = 0
  private var firstError: (any Error)?

  init(rankCount: Int) { values = Array(repeating: nil, count: rankCount) }

  /// Records the end of `rank` before `leave` tells the others, so that the first error is the one that caused the rest.
  func finish(_ rank: Int, _ result: Result<Value, any Error>, leave: () -> Void) {
    condition.withLock {
      switch result {
      case .success(let value): values[rank] = value
      case .failure(let error): firstError = firstError ?? error
      }
    }
    leave()
    condition.withLock {
      ended += 1
      condition.broadcast()
    }
  }

  func wait() throws -> [Value] {
    condition.lock()
    defer { condition.unlock() }
    while ended < values.count { condition.wait() }
    if let firstError { throw firstError }
    return values.compactMap { $0 }
  }
}
