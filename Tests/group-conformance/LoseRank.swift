import Collectives
import Foundation

/// Reduces again and again until a rank does not arrive: rank 1, to which something happens after half a second.
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
  if group.rank == 1 {
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: 0.5)
      kill(getpid(), signal)
    }
  }
  var slots = [Float](repeating: 0, count: count)
  do throws(GroupError) {
    while true {
      var span = slots.mutableSpan
      try reducer.allReduce(&span, stride: count, elements: 0..<count)
    }
  } catch {
    guard error.code == .peerLost else { throw error }
    tell("\(error)", on: .standardError)
    _exit(6)
  }
}
