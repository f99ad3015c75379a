/// The calls for numbers and for whole Swift values, written once over the calls of the protocol.
///
/// Those that take spans may see them as bytes because the element types have no padding.
extension Group {
  /// A duplicate for whoever has nothing else to do.
  package func duplicate() throws(GroupError) -> any Group { try duplicate(sleeps: false) }

  package func send<Element: GroupElement>(_ values: Span<Element>, to destination: Int, tag: Int) throws(GroupError) {
    try unsafe send(values.bytes, to: destination, tag: tag)
  }

  package func receive<Element: GroupElement>(
    into values: inout MutableSpan<Element>, from source: Int, tag: Int
  ) throws(GroupError) {
    var bytes = unsafe values.mutableBytes
    try receive(into: &bytes, from: source, tag: tag)
  }

  package func sendReceive<Element: GroupElement>(
    sending sent: Span<Element>, to destination: Int, receiving received: inout MutableSpan<Element>,
    from source: Int, tag: Int
  ) throws(GroupError) {
    var bytes = unsafe received.mutableBytes
    try unsafe sendReceive(sending: sent.bytes, to: destination, receiving: &bytes, from: source, tag: tag)
  }

  package func broadcast<Element: GroupElement>(_ values: inout MutableSpan<Element>, root: Int) throws(GroupError) {
    var bytes = unsafe values.mutableBytes
    try broadcast(&bytes, root: root)
  }

  package func gather<Element: GroupElement>(
    _ values: Span<Element>, into gathered: inout MutableSpan<Element>, root: Int
  ) throws(GroupError) {
    var bytes = unsafe gathered.mutableBytes
    try unsafe gather(values.bytes, into: &bytes, root: root)
  }

  /// - Parameter counts: elements by rank.
  package func allGather<Element: GroupElement>(
    _ values: Span<Element>, into gathered: inout MutableSpan<Element>, counts: [Int]
  ) throws(GroupError) {
    var bytes = unsafe gathered.mutableBytes
    try unsafe allGather(
      values.bytes, into: &bytes, byteCounts: counts.map { $0 * MemoryLayout<Element>.stride })
  }

  /// The reduction of one number of each rank. Collective.
  package func allReduce<Element: GroupElement>(_ value: Element, _ reduction: Reduction) throws(GroupError) -> Element
  {
    var values = [value]
    var span = values.mutableSpan
    try allReduce(&span, reduction)
    return values[0]
  }

  /// The element-wise reduction of arrays, as long on every rank. Collective.
  package func allReduce<Element: GroupElement>(
    _ values: inout [Element], _ reduction: Reduction
  ) throws(GroupError) {
    var span = values.mutableSpan
    try allReduce(&span, reduction)
  }

  /// Makes `values` on every rank equal to those of `root`; as long on every rank. Collective.
  package func broadcast<Element: GroupElement>(_ values: inout [Element], root: Int) throws(GroupError) {
    var span = values.mutableSpan
    try broadcast(&span, root: root)
  }

  /// The bytes of `root`, on every rank, whatever their number. Collective.
  ///
  /// - Parameter bytes: on `root` the message; ignored elsewhere.
  package func broadcastMessage(_ bytes: [UInt8], root: Int) throws(GroupError) -> [UInt8] {
    var count = [Int64(bytes.count)]
    try broadcast(&count, root: root)
    var message = rank == root ? bytes : [UInt8](repeating: 0, count: Int(count[0]))
    try broadcast(&message, root: root)
    return message
  }

  /// The messages of all ranks, by rank, on `root`; nil elsewhere. They may differ in length. Collective.
  package func gatherMessages(_ bytes: [UInt8], root: Int) throws(GroupError) -> [[UInt8]]? {
    try checkPeer(root, "gatherMessages")
    let counts = try allGatherCounts(bytes.count)
    guard rank == root else {
      try send(bytes.span, to: root, tag: MessageTag.convenience)
      return nil
    }
    var messages: [[UInt8]] = []
    for source in 0..<rankCount {
      var message = source == rank ? bytes : [UInt8](repeating: 0, count: counts[source])
      if source != rank {
        var span = message.mutableSpan
        try receive(into: &span, from: source, tag: MessageTag.convenience)
      }
      messages.append(message)
    }
    return messages
  }

  /// One number of each rank, by rank, on every rank. Collective.
  package func allGatherCounts(_ count: Int) throws(GroupError) -> [Int] {
    let own = [Int64(count)]
    var all = [Int64](repeating: 0, count: rankCount)
    var span = all.mutableSpan
    try allGather(own.span, into: &span, counts: Array(repeating: 1, count: rankCount))
    return all.map(Int.init)
  }
}
