package import Collectives

/// Another rank failed in a phase that all do together; it tells its own story.
package struct PeerFailed: Error, Sendable {
  package let rank: Int
  package let exitCode: Int32
}

/// Phases that succeed on every rank or end the run on every rank, with one message.
package enum Agreement {
  /// Runs `body` on every rank, however long it takes on one, and goes on only if it succeeded on all.
  ///
  /// - Parameter exitCode: what an error of `body` means for the process.
  /// - Throws: on the lowest rank that failed its own error, on the others `PeerFailed`.
  package static func together<Result>(
    _ group: any Group, exitCode: (any Error) -> Int32, _ body: () throws -> Result
  ) throws -> Result {
    let outcome: Swift.Result<Result, any Error> = Swift.Result { try group.working(body) }
    var failed = Int32.max
    if case .failure(let error) = outcome { failed = Int32(group.rank) << 8 | exitCode(error) }
    let first = try group.allReduce(failed, .minimum)
    guard first != .max else { return try outcome.get() }
    if case .failure(let error) = outcome, Int(first >> 8) == group.rank { throw error }
    throw PeerFailed(rank: Int(first >> 8), exitCode: first & 0xff)
  }

  /// Runs `body`, whose errors all ranks throw alike, so that only rank 0 speaks of one.
  package static func alike<Result>(
    _ group: any Group, exitCode: (any Error) -> Int32, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch  where group.rank != 0 {
      throw PeerFailed(rank: 0, exitCode: exitCode(error))
    }
  }

  /// Checks that every rank sees the same thing.
  /// - Throws: `TrainingError` with `.disagreement` on every rank, naming the hosts that differ from rank 0.
  static func same(_ value: UInt64, _ what: String, _ group: any Group) throws {
    let values = try group.allGatherCounts(Int(truncatingIfNeeded: value))
    guard let other = values.firstIndex(where: { $0 != values[0] }) else { return }
    throw TrainingError(
      .disagreement,
      "rank \(other) sees another \(what) than rank 0; put the same one on every host")
  }
}

/// FNV-1a, 64 bits: a fingerprint that ranks compare.
struct Fingerprint {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  static func of(_ text: String) -> UInt64 {
    var fingerprint = Fingerprint()
    fingerprint.add(text.utf8)
    return fingerprint.value
  }
}
