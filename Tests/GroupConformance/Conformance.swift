package import Collectives

/// What every `Group` promises, whatever its transport: one check a claim, made by all ranks together.
package struct Check: Sendable {
  package let claim: String
  package let run: @Sendable (any Group) throws -> Void

  init(_ claim: String, _ run: @escaping @Sendable (any Group) throws -> Void) {
    self.claim = claim
    self.run = run
  }
}

package enum Conformance {
  package static let checks = messageChecks + collectiveChecks + sharedMemoryChecks + reducerChecks + scheduleChecks
  package static var claims: [String] { checks.map(\.claim) }

  /// Makes checks in order; `told` is called behind each with its claim, on every rank.
  ///
  /// - Throws: a `Violation` on the rank that saw it; the others may see a lost peer.
  package static func run(
    _ checks: [Check] = checks, on group: any Group, told: (String) -> Void = { _ in }
  ) throws {
    for check in checks {
      do {
        try check.run(group)
        try group.barrier()
      } catch {
        throw Violation(claim: check.claim, rank: group.rank, rankCount: group.rankCount, cause: "\(error)")
      }
      told(check.claim)
    }
  }
}

/// A promise that a group did not keep.
package struct Violation: Error, CustomStringConvertible {
  package let claim: String
  package let rank: Int
  package let rankCount: Int
  package let cause: String

  package var description: String { "rank \(rank) of \(rankCount): not true that \(claim): \(cause)" }
}

struct Difference: Error, CustomStringConvertible {
  let description: String
}

func expectEqual<Value: Equatable>(_ actual: [Value], _ expected: [Value], _ what: @autoclosure () -> String) throws {
  guard actual != expected else { return }
  guard actual.count == expected.count else {
    throw Difference(description: "\(what()): \(actual.count) elements instead of \(expected.count)")
  }
  let index = zip(actual, expected).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
  throw Difference(description: "\(what())[\(index)] is \(actual[index]), not \(expected[index])")
}

func expectError(_ code: GroupError.Code, naming values: [String] = [], _ body: () throws -> Void) throws {
  do {
    try body()
  } catch let error as GroupError {
    guard error.code == code, values.allSatisfy(error.sentence.contains) else {
      throw Difference(description: "'\(error)' instead of \(code.rawValue) naming \(values)")
    }
    return
  }
  throw Difference(description: "no error where \(code.rawValue) is due")
}

/// Bytes that differ between ranks, places and messages.
func pattern(_ count: Int, rank: Int, salt: Int = 0) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ ($0 >> 8) &+ rank &* 97 &+ salt &* 13 &+ 5) }
}
