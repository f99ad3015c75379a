/// The checks that each transport makes before it sends anything.
extension Group {
  package func checkPeer(_ peer: Int, _ call: String) throws(GroupError) {
    guard 0..<rankCount ~= peer else {
      throw GroupError(
        .invalidRank, "\(call) names rank \(peer) in a group of \(rankCount)",
        remedy: "name a rank in 0..<\(rankCount)")
    }
  }

  package func checkOther(_ peer: Int, _ call: String) throws(GroupError) {
    try checkPeer(peer, call)
    guard peer != rank else {
      throw GroupError(
        .invalidRank, "\(call) on rank \(rank) names rank \(rank) itself and would wait for ever",
        remedy: "use sendReceive, or copy the bytes")
    }
  }

  package func checkTag(_ tag: Int) throws(GroupError) {
    guard MessageTag.all ~= tag else {
      throw GroupError(
        .invalidArgument, "message tag \(tag)", remedy: "use a tag in \(MessageTag.user)")
    }
  }

  /// - Parameters:
  ///   - counts: by rank.
  ///   - own: what this rank holds, of which counts has its own opinion.
  ///   - total: the length of the buffer that holds the parts of all ranks.
  package func checkCounts(_ counts: [Int], own: Int, total: Int, _ call: String) throws(GroupError) {
    guard counts.count == rankCount, counts.allSatisfy({ $0 >= 0 }) else {
      throw GroupError(
        .invalidArgument, "\(call) got counts \(counts) in a group of \(rankCount)",
        remedy: "give one count of zero or more for each rank")
    }
    guard counts[rank] == own, counts.reduce(0, +) == total else {
      throw GroupError(
        .countMismatch,
        "\(call) on rank \(rank): counts \(counts) need \(counts[rank]) for this rank and \(counts.reduce(0, +)) in all,"
          + " the buffers have \(own) and \(total)",
        remedy: "make the buffers as long as the counts say")
    }
  }

  package func checkGathered(_ gathered: Int, part: Int, root: Int) throws(GroupError) {
    guard rank != root || gathered == part * rankCount else {
      throw GroupError(
        .countMismatch, "gather of \(part) bytes from each of \(rankCount) ranks into \(gathered) bytes",
        remedy: "make the root's buffer \(part * rankCount) bytes long")
    }
  }
}

extension GroupError {
  package static func size(expected: Int, actual: Int, from source: Int, to rank: Int) -> GroupError {
    GroupError(
      .countMismatch, "rank \(rank) waits for \(expected) bytes from rank \(source), which sent \(actual)",
      remedy: "make both sides exchange the same number of bytes")
  }
}
