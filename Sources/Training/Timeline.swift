import Dispatch

/// When a thread of a rank did what, for a trace. Used by that thread, and by others only while it rests.
final class Timeline {
  /// What the trace calls a stretch of time.
  enum Name: UInt8, CaseIterable {
    case forward, backward, add, allReduce, wait, update, gather, look, evaluate, checkpoint

    var text: String {
      switch self {
      case .allReduce: "all-reduce"
      case .gather: "gather parameters"
      default: "\(self)"
      }
    }
  }

  struct Span: Hashable {
    let name: Name
    let step: Int
    /// A shard for `forward` and `backward`, a bucket for `add`, `allReduce`; −1 for none.
    let index: Int
    /// Nanoseconds of the host's monotonic clock.
    let start: UInt64
    let end: UInt64
  }

  /// Spans beyond it are left out: 40 bytes each, so a trace never takes much of a rank's memory.
  static let capacity = 1 << 18

  private(set) var spans: [Span] = []
  /// How many were left out.
  private(set) var missing = 0
  /// Of the spans to come.
  var step = 0

  static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  func append(_ name: Name, index: Int = -1, from start: UInt64, to end: UInt64 = now) {
    guard spans.count < Self.capacity else {
      missing += 1
      return
    }
    spans.append(Span(name: name, step: step, index: index, start: start, end: end))
  }
}

/// Those of a rank.
final class Timelines {
  let compute = Timeline()
  let communication = Timeline()

  /// Of the spans to come.
  var step = 0 {
    didSet {
      compute.step = step
      communication.step = step
    }
  }
}
