/// The one binary tree over the shards 0 ..< shardCount along which gradients are summed, whatever rank holds which.
///
/// A node is the range of shards under it. A range a ..< b of more than one shard splits at a + the largest power of two
/// below b − a: seven shards are ((0+1)+(2+3))+((4+5)+6). So the tree is a function of the shard count alone, every left
/// child is perfect, and shards summed in order keep at most log2 of their number of sums waiting.
package struct CanonicalTree: Sendable, Equatable {
  package let shardCount: Int

  /// - Precondition: one shard or more.
  package init(shardCount: Int) {
    precondition(shardCount > 0, "a tree over \(shardCount) shards")
    self.shardCount = shardCount
  }

  package var root: Range<Int> { 0..<shardCount }

  /// The two children of a node; nil for a single shard.
  package func children(of node: Range<Int>) -> (left: Range<Int>, right: Range<Int>)? {
    guard node.count > 1 else { return nil }
    let below = node.count - 1
    let leftCount = 1 << (Int.bitWidth - 1 - below.leadingZeroBitCount)
    let middle = node.lowerBound + leftCount
    return (node.lowerBound..<middle, middle..<node.upperBound)
  }

  /// The nodes inside `range` whose parents are not, in order: what a rank with these shards can sum alone.
  package func maximalSubtrees(in range: Range<Int>) -> [Range<Int>] {
    precondition(range.clamped(to: root) == range, "shards \(range) of \(shardCount)")
    var found: [Range<Int>] = []
    func visit(_ node: Range<Int>) {
      if node.clamped(to: range) == node {
        found.append(node)
      } else if node.overlaps(range), let (left, right) = children(of: node) {
        visit(left)
        visit(right)
      }
    }
    visit(root)
    return found
  }

  /// The additions that sum `leaves` up to a node, in order; the sum ends in leaf 0.
  ///
  /// - Parameters:
  ///   - leaves: nodes that partition the shards under it, in order.
  ///   - top: that node; nil for the root.
  func merges(of leaves: [Range<Int>], under top: Range<Int>? = nil) -> [AccumulationSchedule.Merge] {
    var merges: [AccumulationSchedule.Merge] = []
    var next = 0
    func visit(_ node: Range<Int>) -> Int {
      if next < leaves.count, leaves[next] == node {
        next += 1
        return next - 1
      }
      guard let (left, right) = children(of: node) else {
        preconditionFailure("\(leaves) do not partition \(top ?? root)")
      }
      let destination = visit(left)
      let source = visit(right)
      merges.append(.init(source: source, destination: destination))
      return destination
    }
    _ = visit(top ?? root)
    return merges
  }
}
