import Collectives
import Foundation

/// A trace of a run: what each rank's compute and communication threads did when, in the format of Chrome's trace viewer
/// ("Trace Event Format", complete events and metadata), which Perfetto opens. A process is a rank; its first row is
/// compute, its second communication. All times are the coordinator's, in microseconds from the beginning of the trace.
final class Trace {
  let timelines = Timelines()
  private let path: String
  private let group: any Group
  /// Of the coordinator's clock.
  private let begin: Int64
  private let clock: ClockOffset

  /// Measures the clocks. Collective.
  init(path: String, group: any Group) throws {
    self.path = path
    self.group = group
    clock = try ClockOffset.measure(group)
    var begin = [Int64(bitPattern: clock.moment)]
    try group.broadcast(&begin, root: 0)
    self.begin = begin[0]
  }

  /// Writes an empty trace, so that a place where none can be written is known before the run; the coordinator's.
  func claim() throws { try AtomicFile.write(Array(Self.file([]).utf8).span, to: path) }

  /// Gathers the spans of all ranks; the coordinator writes them. Collective.
  /// - Parameter write: runs its argument on the coordinator.
  /// - Returns: how many spans did not fit, on the coordinator.
  func end(onCoordinator write: (() throws -> Void) throws -> Void) throws -> Int {
    let last = try ClockOffset.measure(group)
    let own = try events(last)
    let all = try group.gatherMessages(Array(own.utf8), root: 0) ?? []
    let missing = try group.allReduce(
      Int64(timelines.compute.missing + timelines.communication.missing), .sum)
    try write {
      let events = all.map { String(decoding: $0, as: UTF8.self) }
      try AtomicFile.write(Array(Self.file(events).utf8).span, to: path)
    }
    return Int(missing)
  }

  private static func file(_ events: [String]) -> String {
    "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n" + events.joined(separator: ",\n") + "\n]}\n"
  }

  /// This rank's events, comma by comma.
  private func events(_ last: ClockOffset) throws -> String {
    let rank = group.rank
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    let name = String(decoding: try encoder.encode("rank \(rank) on \(group.hostName)"), as: UTF8.self)
    var lines = [
      metadata("process_name", "\"name\":\(name)"), metadata("process_sort_index", "\"sort_index\":\(rank)"),
    ]
    for (row, (title, timeline)) in [
      ("compute", timelines.compute), ("communication", timelines.communication),
    ].enumerated() {
      lines.append(metadata("thread_name", "\"name\":\"\(title)\"", row: row))
      lines.append(metadata("thread_sort_index", "\"sort_index\":\(row)", row: row))
      for span in timeline.spans {
        let start = ClockOffset.aligned(span.start, clock, last) - begin
        let end = ClockOffset.aligned(span.end, clock, last) - begin
        var arguments = "\"step\":\(span.step)"
        if let key = span.name.indexName, span.index >= 0 { arguments += ",\"\(key)\":\(span.index)" }
        lines.append(
          "{\"ph\":\"X\",\"name\":\"\(span.name.text)\",\"cat\":\"\(title)\",\"pid\":\(rank),\"tid\":\(row),"
            + "\"ts\":\(microseconds(start)),\"dur\":\(microseconds(end - start)),\"args\":{\(arguments)}}")
      }
    }
    return lines.joined(separator: ",\n")
  }

  private func metadata(_ name: String, _ argument: String, row: Int = 0) -> String {
    "{\"ph\":\"M\",\"name\":\"\(name)\",\"pid\":\(group.rank),\"tid\":\(row),\"ts\":0,\"args\":{\(argument)}}"
  }

  /// Nanoseconds as microseconds with three decimals.
  private func microseconds(_ nanoseconds: Int64) -> String {
    let (whole, rest) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
    let digits = String(rest)
    return (nanoseconds < 0 ? "-" : "") + "\(whole)." + String(repeating: "0", count: 3 - digits.count) + digits
  }
}

extension Timeline.Name {
  /// What a span's index counts; nil for none.
  fileprivate var indexName: String? {
    switch self {
    case .forward, .backward: "shard"
    case .add, .allReduce: "bucket"
    case .wait, .update, .gather, .look, .evaluate, .checkpoint: nil
    }
  }
}
