import Collectives
import Foundation

/// What to add to a rank's monotonic clock for the coordinator's, measured at one moment.
struct ClockOffset {
  /// Nanoseconds of the rank's clock.
  let moment: UInt64
  let offset: Int64
  /// Half of the quickest exchange: how far off it may be.
  let uncertainty: UInt64

  private static let rounds = 25

  /// Asks the coordinator for its time some times and believes the quickest answer (Cristian 1989, "Probabilistic Clock
  /// Synchronization"). Collective; the ranks ask one after the other.
  static func measure(_ group: any Group) throws -> ClockOffset {
    guard group.rank == 0 else { return try ask(group) }
    for rank in 1..<max(1, group.rankCount) {
      for _ in 0..<rounds {
        var question: [UInt8] = [0]
        var room = question.mutableSpan
        try group.receive(into: &room, from: rank, tag: tag)
        let now = [Int64(bitPattern: Timeline.now)]
        try group.send(now.span, to: rank, tag: tag)
      }
    }
    return ClockOffset(moment: Timeline.now, offset: 0, uncertainty: 0)
  }

  private static let tag = 1

  private static func ask(_ group: any Group) throws -> ClockOffset {
    var best: ClockOffset?
    for _ in 0..<rounds {
      let asked = Timeline.now
      let question: [UInt8] = [0]
      try group.send(question.span, to: 0, tag: tag)
      var answer: [Int64] = [0]
      var room = answer.mutableSpan
      try group.receive(into: &room, from: 0, tag: tag)
      let half = (Timeline.now - asked) / 2
      guard half < best?.uncertainty ?? .max else { continue }
      best = ClockOffset(
        moment: asked + half, offset: answer[0] - Int64(bitPattern: asked + half), uncertainty: half)
    }
    return best ?? ClockOffset(moment: Timeline.now, offset: 0, uncertainty: .max)
  }

  /// The coordinator's time at `time` of this rank, between two measurements: clocks drift evenly.
  static func aligned(_ time: UInt64, _ first: ClockOffset, _ last: ClockOffset) -> Int64 {
    let length = Double(last.moment) - Double(first.moment)
    let share = length > 0 ? (Double(time) - Double(first.moment)) / length : 0
    let drift = Double(last.offset - first.offset) * min(1, max(0, share))
    return Int64(bitPattern: time) + first.offset + Int64(drift)
  }
}
