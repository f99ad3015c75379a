import Foundation
import TestSupport
import Testing
import Training

@Suite("Traces")
struct TraceTests {
  /// A complete event of the trace event format.
  struct Span: Hashable {
    let name: String
    let rank: Int
    let row: Int
    let start: Double
    let end: Double
    let arguments: [String: Int]
  }

  @Test("A trace is what Perfetto opens: rows named, spans of a row one behind the other, all ranks on one clock")
  func format() throws {
    let small = try SmallJob()
    let job = try small.job(["shards: 6": "shards: 8\n  bucket: 1 KiB"])
    _ = try train(job, run: small.path("run"), ranks: 3, overlaps: true, trace: small.path("trace.json"))
    let (spans, names) = try read(small.bytes("trace.json"))

    #expect(names.count == 9)
    for rank in 0..<3 {
      #expect(names["process_name \(rank)/0"]?.hasPrefix("rank \(rank) on ") == true)
      #expect(names["thread_name \(rank)/0"] == "compute" && names["thread_name \(rank)/1"] == "communication")
    }
    for rank in 0..<3 {
      for row in 0..<2 {
        let own = spans.filter { $0.rank == rank && $0.row == row }.sorted { $0.start < $1.start }
        #expect(!own.isEmpty)
        // Steps are looked at, tested and saved between them; a bucket's sums are added before they go out.
        for (a, b) in zip(own, own.dropFirst()) { #expect(b.start >= a.end - 0.002, "\(a) \(b)") }
        for span in own {
          #expect(span.end >= span.start && span.start >= -1e3 && (1...12).contains(span.arguments["step"] ?? 0))
        }
      }
    }
    let shards = spans.filter { $0.name == "backward" && $0.arguments["step"] == 5 }.compactMap {
      $0.arguments["shard"]
    }
    #expect(shards.sorted() == Array(0..<8))
    // Whatever a bucket's all-reduce waits for, its ranks are in it together at its end.
    let reductions = spans.filter { $0.name == "all-reduce" && $0.row == 1 }
    #expect(reductions.count == 12 * 5 * 3)
    for (key, group) in Dictionary(grouping: reductions, by: \.arguments) {
      #expect(group.count == 3)
      let (lastStart, firstEnd) = (group.map(\.start).max() ?? 0, group.map(\.end).min() ?? 0)
      #expect(lastStart <= firstEnd + 500, "\(key)")
    }
    for name in ["forward", "wait", "update", "look", "evaluate", "checkpoint"] {
      #expect(spans.contains { $0.name == name && $0.row == 0 }, "\(name)")
    }
  }

  @Test("Without overlap the communication row is of all-reduces behind backward; a stopped run has its trace too")
  func stopped() throws {
    let small = try SmallJob()
    let trace = small.path("trace.json")
    _ = try train(try small.job(), run: small.path("run"), ranks: 2, trace: trace) { _, asked in asked == 3 ? 15 : nil }
    let (spans, _) = try read(small.bytes("trace.json"))
    #expect(Set(spans.compactMap { $0.arguments["step"] }) == [1, 2, 3, 4])
    let waits = spans.filter { $0.name == "wait" }
    #expect(waits.count == 8)
    for reduction in spans where reduction.name == "all-reduce" {
      #expect(waits.contains { $0.rank == reduction.rank && $0.start <= reduction.start && reduction.end <= $0.end })
    }
  }

  @Test("A trace that cannot be written is refused before the run, on every rank")
  func refused() throws {
    let small = try SmallJob()
    let results = try trainEach(
      try small.job(), run: small.path("run"), ranks: 2, trace: small.path("nowhere/trace.json"))
    let error = #expect(throws: TrainingError.self) { try results[0].get() }
    #expect(error?.code == .storage && error?.message.contains("nowhere/trace.json") == true)
    #expect(throws: PeerFailed.self) { try results[1].get() }
    #expect(small.checkpoints("run") == [])
  }

  /// Checks each event by the rules of the format.
  /// - Returns: complete events, and the names that metadata give, by `KIND rank/row`.
  private func read(_ bytes: [UInt8]) throws -> (spans: [Span], names: [String: String]) {
    let root = try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    #expect(Set(root.keys) == ["displayTimeUnit", "traceEvents"])
    let events = try #require(root["traceEvents"] as? [[String: Any]])
    var spans: [Span] = []
    var names: [String: String] = [:]
    for event in events {
      let name = try #require(event["name"] as? String)
      let rank = try #require(event["pid"] as? Int)
      let row = try #require(event["tid"] as? Int)
      let arguments = try #require(event["args"] as? [String: Any])
      let start = try #require(event["ts"] as? Double)
      switch event["ph"] as? String {
      case "X":
        let length = try #require(event["dur"] as? Double)
        #expect(length >= 0 && event["cat"] is String)
        spans.append(
          Span(
            name: name, rank: rank, row: row, start: start, end: start + length,
            arguments: try #require(arguments as? [String: Int])))
      case "M":
        if let title = arguments["name"] as? String {
          names["\(name) \(rank)/\(row)"] = title
        } else {
          #expect(name.hasSuffix("_sort_index") && arguments["sort_index"] is Int)
        }
      default: Issue.record("event \(event)")
      }
    }
    return (spans, names)
  }
}
