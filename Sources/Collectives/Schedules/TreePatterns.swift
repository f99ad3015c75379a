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
  private(set) var parent: [Int]
  private(set) var children: [[Int]]
  private(set) var depth: [Int]
  private(set) var root = 0
  private(set) var height = 0

  init(count: Int) {
    parent = Array(repeating: -1, count: count)
    children = Array(repeating: [], count: count)
    depth = Array(repeating: 0, count: count)
    root = build(0..<count, depth: 0)
  }

  private mutating func build(_ places: Range<Int>, depth level: Int) -> Int {
    let power = 1 << (Int.bitWidth - 1 - places.count.leadingZeroBitCount)
    let top = places.lowerBound + power - 1
    depth[top] = level
    height = max(height, level)
    for part in [places.lowerBound..<top, top + 1..<places.upperBound] where !part.isEmpty {
      let child = build(part, depth: level + 1)
      parent[child] = top
      children[top].append(child)
    }
    return top
  }
}

/// Two trees, each for half of the elements, chunk by chunk. A rank at depth d of a tree of height H hands chunk k up in round
/// k + H − d, and down in round k + H + d: when all that it needs has come.
struct DoubleTreePattern: SchedulePattern {
  let roundCount: Int
  private let sums: Bool
  private let members: Members
  private let tree: InOrderTree
  private let halves: [RangeSlices]
  private let chunks: Int
  /// By how many positions each tree is moved.
  private let shifts: [Int]

  init(_ collective: Collective, _ members: Members, _ range: Range<Int>, chunks: Int, root: Int) {
    sums = collective == .allReduce
    self.members = members
    self.chunks = chunks
    let tree = InOrderTree(count: members.count)
    self.tree = tree
    let both = RangeSlices(range, parts: 2)
    halves = [0, 1].map { RangeSlices(both[$0], parts: chunks) }
    // Of a broadcast both trees start at its root; of a sum anywhere, as long as they differ.
    let start = sums ? 0 : (members.position(root) ?? 0) - tree.root
    shifts = sums ? [0, 1] : [start, start]
    roundCount = (sums ? 2 : 1) * tree.height + chunks - 1
  }

  func append(rank: Int, round: Int, to actions: inout [ScheduleAction]) {
    guard let position = members.position(rank) else { return }
    for half in 0..<2 {
      let place = wrapped(position - shifts[half])
      if sums {
        // Up: from the children in the round in which they send, to the parent in the next.
        let up = round - (tree.height - tree.depth[place])
        if tree.parent[place] >= 0, 0..<chunks ~= up { add(.send, tree.parent[place], half, up, &actions) }
        if 0..<chunks ~= up + 1 { for child in tree.children[place] { add(.reduce, child, half, up + 1, &actions) } }
      }
      let base = sums ? tree.height : 0
      let down = round - (base + tree.depth[place])
      if 0..<chunks ~= down { for child in tree.children[place] { add(.send, child, half, down, &actions) } }
      if tree.parent[place] >= 0, 0..<chunks ~= down + 1 { add(.receive, tree.parent[place], half, down + 1, &actions) }
    }
  }

  private func wrapped(_ position: Int) -> Int {
    let n = members.count
    return ((position % n) + n) % n
  }

  private func add(
    _ kind: ScheduleAction.Kind, _ place: Int, _ half: Int, _ chunk: Int, _ actions: inout [ScheduleAction]
  ) {
    actions.add(kind, members[wrapped(place + shifts[half])], halves[half][chunk])
  }
}
