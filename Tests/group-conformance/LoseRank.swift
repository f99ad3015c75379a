import Collectives
import Foundation

/// Makes one call again and again until a rank does not arrive: rank 1, to which something happens after half a second.
func loseRank(_ group: any Group, _ arguments: [String]) throws {
  guard arguments.count >= 2, let signal = Int32(arguments[0]), let seconds = Double(arguments[1]) else {
    throw GroupError(.invalidArgument, "lose \(arguments)", remedy: "name a signal and seconds")
  }
  let count = 50_000
  let timeout = Duration.seconds(seconds)
  let own = group.rank..<group.rank + 1
  let reducer = try ReproducibleReducer(
    group: group, shardCount: group.rankCount, range: own, maximumCount: count,
    algorithm: arguments.contains("messages") ? .reduceScatter : nil, timeout: timeout)
  group.limitWaits(to: timeout)
  if group.rank == 1 {
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: 0.5)
      kill(getpid(), signal)
    }
  }
  var slots = [Float](repeating: 0, count: count)
  do throws(GroupError) {
    while true {
      if arguments.contains("barrier") {
        try group.barrier()
      } else if arguments.contains("values") {
        _ = try group.allReduce(1.5, .sum)
      } else if arguments.contains("gather") {
        _ = try group.allGatherCounts(group.rank)
      } else {
        var span = slots.mutableSpan
        try reducer.allReduce(&span, stride: count, elements: 0..<count)
      }
    }
  } catch {
    try end(error)
  }
}

/// Rank 1 works for longer than the others wait: says so and they wait on, or does not.
func workLong(_ group: any Group, _ arguments: [String]) throws {
  guard arguments.count >= 2, let limit = Double(arguments[0]), let length = Double(arguments[1]) else {
    throw GroupError(.invalidArgument, "work \(arguments)", remedy: "name a limit and a length in seconds")
  }
  group.limitWaits(to: .seconds(limit))
  let reducer = try ReproducibleReducer(
    group: group, shardCount: group.rankCount, range: group.rank..<group.rank + 1, maximumCount: 64,
    timeout: .seconds(limit))
  func work() { Thread.sleep(forTimeInterval: length) }
  do throws(GroupError) {
    for round in 0..<2 {
      if group.rank == 1 { if arguments.contains("silently") { work() } else { group.working(work) } }
      if round == 0 {
        try group.barrier()
      } else {
        var slots = [Float](repeating: 1, count: 64)
        var span = slots.mutableSpan
        try reducer.allReduce(&span, stride: 64, elements: 0..<64)
      }
    }
  } catch {
    try end(error)
  }
}

/// Ranks that are in different calls: rank 1 in a barrier, the others in a broadcast.
func disagree(_ group: any Group) throws {
  group.limitWaits(to: .seconds(1))
  do throws(GroupError) {
    if group.rank == 1 { try group.receive(from: 0) } else { try group.barrier() }
  } catch {
    try end(error)
  }
}

/// Messages of an exchange that are longer or shorter than the place made for them.
func exchangeOther(_ group: any Group) throws {
  for (sent, place) in [(100, 60), (60, 100), (300_000, 200_000)] {
    let other = 1 - group.rank
    var out = [UInt8](repeating: 1, count: group.rank == 0 ? sent : 8)
    var room = [UInt8](repeating: 7, count: group.rank == 0 ? 8 : place)
    do {
      try unsafe out.withUnsafeMutableBytes { out in
        try unsafe room.withUnsafeMutableBytes { room in
          let transfers = unsafe [Transfer(.send, other, out), Transfer(.receive, other, room)]
          try group.exchange(transfers.span, tag: 5, timeout: .seconds(20))
        }
      }
      if group.rank == 1 { tell("no error", on: .standardOutput) }
    } catch {
      tell("\(error)", on: .standardOutput)
    }
    try group.barrier()
  }
}

extension Group {
  fileprivate func receive(from source: Int) throws(GroupError) {
    var byte: [UInt8] = [0]
    var span = byte.mutableSpan
    try receive(into: &span, from: source, tag: 7)
  }
}

/// Ends as a lost peer ends a run.
private func end(_ error: GroupError) throws(GroupError) {
  guard error.code == .peerLost else { throw error }
  tell("\(error)", on: .standardError)
  _exit(6)
}
