import Collectives
import Execution

extension ParameterStore {
  /// Whole sections of the optimizer states of which each rank keeps a share, on rank 0 and only for as long as it writes
  /// a checkpoint; elsewhere empty; nil where every rank has all. Collective.
  func gatheredStates(_ group: any Group) throws -> [[Float]]? {
    guard shares.count > 1 else { return nil }
    let tag = 3
    var sections: [[Float]] = []
    for state in 0..<stateCount {
      guard group.rank == 0 else {
        try withState(state) { own in try group.send(own.span, to: 0, tag: tag) }
        continue
      }
      var whole = [Float](repeating: 0, count: elementCount)
      withState(state) { own in for index in own.indices { whole[index] = own[index] } }
      for source in 1..<group.rankCount {
        try unsafe whole.withUnsafeMutableBufferPointer { buffer in
          var room = unsafe buffer.extracting(shares[source]).mutableSpan
          try group.receive(into: &room, from: source, tag: tag)
        }
      }
      sections.append(whole)
    }
    return sections
  }
}
