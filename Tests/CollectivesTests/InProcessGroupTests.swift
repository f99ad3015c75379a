import Collectives
import GroupConformance
import Testing

@Suite("InProcessGroup")
struct InProcessGroupTests {
  @Test("In-process ranks keep every promise of a group", arguments: 1...5)
  func conforms(rankCount: Int) throws {
    _ = try InProcessGroup.run(rankCount: rankCount) { try Conformance.run(on: $0) }
  }

  @Test("A group of one rank needs no thread")
  func solo() throws {
    try Conformance.run(on: InProcessGroup.solo())
  }

  @Test("Results come by rank, and each rank has the host name it was given")
  func results() throws {
    let results = try InProcessGroup.run(rankCount: 3, hostNames: ["a", "b", "c"]) { "\($0.rank)\($0.hostName)" }
    #expect(results == ["0a", "1b", "2c"])
  }

  @Test("No ranks, or names for other ranks, are refused")
  func badRankCounts() {
    #expect(throws: GroupError.self) { try InProcessGroup.run(rankCount: 0) { _ in } }
    #expect(throws: GroupError.self) { try InProcessGroup.run(rankCount: 2, hostNames: ["a"]) { _ in } }
  }

  struct Broken: Error, Equatable {}

  /// What the other ranks do while rank 1 fails.
  enum Wait: String, CaseIterable, CustomTestStringConvertible {
    case barrier, allReduce, receive, send, sendReceive
    var testDescription: String { rawValue }

    func call(_ group: any Group) throws {
      var bytes: [UInt8] = [1, 2, 3]
      let sent = bytes
      var span = bytes.mutableSpan
      switch self {
      case .barrier: try group.barrier()
      case .allReduce: try group.allReduce(&span, .sum)
      case .receive: try group.receive(into: &span, from: 1, tag: 0)
      case .send: try group.send(sent.span, to: 1, tag: 0)
      case .sendReceive: try group.sendReceive(sending: sent.span, to: 1, receiving: &span, from: 1, tag: 0)
      }
    }
  }

  @Test(
    "A rank that throws does not leave the others waiting, and its error is the one that is told",
    .timeLimit(.minutes(1)), arguments: Wait.allCases, [false, true])
  func throwingRank(wait: Wait, late: Bool) throws {
    let seen = Seen()
    #expect(throws: Broken()) {
      try InProcessGroup.run(rankCount: 3) { group in
        try group.barrier()
        guard group.rank != 1 else {
          if late { pause() }
          throw Broken()
        }
        if !late { pause() }
        do { try wait.call(group) } catch let error as GroupError {
          seen.add(error)
          throw error
        }
      }
    }
    #expect(seen.errors.count == 2)
    #expect(seen.errors.allSatisfy { $0.code == .peerLost && $0.sentence.contains("Broken") }, "\(seen.errors)")
  }

  @Test("A rank that returns early is lost to those that wait for it", .timeLimit(.minutes(1)))
  func returningRank() {
    let error = #expect(throws: GroupError.self) {
      try InProcessGroup.run(rankCount: 2) { group in if group.rank == 0 { try group.barrier() } }
    }
    #expect(error?.code == .peerLost)
    #expect(error?.sentence == "rank 0 waits in barrier for rank 1, which has returned")
  }

  @Test("An abort ends all ranks and tells its code", .timeLimit(.minutes(1)))
  func abort() {
    let error = #expect(throws: GroupError.self) {
      try InProcessGroup.run(rankCount: 3) { group in
        if group.rank == 2 { try group.abort(code: 7) }
        try group.barrier()
      }
    }
    #expect(error?.code == .aborted)
    #expect(error?.sentence == "rank 2 aborted the group with code 7")
  }

  @Test("Ranks that disagree on a size or a call all learn it", .timeLimit(.minutes(1)))
  func disagreement() throws {
    let sentences = try InProcessGroup.run(rankCount: 3) { group in
      var result: [String] = []
      for attempt in 0..<2 {
        do {
          var values = [Float](repeating: 1, count: group.rank == 2 ? 5 : 4)
          if group.rank == 2 && attempt == 1 { try group.barrier() } else { try group.allReduce(&values, .sum) }
        } catch let error as GroupError { result.append(error.sentence) }
      }
      return result
    }
    let expected = [
      "rank 0 calls allReduce(sum) of 4 floats while rank 2 calls allReduce(sum) of 5 floats",
      "rank 0 calls allReduce(sum) of 4 floats while rank 2 calls barrier",
    ]
    #expect(sentences == [expected, expected, expected])
  }

  @Test("A send does not return before it is received", .timeLimit(.minutes(1)))
  func sendWaits() throws {
    let order = Seen()
    _ = try InProcessGroup.run(rankCount: 2) { group in
      var bytes: [UInt8] = [4]
      if group.rank == 0 {
        try group.send(bytes.span, to: 1, tag: 0)
        order.add("sent")
      } else {
        pause()
        order.add("receives")
        var span = bytes.mutableSpan
        try group.receive(into: &span, from: 0, tag: 0)
      }
    }
    #expect(order.words == ["receives", "sent"])
  }

  @Test("An error names its code and its remedy")
  func errorText() {
    let error = GroupError(.peerLost, "rank 2 is gone", remedy: "look at its log")
    #expect("\(error)" == "rank 2 is gone; look at its log [peerLost]")
  }
}
