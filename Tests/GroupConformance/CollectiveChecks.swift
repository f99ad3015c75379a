import Collectives
import Dispatch
import Foundation

extension Conformance {
  static let collectiveChecks = [
    Check("broadcast gives every rank the bytes of each root", broadcast),
    Check("no rank leaves a barrier before the last one arrives", barrier),
    Check("all-reduce is right for each type, operation and odd size", allReduce),
    Check("integer sums wrap around", wrapAround),
    Check("all-reduce of 8 MiB is right at each element", largeAllReduce),
    Check("gather puts the parts in rank order at each root", gather),
    Check("reduce-scatter gives each rank its part for even, uneven and zero counts", reduceScatter),
    Check("all-gather puts even, uneven and empty parts in rank order", allGather),
    Check("counts that do not fit the buffers are refused", badCounts),
    Check("messages of any length are broadcast and gathered", messages),
  ]

  private static func broadcast(_ group: any Group) throws {
    for root in 0..<group.rankCount {
      for size in [0, 1, 1001, 300_001] {
        var bytes = pattern(size, rank: group.rank, salt: size)
        try group.broadcast(&bytes, root: root)
        try expectEqual(bytes, pattern(size, rank: root, salt: size), "\(size) bytes of rank \(root)")
      }
    }
  }

  private static func barrier(_ group: any Group) throws {
    // The ranks run on one host, so they share its monotonic clock.
    for late in 0..<group.rankCount {
      try group.barrier()
      if group.rank == late { Thread.sleep(forTimeInterval: 0.01) }
      let arrived = Int64(DispatchTime.now().uptimeNanoseconds)
      try group.barrier()
      let left = Int64(DispatchTime.now().uptimeNanoseconds)
      let lastArrival = try group.allReduce(arrived, .maximum)
      guard left >= lastArrival else {
        throw Difference(description: "left \(lastArrival - left) ns before the last rank arrived")
      }
    }
  }

  private static func allReduce(_ group: any Group) throws {
    for reduction in Reduction.allCases {
      for count in [0, 1, 3, 1001] {
        try allReduce(group, count, reduction) { Float($0) }
        try allReduce(group, count, reduction) { Double($0) }
        try allReduce(group, count, reduction) { Int32($0) }
        try allReduce(group, count, reduction) { Int64($0) * 5_000_000_000 }
        try allReduce(group, count, reduction) { UInt8(truncatingIfNeeded: $0) }
      }
    }
  }

  /// All values are small integers, so that sums are exact in every type and order.
  private static func allReduce<Element: GroupElement & Numeric>(
    _ group: any Group, _ count: Int, _ reduction: Reduction, _ make: (Int) -> Element
  ) throws {
    func values(_ rank: Int) -> [Element] { (0..<count).map { make(($0 * 7 + rank * 11) % 23 + rank) } }
    var actual = values(group.rank)
    try group.allReduce(&actual, reduction)
    try expectEqual(
      actual, reference((0..<group.rankCount).map(values), reduction), "\(reduction) of \(count) \(Element.kind)")
  }

  private static func wrapAround(_ group: any Group) throws {
    var values: [UInt8] = [200, 3]
    try group.allReduce(&values, .sum)
    let count = group.rankCount
    try expectEqual(values, [UInt8(truncatingIfNeeded: 200 * count), UInt8(truncatingIfNeeded: 3 * count)], "sum")
  }

  private static func largeAllReduce(_ group: any Group) throws {
    let count = 2 << 20
    var values = (0..<count).map { Float(($0 % 1013) * (group.rank + 1)) }
    try group.allReduce(&values, .sum)
    let factor = group.rankCount * (group.rankCount + 1) / 2
    try expectEqual(values, (0..<count).map { Float(($0 % 1013) * factor) }, "sum")
  }

  private static func gather(_ group: any Group) throws {
    for root in 0..<group.rankCount {
      for size in [0, 13, 70_001] {
        let own = pattern(size, rank: group.rank, salt: root)
        var all = [UInt8](repeating: 0, count: group.rank == root ? size * group.rankCount : 0)
        var span = all.mutableSpan
        try group.gather(own.span, into: &span, root: root)
        guard group.rank == root else { continue }
        try expectEqual(all, (0..<group.rankCount).flatMap { pattern(size, rank: $0, salt: root) }, "gathered")
      }
    }
  }

  /// Counts by rank: even, uneven, with zeros, and nothing at all.
  private static func counts(_ rankCount: Int) -> [[Int]] {
    [
      Array(repeating: 17, count: rankCount), (0..<rankCount).map { 5 + 1000 * $0 },
      (0..<rankCount).map { $0 % 2 == 0 ? 0 : 3 + $0 }, (0..<rankCount).map { $0 == 0 ? 9 : 0 },
      Array(repeating: 0, count: rankCount),
    ]
  }

  private static func reduceScatter(_ group: any Group) throws {
    for counts in counts(group.rankCount) {
      for reduction in Reduction.allCases {
        let total = counts.reduce(0, +)
        func values(_ rank: Int) -> [Float] { (0..<total).map { Float(($0 * 3 + rank * 5) % 19) } }
        var part = [Float](repeating: -1, count: counts[group.rank])
        var span = part.mutableSpan
        let own = values(group.rank)
        try group.reduceScatter(own.span, into: &span, counts: counts, reduction)
        let start = counts[..<group.rank].reduce(0, +)
        let all = reference((0..<group.rankCount).map(values), reduction)
        try expectEqual(part, Array(all[start..<(start + part.count)]), "\(reduction) of counts \(counts)")
      }
    }
  }

  private static func allGather(_ group: any Group) throws {
    for counts in counts(group.rankCount) {
      func values(_ rank: Int) -> [Int32] { (0..<counts[rank]).map { Int32($0 * 10 + rank) } }
      var all = [Int32](repeating: -1, count: counts.reduce(0, +))
      var span = all.mutableSpan
      let own = values(group.rank)
      try group.allGather(own.span, into: &span, counts: counts)
      try expectEqual(all, (0..<group.rankCount).flatMap(values), "gathered \(counts)")
    }
  }

  private static func badCounts(_ group: any Group) throws {
    let own: [Float] = [1, 2, 3]
    var all = [Float](repeating: 0, count: 3 * group.rankCount)
    let even = Array(repeating: 3, count: group.rankCount)
    try expectError(.invalidArgument) {
      var span = all.mutableSpan
      try group.allGather(own.span, into: &span, counts: even + [3])
    }
    try expectError(.countMismatch) {
      var span = all.mutableSpan
      try group.allGather(own.span, into: &span, counts: even.map { $0 + 1 })
    }
    try expectError(.countMismatch) {
      let values = all
      var span = all.mutableSpan
      try group.reduceScatter(values.span, into: &span, counts: even.map { $0 + 1 }, .sum)
    }
  }

  private static func messages(_ group: any Group) throws {
    for root in 0..<group.rankCount {
      let message = pattern(41 * root, rank: root)
      let heard = try group.broadcastMessage(group.rank == root ? message : [1, 2], root: root)
      try expectEqual(heard, message, "the message of rank \(root)")
      let gathered = try group.gatherMessages(pattern(7 * group.rank, rank: group.rank), root: root)
      guard (gathered != nil) == (group.rank == root) else { throw Difference(description: "gathered elsewhere") }
      for (rank, message) in (gathered ?? []).enumerated() {
        try expectEqual(message, pattern(7 * rank, rank: rank), "the message of rank \(rank)")
      }
    }
  }

  private static func reference<Element: GroupElement & Numeric>(
    _ values: [[Element]], _ reduction: Reduction
  ) -> [Element] {
    values[0].indices.map { index in
      let column = values.map { $0[index] }
      switch reduction {
      case .sum: return column.dropFirst().reduce(column[0]) { addWrapping($0, $1) }
      case .minimum: return column.dropFirst().reduce(column[0], Swift.min)
      case .maximum: return column.dropFirst().reduce(column[0], Swift.max)
      }
    }
  }

  /// UInt8 sums of these checks may pass 255.
  private static func addWrapping<Element: GroupElement & Numeric>(_ left: Element, _ right: Element) -> Element {
    if let left = left as? UInt8, let right = right as? UInt8, let sum = (left &+ right) as? Element { return sum }
    return left + right
  }
}
