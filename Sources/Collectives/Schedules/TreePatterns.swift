/// Up a binomial tree to the first member, and down.
struct BinomialTreePattern: SchedulePattern {
  let roundCount: Int
  private let collective: Collective
  private let members: Members
  private let range: Range<Int>
  private let levels: Int
  private let first: Int

  init(_ collective: Collective, _ members: Members, _ range: Range<Int>, root: Int) {
    self.collective = collective
    self.members = members
    self.range = range
    first = collective == .broadcast ? members.position(root) ?? 0 : 0
    levels = Int.bitWidth - (members.count - 1).leadingZeroBitCount
    roundCount = collective == .allReduce ? 2 * levels : levels
  }

  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    guard let position = members.position(rank) else { return }
    let n = members.count
    let place = (position + n - first) % n
    let sums = collective == .allReduce && round < levels
    // Summing starts with neighbours, spreading ends with them.
    let level = sums ? round : roundCount - 1 - round
    let distance = 1 << level
    guard place & (distance - 1) == 0 else { return }
    if place & distance != 0 {
      actions.add(sums ? .send : .receive, members[(place - distance + first) % n], range)
    } else if place + distance < n {
      actions.add(sums ? .reduce : .send, members[(place + distance + first) % n], range)
    }
  }
}

/// A binary tree over the places 0 ..< n whose inner places are the odd ones, so that the same tree moved on by one place has
/// its inner places at the leaves of this one (Sanders, Speck & Träff 2009, §3).
struct InOrderTree: Sendable {
  /// By place; −1 of the root.
  private(set) var parent: [Int]

  init(count: Int) {
    parent = Array(repeating: -1, count: count)
    build(0..<count, below: -1)
  }

  private mutating func build(_ places: Range<Int>, below upper: Int) {
    let power = 1 << (Int.bitWidth - 1 - places.count.leadingZeroBitCount)
    let top = places.lowerBound + power - 1
    parent[top] = upper
    for part in [places.lowerBound..<top, top + 1..<places.upperBound] where !part.isEmpty {
      build(part, below: top)
    }
  }
}

/// Two trees over the hosts, each for half of the elements, a chain inside each host, chunk by chunk. A rank at depth d of
/// trees of height H hands chunk k up in round k + H − d, and down in round k + H + d: when all that it needs has come.
///
/// The chains of the two trees run in opposite directions, so that two ranks of a host use the network. On one host the
/// trees are over its ranks. The trees of a broadcast are over the other hosts, below the root.
struct DoubleTreePattern: SchedulePattern {
  let roundCount: Int
  private let sums: Bool
  private let trees: [RankTree]
  private let height: Int
  private let halves: [RangeSlices]
  private let chunks: Int

  init(_ collective: Collective, _ topology: Topology, _ range: Range<Int>, chunks: Int, root: Int) {
    sums = collective == .allReduce
    self.chunks = chunks
    let both = RangeSlices(range, parts: 2)
    halves = [0, 1].map { RangeSlices(both[$0], parts: chunks) }
    let units = topology.hosts.count > 1 ? topology.hosts : topology.hosts[0].map { [$0] }
    trees = [0, 1].map { RankTree(units, turn: $0, root: collective == .allReduce ? nil : root) }
    height = max(trees[0].height, trees[1].height)
    roundCount = (sums ? 2 : 1) * height + chunks - 1
  }

  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    for half in 0..<2 {
      let tree = trees[half]
      let slices = halves[half]
      let (parent, depth) = (tree.parent[rank], tree.depth[rank])
      if sums {
        // Up: from the children in the round in which they send, to the parent in the next.
        let up = round - (height - depth)
        if parent >= 0, 0..<chunks ~= up { actions.add(.send, parent, slices[up]) }
        if 0..<chunks ~= up + 1 { for child in tree.children[rank] { actions.add(.reduce, child, slices[up + 1]) } }
      }
      let down = round - ((sums ? height : 0) + depth)
      if 0..<chunks ~= down { for child in tree.children[rank] { actions.add(.send, child, slices[down]) } }
      if parent >= 0, 0..<chunks ~= down + 1 { actions.add(.receive, parent, slices[down + 1]) }
    }
  }
}

/// One of the two trees: of hosts by their leaders, and of the ranks of a host as a chain behind its leader.
struct RankTree: Sendable {
  /// By rank; −1 of the root.
  private(set) var parent: [Int]
  private(set) var children: [[Int]]
  private(set) var depth: [Int]
  private(set) var height = 0

  /// - Parameters:
  ///   - units: the ranks of each host; together 0 ..< n.
  ///   - turn: 0 or 1: which of the two trees.
  ///   - root: the rank on top, above a tree of the other units; nil for a tree of all.
  init(_ units: [[Int]], turn: Int, root: Int?) {
    let n = units.reduce(0) { $0 + $1.count }
    parent = Array(repeating: -1, count: n)
    children = Array(repeating: [], count: n)
    depth = Array(repeating: 0, count: n)
    var chains: [[Int]] = []
    var top = root ?? -1
    for unit in units {
      let chain = turn == 0 ? unit : unit.reversed()
      if let root, unit.contains(root) {
        link([root] + chain.filter { $0 != root })
      } else {
        chains.append(chain)
        link(chain)
      }
    }
    if !chains.isEmpty {
      let m = chains.count
      let tree = InOrderTree(count: m)
      for place in 0..<m {
        let leader = chains[(place + turn) % m][0]
        if tree.parent[place] >= 0 {
          attach(leader, below: chains[(tree.parent[place] + turn) % m][0])
        } else if let root {
          attach(leader, below: root)
        } else {
          top = leader
        }
      }
    }
    measure(from: top)
  }

  private mutating func link(_ chain: [Int]) {
    for (upper, lower) in zip(chain, chain.dropFirst()) { attach(lower, below: upper) }
  }

  private mutating func attach(_ rank: Int, below upper: Int) {
    parent[rank] = upper
    children[upper].append(rank)
  }

  private mutating func measure(from top: Int) {
    var open = [top]
    while let rank = open.popLast() {
      height = max(height, depth[rank])
      for child in children[rank] {
        depth[child] = depth[rank] + 1
        open.append(child)
      }
    }
  }
}
