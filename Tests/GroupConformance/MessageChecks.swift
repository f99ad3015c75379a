import Collectives
import Foundation

extension Conformance {
  static let messageChecks = [
    Check("rank and rankCount are those of the group and a host is named", identity),
    Check("messages of odd sizes arrive in both directions", pointToPoint),
    Check("messages of one tag arrive in order and tags do not mix", orderAndTags),
    Check("sendReceive exchanges in a ring, with uneven sizes, and with oneself", exchange),
    Check("a message of 8 MiB arrives whole both ways", largeMessage),
    Check("a message of another size is an error that names both sizes", sizeMismatch),
    Check("a rank outside of the group, oneself, and a bad tag are refused", badArguments),
    Check("a thread on a duplicate and one on the group do not meet", duplicates),
  ]

  private static func identity(_ group: any Group) throws {
    let ranks = try group.allGatherCounts(group.rank)
    try expectEqual(ranks, Array(0..<group.rankCount), "ranks")
    guard !group.hostName.isEmpty else { throw Difference(description: "the host has no name") }
  }

  private static func pointToPoint(_ group: any Group) throws {
    let last = group.rankCount - 1
    guard last > 0, group.rank == 0 || group.rank == last else { return }
    for (tag, size) in [0, 1, 7, 1023, 65_537].enumerated() {
      for (source, destination) in [(0, last), (last, 0)] {
        let bytes = pattern(size, rank: source, salt: tag)
        if group.rank == source {
          try group.send(bytes.span, to: destination, tag: tag)
        } else {
          try expectEqual(try receive(size, group, from: source, tag: tag), bytes, "\(size) bytes from \(source)")
        }
      }
    }
  }

  private static func orderAndTags(_ group: any Group) throws {
    guard group.rankCount > 1, group.rank < 2 else { return }
    let messages = (0..<4).map { pattern(5 + $0, rank: 0, salt: $0) }
    let other = pattern(6, rank: 1)
    if group.rank == 0 {
      for message in messages.prefix(2) { try group.send(message.span, to: 1, tag: 3) }
      let reply = try receive(other.count, group, from: 1, tag: MessageTag.user.upperBound - 1)
      try expectEqual(reply, other, "the reply")
      for message in messages.suffix(2) { try group.send(message.span, to: 1, tag: 3) }
    } else {
      for index in 0..<2 {
        try expectEqual(try receive(5 + index, group, from: 0, tag: 3), messages[index], "message \(index)")
      }
      try group.send(other.span, to: 0, tag: MessageTag.user.upperBound - 1)
      for index in 2..<4 {
        try expectEqual(try receive(5 + index, group, from: 0, tag: 3), messages[index], "message \(index)")
      }
    }
  }

  private static func exchange(_ group: any Group) throws {
    for distance in 0..<group.rankCount {
      let destination = (group.rank + distance) % group.rankCount
      let source = (group.rank + group.rankCount - distance) % group.rankCount
      let sent = pattern(100 + 3 * group.rank, rank: group.rank, salt: distance)
      let expected = pattern(100 + 3 * source, rank: source, salt: distance)
      let received = try swap(sent, group, to: destination, expected.count, from: source)
      try expectEqual(received, expected, "from rank \(source)")
    }
  }

  private static func largeMessage(_ group: any Group) throws {
    let size = 8 << 20
    let source = (group.rank + group.rankCount - 1) % group.rankCount
    let destination = (group.rank + 1) % group.rankCount
    let received = try swap(pattern(size, rank: group.rank), group, to: destination, size, from: source)
    try expectEqual(received, pattern(size, rank: source), "8 MiB from rank \(source)")
  }

  private static func sizeMismatch(_ group: any Group) throws {
    guard group.rankCount > 1, group.rank < 2 else { return }
    for (tag, wrong) in [11, 29].enumerated() {
      if group.rank == 0 {
        try group.send(pattern(17, rank: 0).span, to: 1, tag: tag)
      } else {
        try expectError(.countMismatch, naming: ["for \(wrong) bytes", "sent 17"]) {
          _ = try receive(wrong, group, from: 0, tag: tag)
        }
      }
    }
  }

  private static func badArguments(_ group: any Group) throws {
    let bytes = pattern(3, rank: group.rank)
    let outside = group.rankCount
    try expectError(.invalidRank, naming: ["\(outside)"]) { try group.send(bytes.span, to: outside, tag: 0) }
    try expectError(.invalidRank, naming: ["-1"]) { _ = try receive(3, group, from: -1, tag: 0) }
    try expectError(.invalidRank) { try group.send(bytes.span, to: group.rank, tag: 0) }
    try expectError(.invalidRank) { _ = try receive(3, group, from: group.rank, tag: 0) }
    try expectError(.invalidRank) { _ = try swap(bytes, group, to: outside, 3, from: 0) }
    try expectError(.invalidArgument, naming: ["-2"]) {
      var room = bytes
      var span = room.mutableSpan
      try group.sendReceive(sending: bytes.span, to: group.rank, receiving: &span, from: group.rank, tag: -2)
    }
    try expectError(.invalidRank) {
      var room = bytes
      try group.broadcast(&room, root: outside)
    }
  }

  private static func duplicates(_ group: any Group) throws {
    let copies = [try group.duplicate(), try group.duplicate()]
    let copyOfCopy = try copies[0].duplicate()
    let groups = [group] + copies + [copyOfCopy]
    try expectEqual(groups.map(\.rank), groups.map { _ in group.rank }, "rank")
    try expectEqual(groups.map(\.rankCount), groups.map { _ in group.rankCount }, "rankCount")
    let failures = Failures()
    let threads = groups.enumerated().map { index, group in
      Thread {
        failures.catching { for round in 0..<25 { try talk(group, salt: index * 25 + round) } }
      }
    }
    for thread in threads { thread.start() }
    try failures.wait(for: threads.count)
  }

  /// Exchanges of one tag and a sum, whose values tell the group that they belong to.
  private static func talk(_ group: any Group, salt: Int) throws {
    let source = (group.rank + group.rankCount - 1) % group.rankCount
    let destination = (group.rank + 1) % group.rankCount
    let received = try swap(pattern(90, rank: group.rank, salt: salt), group, to: destination, 90, from: source)
    try expectEqual(received, pattern(90, rank: source, salt: salt), "exchange \(salt)")
    let sum = try group.allReduce(Int64(group.rank + salt), .sum)
    let count = group.rankCount
    try expectEqual([sum], [Int64(count * (count - 1) / 2 + count * salt)], "sum \(salt)")
  }

  private static func receive(_ size: Int, _ group: any Group, from source: Int, tag: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: size)
    var span = bytes.mutableSpan
    try group.receive(into: &span, from: source, tag: tag)
    return bytes
  }

  private static func swap(
    _ sent: [UInt8], _ group: any Group, to destination: Int, _ size: Int, from source: Int
  ) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: size)
    var span = bytes.mutableSpan
    try group.sendReceive(sending: sent.span, to: destination, receiving: &span, from: source, tag: 5)
    return bytes
  }
}

/// The first error of several threads.
private final class Failures: @unchecked Sendable {
  private let condition = NSCondition()
  private var ended = 0
  private var first: (any Error)?

  func catching(_ body: () throws -> Void) {
    var failure: (any Error)?
    do { try body() } catch { failure = error }
    condition.withLock {
      first = first ?? failure
      ended += 1
      condition.broadcast()
    }
  }

  func wait(for count: Int) throws {
    condition.lock()
    defer { condition.unlock() }
    while ended < count && first == nil { condition.wait() }
    if let first { throw first }
  }
}
