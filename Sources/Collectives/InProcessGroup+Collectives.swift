/// Each collective is one meeting: every rank shows its memory, and reads from the others what it needs.
extension InProcessGroup {
  package func barrier() throws(GroupError) {
    try meet("barrier", RawSpan()) { _ in }
  }

  package func broadcast(_ bytes: inout MutableRawSpan, root: Int) throws(GroupError) {
    try checkPeer(root, "broadcast")
    let call = "broadcast of \(bytes.byteCount) bytes from rank \(root)"
    try unsafe bytes.withUnsafeMutableBytes { (own: UnsafeMutableRawBufferPointer) throws(GroupError) in
      try meet(call, unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(own))) { entries in
        if rank != root { unsafe own.copyMemory(from: entries[root].bytes) }
      }
    }
  }

  package func allReduce<Element: GroupElement>(
    _ values: inout MutableSpan<Element>, _ reduction: Reduction
  ) throws(GroupError) {
    // The others read the values until the parting, so the total is built aside.
    let all = 0..<values.count
    var total: [Element] = []
    try unsafe meet("allReduce(\(reduction)) of \(values.count) \(Element.kind)s", values.span.bytes) { entries in
      total = Self.reduce(entries, all, reduction)
    }
    for index in values.indices { values[index] = total[index] }
  }

  package func gather(
    _ bytes: RawSpan, into gathered: inout MutableRawSpan, root: Int
  ) throws(GroupError) {
    try checkPeer(root, "gather")
    let size = bytes.byteCount
    let rank = rank
    try unsafe gathered.withUnsafeMutableBytes { (room: UnsafeMutableRawBufferPointer) throws(GroupError) in
      try meet("gather of \(size) bytes to rank \(root)", bytes) { entries throws(GroupError) in
        guard rank == root else { return }
        try checkGathered(room.count, part: size, root: root)
        for (source, entry) in entries.enumerated() {
          unsafe UnsafeMutableRawBufferPointer(rebasing: room[(source * size)..<((source + 1) * size)])
            .copyMemory(from: entry.bytes)
        }
      }
    }
  }

  package func reduceScatter<Element: GroupElement>(
    _ values: Span<Element>, into result: inout MutableSpan<Element>, counts: [Int], _ reduction: Reduction
  ) throws(GroupError) {
    try checkCounts(counts, own: result.count, total: values.count, "reduceScatter")
    let start = counts[..<rank].reduce(0, +)
    let part = start..<(start + counts[rank])
    var total: [Element] = []
    try unsafe meet("reduceScatter(\(reduction)) of \(counts) \(Element.kind)s", values.bytes) { entries in
      total = Self.reduce(entries, part, reduction)
    }
    for index in result.indices { result[index] = total[index] }
  }

  package func allGather(
    _ bytes: RawSpan, into gathered: inout MutableRawSpan, byteCounts: [Int]
  ) throws(GroupError) {
    try checkCounts(byteCounts, own: bytes.byteCount, total: gathered.byteCount, "allGather")
    try unsafe gathered.withUnsafeMutableBytes { (room: UnsafeMutableRawBufferPointer) throws(GroupError) in
      try meet("allGather of \(byteCounts) bytes", bytes) { entries in
        var start = 0
        for (entry, count) in zip(entries, byteCounts) {
          unsafe UnsafeMutableRawBufferPointer(rebasing: room[start..<(start + count)])
            .copyMemory(from: entry.bytes)
          start += count
        }
      }
    }
  }

  /// The elements `part` of all entries, reduced in rank order.
  private static func reduce<Element: GroupElement>(
    _ entries: [Exchange.Entry], _ part: Range<Int>, _ reduction: Reduction
  ) -> [Element] {
    var total = unsafe Array(entries[0].bytes.bindMemory(to: Element.self)[part])
    for entry in entries.dropFirst() {
      let values = unsafe entry.bytes.bindMemory(to: Element.self).extracting(part)
      var target = total.mutableSpan
      Element.reduce(unsafe values.span, into: &target, reduction)
    }
    return total
  }
}
