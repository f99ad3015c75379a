/// How a rank sums the gradients of its shards in few buffers, called slots: computed once, then only followed.
///
/// Shards come in order. Each writes its gradient into its slot, overwriting it; then the merges behind it are done. At
/// the end slot i < resultCount holds the sum of `results[i]`.
package struct AccumulationSchedule: Sendable, Equatable {
  /// Adds slot `source` to slot `destination`, element by element. The source is free afterwards.
  package struct Merge: Sendable, Equatable {
    package let source: Int
    package let destination: Int
  }

  package struct Step: Sendable, Equatable {
    package let shard: Int
    /// Where the shard writes its gradient.
    package let slot: Int
    /// What to add, in order, when it has.
    package let merges: [Merge]
  }

  package let steps: [Step]
  /// How many slots the steps use.
  package let slotCount: Int
  /// The ranges of shards whose sums are left in slots 0, 1, 2 …
  package let results: [Range<Int>]

  package var resultCount: Int { results.count }

  /// The sums of the maximal subtrees of `tree` inside `range`; a parent is summed as soon as both children are.
  ///
  /// Uses resultCount + log2 of the longest result slots at most.
  package init(tree: CanonicalTree, range: Range<Int>) {
    var builder = Builder(tree: tree)
    results = tree.maximalSubtrees(in: range)
    for subtree in results { _ = builder.visit(subtree) }
    steps = builder.steps
    slotCount = builder.slotCount
  }

  /// One running sum over `range`, in order, in two slots at most: what `FastestReducer` needs.
  package init(runningSumOver range: Range<Int>) {
    steps = range.map { shard in
      let first = shard == range.lowerBound
      return Step(shard: shard, slot: first ? 0 : 1, merges: first ? [] : [Merge(source: 1, destination: 0)])
    }
    slotCount = min(2, range.count)
    results = [range]
  }

  private struct Builder {
    let tree: CanonicalTree
    var steps: [Step] = []
    var slotCount = 0
    /// Slots in use are always 0 ..< depth: subtrees finish in the reverse order of their start.
    var depth = 0

    mutating func visit(_ node: Range<Int>) -> Int {
      guard let (left, right) = tree.children(of: node) else {
        steps.append(Step(shard: node.lowerBound, slot: depth, merges: []))
        depth += 1
        slotCount = max(slotCount, depth)
        return depth - 1
      }
      let destination = visit(left)
      let source = visit(right)
      let last = steps.removeLast()
      let merge = Merge(source: source, destination: destination)
      steps.append(Step(shard: last.shard, slot: last.slot, merges: last.merges + [merge]))
      depth -= 1
      return destination
    }
  }
}
