import Collectives

extension Conformance {
  static let reducerChecks =
    sumChecks + [
      Check("ranks that reduce different counts are told all of them, and no data moves", mismatch),
      Check("the fastest sum is right to rounding", fastest),
      Check("the fastest sum in bfloat16 is right to its rounding, and the same on every rank", fastestRounded),
      Check("shards that no rank or two ranks hold are refused on every rank", badRanges),
    ]

  /// What does not depend on the hosts of the ranks.
  package static let sumChecks = [
    Check("the reproducible sum has the bits of the canonical tree for any split of the shards", reproducible),
    Check("one reducer has those bits for few elements and for many", manySizes),
    Check("slots in shared memory are reduced in place to those bits", shared),
    Check("a part of the elements is reduced and nothing else of slot 0 changes", parts),
    Check("what travels as bfloat16 has the bits of the rounded tree for any split of the shards", rounded),
  ]

  /// The ways to reduce that the group's hosts allow.
  private static func algorithms(_ group: any Group) throws -> [ReproducibleReducer.Algorithm] {
    let hosts = try group.hostIndices()
    let count = Set(hosts).count
    let isInOrder = zip(hosts, hosts.dropFirst()).count { $0 != $1 } == count - 1
    return ReproducibleReducer.Algorithm.allCases.filter {
      switch $0 {
      case .sharedMemory: count == 1
      case .hostwise: isInOrder
      case .messages, .exchangeAll, .reduceScatter: true
      }
    }
  }

  private static func reproducible(_ group: any Group) throws {
    for shardCount in max(1, group.rankCount)...max(9, group.rankCount) {
      for ranges in splits(shardCount, group.rankCount) {
        for count in [0, 1, group.rankCount - 1, 33, 5000] {
          for algorithm in [nil] + (try algorithms(group)) {
            let reducer = try ReproducibleReducer(
              group: group, shardCount: shardCount, range: ranges[group.rank], maximumCount: count,
              algorithm: algorithm)
            let actual = try reduce(with: reducer, count: count, stride: count + 3, elements: 0..<count)
            let expected = treeSum(CanonicalTree(shardCount: shardCount), count)
            try expectEqual(
              actual.prefix(count).map(\.bitPattern), expected.map(\.bitPattern),
              "\(count) elements, shards \(ranges), \(algorithm?.rawValue ?? "measured choice")")
          }
        }
      }
    }
  }

  private static func manySizes(_ group: any Group) throws {
    let shardCount = group.rankCount + 3
    let largest = 140_001
    let reducer = try ReproducibleReducer(
      group: group, shardCount: shardCount, range: evenRanges(shardCount, group.rankCount)[group.rank],
      maximumCount: largest)
    for count in [largest, 9, 20_011, 4097] {
      let actual = try reduce(with: reducer, count: count, stride: count, elements: 0..<count)
      try expectEqual(
        actual.map(\.bitPattern), treeSum(reducer.tree, count).map(\.bitPattern), "\(count) elements")
    }
  }

  private static func shared(_ group: any Group) throws {
    let shardCount = group.rankCount + 3
    for ranges in splits(shardCount, group.rankCount) {
      let stride = 200_003
      let reducers: [any ShardReducer] = [
        try ReproducibleReducer(
          group: group, shardCount: shardCount, range: ranges[group.rank], maximumCount: stride),
        try FastestReducer(group: group, range: ranges[group.rank]),
      ]
      for reducer in reducers {
        let memory = try group.sharedMemory(byteCount: 4 * stride * reducer.schedule.slotCount)
        reducer.adopt(memory)
        for elements in [0..<stride, 17..<9_018, 100_001..<stride, 5..<6, 0..<stride] {
          var span = unsafe memory.floats.mutableSpan
          let actual = try reduce(with: reducer, &span, count: stride, stride: stride, elements: elements)
          let expected = treeSum(CanonicalTree(shardCount: shardCount), stride)
          guard reducer is ReproducibleReducer else {
            try expectNear(Array(actual[elements]), Array(expected[elements]))
            continue
          }
          try expectEqual(
            actual[elements].map(\.bitPattern), expected[elements].map(\.bitPattern),
            "elements \(elements), shards \(ranges)")
        }
      }
    }
  }

  private static func mismatch(_ group: any Group) throws {
    guard group.rankCount > 1 else { return }
    for count in [3, 50_000] {
      let reducer = try ReproducibleReducer(
        group: group, shardCount: group.rankCount, range: group.rank..<group.rank + 1, maximumCount: 60_000)
      var slots = gradient(group.rank, 60_000)
      var span = slots.mutableSpan
      try expectError(.countMismatch, naming: ["\(count)", "\(count + 1)"]) {
        try reducer.allReduce(&span, stride: 60_000, elements: 0..<count + (group.rank == 1 ? 1 : 0))
      }
      try expectEqual(slots, gradient(group.rank, 60_000), "after a refusal")
    }
  }

  private static func parts(_ group: any Group) throws {
    let shardCount = 2 * group.rankCount + 1
    let ranges = evenRanges(shardCount, group.rankCount)
    let count = 3001
    for algorithm in try algorithms(group) {
      let reducer = try ReproducibleReducer(
        group: group, shardCount: shardCount, range: ranges[group.rank], maximumCount: 2000, algorithm: algorithm)
      let elements = 777..<2500
      let whole = try reduce(with: reducer, count: count, stride: count, elements: 0..<0)
      let part = try reduce(with: reducer, count: count, stride: count, elements: elements)
      let sum = treeSum(reducer.tree, count)
      let expected = whole.indices.map { elements.contains($0) ? sum[$0] : whole[$0] }
      try expectEqual(part.map(\.bitPattern), expected.map(\.bitPattern), algorithm.rawValue)
      try expectError(.invalidArgument, naming: ["2001"]) {
        _ = try reduce(with: reducer, count: count, stride: count, elements: 0..<2001)
      }
    }
  }

  private static func fastest(_ group: any Group) throws {
    let shardCount = group.rankCount + 4
    let range = evenRanges(shardCount, group.rankCount)[group.rank]
    let count = 501
    let actual = try reduce(
      with: try FastestReducer(group: group, range: range), count: count, stride: count + 1, elements: 0..<count)
    let expected = treeSum(CanonicalTree(shardCount: shardCount), count)
    try expectNear(actual, expected)
    // By every schedule that a job may name; several sizes by one reducer.
    let topology = Topology(hostOfRank: try group.hostIndices())
    for algorithm in ScheduleAlgorithm.allCases where algorithm.obstacle(.allReduce, topology) == nil {
      let reducer = try FastestReducer(group: group, range: range, algorithm: algorithm)
      for count in [501, 7, 501] {
        let actual = try reduce(with: reducer, count: count, stride: count + 1, elements: 0..<count)
        try expectNear(actual, Array(expected[..<count]))
      }
      if group.rankCount > 1 { try expectEqual(reducer.algorithms, [algorithm.name], "algorithms used") }
    }
  }

  private static func expectNear(_ actual: [Float], _ expected: [Float]) throws {
    let scale = expected.map(abs).max() ?? 0
    for index in expected.indices where !(abs(actual[index] - expected[index]) <= 1e-5 * scale) {
      throw Difference(description: "sum[\(index)] is \(actual[index]), not near \(expected[index])")
    }
  }

  private static func rounded(_ group: any Group) throws {
    for shardCount in [group.rankCount, group.rankCount + 1, 9] where shardCount >= group.rankCount {
      for ranges in splits(shardCount, group.rankCount) {
        for count in [0, 1, 33, 5000] {
          let reducer = try BFloat16Reducer(
            group: group, shardCount: shardCount, range: ranges[group.rank], maximumCount: count, isReproducible: true)
          let actual = try reduce(with: reducer, count: count, stride: count + 3, elements: 0..<count)
          let expected = roundedTreeSum(CanonicalTree(shardCount: shardCount), count)
          try expectEqual(
            actual.map(\.bitPattern), expected.map(\.bitPattern), "\(count) elements, shards \(ranges)")
        }
      }
    }
  }

  private static func fastestRounded(_ group: any Group) throws {
    let shardCount = group.rankCount + 4
    let count = 4501
    let reducer = try BFloat16Reducer(
      group: group, shardCount: shardCount, range: evenRanges(shardCount, group.rankCount)[group.rank],
      maximumCount: count, isReproducible: false)
    let actual = try reduce(with: reducer, count: count, stride: count, elements: 0..<count)
    let expected = treeSum(CanonicalTree(shardCount: shardCount), count)
    var largest = [Float](repeating: 0, count: count)
    for shard in 0..<shardCount {
      for (index, value) in gradient(shard, count).enumerated() { largest[index] += abs(value) }
    }
    for index in 0..<count where !(abs(actual[index] - expected[index]) <= largest[index] / 128) {
      throw Difference(description: "sum[\(index)] is \(actual[index]), not near \(expected[index])")
    }
    var first = actual
    try group.broadcast(&first, root: 0)
    try expectEqual(actual.map(\.bitPattern), first.map(\.bitPattern), "the sum of rank 0")
  }

  private static func badRanges(_ group: any Group) throws {
    let shardCount = group.rankCount + 2
    let right = evenRanges(shardCount, group.rankCount)
    let last = right[group.rankCount - 1]
    let wrong = [last.lowerBound..<(last.upperBound - 1), last.lowerBound..<last.lowerBound, 0..<(shardCount + 1)]
    for range in wrong where range != right[group.rankCount - 1] {
      try expectError(.invalidArgument) {
        _ = try ReproducibleReducer(
          group: group, shardCount: shardCount, range: group.rank == group.rankCount - 1 ? range : right[group.rank],
          maximumCount: 5)
      }
    }
    guard group.rankCount > 1 else { return }
    try expectError(.countMismatch, naming: ["elements"]) {
      _ = try ReproducibleReducer(
        group: group, shardCount: shardCount, range: right[group.rank], maximumCount: 5 + group.rank)
    }
  }

  /// Follows the schedule of `reducer` as a training step does; slot 0 afterwards.
  private static func reduce(
    with reducer: some ShardReducer, count: Int, stride: Int, elements: Range<Int>
  ) throws -> [Float] {
    var slots = [Float](repeating: .nan, count: reducer.schedule.slotCount * stride)
    var span = slots.mutableSpan
    return try reduce(with: reducer, &span, count: count, stride: stride, elements: elements)
  }

  private static func reduce(
    with reducer: any ShardReducer, _ span: inout MutableSpan<Float>, count: Int, stride: Int, elements: Range<Int>
  ) throws -> [Float] {
    for step in reducer.schedule.steps {
      for (index, value) in gradient(step.shard, count).enumerated() { span[step.slot * stride + index] = value }
      try reducer.merge(step, &span, stride: stride, elements: 0..<count)
    }
    try reducer.allReduce(&span, stride: stride, elements: elements)
    return (0..<min(count, stride)).map { span[$0] }
  }

  /// The sum of all shards by recursion over the tree, all of it here: the reference.
  private static func treeSum(_ tree: CanonicalTree, _ count: Int) -> [Float] {
    func sum(_ node: Range<Int>) -> [Float] {
      guard let (left, right) = tree.children(of: node) else { return gradient(node.lowerBound, count) }
      return zip(sum(left), sum(right)).map { $0 + $1 }
    }
    return sum(tree.root)
  }

  /// The same with every node rounded to bfloat16 by arithmetic: to the nearest multiple of its last place, ties to even.
  private static func roundedTreeSum(_ tree: CanonicalTree, _ count: Int) -> [Float] {
    func rounded(_ x: Float) -> Float {
      guard x != 0 else { return x }
      let place = Float(sign: .plus, exponent: x.exponent - 7, significand: 1)
      return (x / place).rounded(.toNearestOrEven) * place
    }
    func sum(_ node: Range<Int>) -> [Float] {
      guard let (left, right) = tree.children(of: node) else { return gradient(node.lowerBound, count).map(rounded) }
      return zip(sum(left), sum(right)).map { rounded($0 + $1) }
    }
    return sum(tree.root)
  }

  /// A gradient whose sum depends on the order: signs and magnitudes vary, and nothing is a round number.
  private static func gradient(_ shard: Int, _ count: Int) -> [Float] {
    (0..<count).map { index in
      let mixed = UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(shard + 1) &* 0xC2B2_AE3D_27D4_EB4F
      let value = Float(Int32(truncatingIfNeeded: mixed >> 21)) / 1.7e9
      return value * (shard % 3 == 1 ? 1000 : 1)
    }
  }

  private static func evenRanges(_ shardCount: Int, _ rankCount: Int) -> [Range<Int>] {
    (0..<rankCount).map { ($0 * shardCount / rankCount)..<(($0 + 1) * shardCount / rankCount) }
  }

  /// An even split, and those that give the first or the last rank all that the others can spare.
  private static func splits(_ shardCount: Int, _ rankCount: Int) -> [[Range<Int>]] {
    let spare = shardCount - rankCount
    let first = (0..<rankCount).map { rank in (rank == 0 ? 0 : rank + spare)..<(rank + 1 + spare) }
    let last = (0..<rankCount).map { rank in rank..<(rank == rankCount - 1 ? shardCount : rank + 1) }
    return spare == 0 || rankCount == 1 ? [first] : [evenRanges(shardCount, rankCount), first, last]
  }
}
