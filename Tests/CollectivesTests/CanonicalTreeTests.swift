import Collectives
import Testing

@Test(
  "A range splits at the largest power of two below its length",
  arguments: [
    (0..<2, 1), (0..<3, 2), (0..<4, 2), (0..<5, 4), (0..<8, 4), (0..<9, 8), (4..<7, 6), (8..<13, 12),
  ])
func treeSplit(node: Range<Int>, middle: Int) {
  let children = CanonicalTree(shardCount: 13).children(of: node)
  #expect(children?.left == node.lowerBound..<middle)
  #expect(children?.right == middle..<node.upperBound)
}

@Test("A single shard has no children")
func treeLeaf() {
  #expect(CanonicalTree(shardCount: 6).children(of: 5..<6) == nil)
}

@Test("Maximal subtrees are the largest nodes inside a range, in order")
func maximalSubtrees() {
  let tree = CanonicalTree(shardCount: 13)
  #expect(tree.maximalSubtrees(in: 0..<13) == [0..<13])
  #expect(tree.maximalSubtrees(in: 1..<7) == [1..<2, 2..<4, 4..<6, 6..<7])
  #expect(tree.maximalSubtrees(in: 8..<13) == [8..<13])
  #expect(tree.maximalSubtrees(in: 3..<13) == [3..<4, 4..<8, 8..<13])
  #expect(tree.maximalSubtrees(in: 5..<5) == [])
}

@Test("The schedule sums each maximal subtree in the order of the tree, in few slots", arguments: 1...17)
func scheduleFollowsTree(shardCount: Int) {
  let tree = CanonicalTree(shardCount: shardCount)
  for lower in 0..<shardCount {
    for upper in (lower + 1)...shardCount {
      let schedule = AccumulationSchedule(tree: tree, range: lower..<upper)
      #expect(schedule.steps.map(\.shard) == Array(lower..<upper))
      // The slots hold expressions instead of numbers, so that the order of the additions can be read.
      var slots = [String?](repeating: nil, count: schedule.slotCount)
      for step in schedule.steps {
        #expect(slots[step.slot] == nil, "shard \(step.shard) of \(lower..<upper) overwrites a sum")
        slots[step.slot] = "\(step.shard)"
        for merge in step.merges {
          slots[merge.destination] = "(\(slots[merge.destination] ?? "nothing")+\(slots[merge.source] ?? "nothing"))"
          slots[merge.source] = nil
        }
      }
      #expect(schedule.results == tree.maximalSubtrees(in: lower..<upper))
      #expect(slots.compactMap { $0 } == schedule.results.map { expression($0, tree) })
      #expect(slots.prefix(schedule.resultCount).allSatisfy { $0 != nil })
      let depth = (upper - lower).bitWidth - (upper - lower).leadingZeroBitCount
      #expect(schedule.slotCount <= schedule.resultCount + depth)
    }
  }
}

@Test("Seven shards are summed as ((0+1)+(2+3))+((4+5)+6) in three slots")
func scheduleOfSeven() {
  let tree = CanonicalTree(shardCount: 7)
  let schedule = AccumulationSchedule(tree: tree, range: 0..<7)
  #expect(expression(0..<7, tree) == "(((0+1)+(2+3))+((4+5)+6))")
  #expect(schedule.steps.map(\.slot) == [0, 1, 1, 2, 1, 2, 2])
  #expect(schedule.steps.map(\.merges.count) == [0, 1, 0, 2, 0, 1, 2])
  #expect(schedule.slotCount == 3)
}

@Test("A running sum takes two slots, or one for one shard")
func runningSum() {
  #expect(AccumulationSchedule(runningSumOver: 3..<7).slotCount == 2)
  #expect(AccumulationSchedule(runningSumOver: 3..<4).slotCount == 1)
  #expect(AccumulationSchedule(runningSumOver: 3..<7).steps.map(\.slot) == [0, 1, 1, 1])
}

private func expression(_ node: Range<Int>, _ tree: CanonicalTree) -> String {
  guard let (left, right) = tree.children(of: node) else { return "\(node.lowerBound)" }
  return "(\(expression(left, tree))+\(expression(right, tree)))"
}
