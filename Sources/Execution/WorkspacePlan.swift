/// Where each buffer of a program lies in its workspace: buffers whose lives overlap never overlap in memory.
package struct WorkspacePlan {
  /// A stretch of memory and the steps, first to last, in which it holds something.
  package struct Buffer: Hashable, Sendable {
    package let byteCount: Int
    package var firstStep: Int
    package var lastStep: Int

    package init(byteCount: Int, firstStep: Int, lastStep: Int) {
      self.byteCount = byteCount
      self.firstStep = firstStep
      self.lastStep = lastStep
    }
  }

  package static let alignment = 64

  /// Of each buffer in the workspace, in bytes.
  package let offsets: [Int]
  package let byteCount: Int

  /// - Parameter takeovers: (buffer, earlier buffer) where a step may write its result over its input: the two share
  ///   memory if the earlier one is of the same size and not read again.
  package init(_ buffers: [Buffer], takeovers: [(buffer: Int, earlier: Int)]) {
    var owner = Array(buffers.indices)
    var lives = buffers
    for (buffer, earlier) in takeovers {
      let root = owner[earlier]
      guard buffers[buffer].byteCount == buffers[earlier].byteCount,
        lives[root].lastStep == buffers[buffer].firstStep
      else { continue }
      owner[buffer] = root
      lives[root].lastStep = buffers[buffer].lastStep
    }
    // Greedy by size (Pisarchyk & Lee 2020, "Efficient Memory Management for Deep Neural Net Inference", §5.3):
    // largest first, each at the lowest offset that no buffer alive at the same time covers.
    let roots = owner.indices.filter { owner[$0] == $0 && buffers[$0].byteCount > 0 }
      .sorted { (lives[$0].byteCount, $1) > (lives[$1].byteCount, $0) }
    var offsets = [Int](repeating: 0, count: buffers.count)
    var placed: [Int] = []
    var top = 0
    for root in roots {
      let size = Self.rounded(lives[root].byteCount)
      var offset = 0
      for other in placed
      where lives[other].firstStep <= lives[root].lastStep && lives[root].firstStep <= lives[other].lastStep {
        if offset + size <= offsets[other] { break }
        offset = max(offset, offsets[other] + Self.rounded(lives[other].byteCount))
      }
      offsets[root] = offset
      top = max(top, offset + size)
      let position = placed.firstIndex { offsets[$0] > offset } ?? placed.count
      placed.insert(root, at: position)
    }
    for index in owner.indices { offsets[index] = offsets[owner[index]] }
    self.offsets = offsets
    byteCount = top
  }

  package static func rounded(_ byteCount: Int) -> Int { (byteCount + alignment - 1) / alignment * alignment }
}
