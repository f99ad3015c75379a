import Units

extension Schedule {
  /// The schedule as a picture: ranks as columns, grouped by host, rounds as rows, an arrow for each message from its sender
  /// at the top of the row to its receiver at the bottom. Each arrow has a title with its elements and bytes; where a rank
  /// sends no more than two messages a round they are written above their arrows too.
  ///
  /// - Parameters:
  ///   - elementSize: bytes.
  ///   - ranks: how many are drawn at most, the first of the hosts' order.
  ///   - rounds: how many are drawn at most, the first.
  package func svg(elementSize: Int = 4, ranks: Int = 32, rounds: Int = 64) -> String {
    ScheduleDrawing(self, elementSize: elementSize, ranks: ranks, rounds: rounds).text
  }
}

/// Coordinates in pixels.
private struct ScheduleDrawing {
  private static let column = 144
  private static let row = 112
  /// For the labels at the top of a row.
  private static let strip = 28
  private static let left = 84
  private static let top = 128
  private let schedule: Schedule
  private let elementSize: Int
  /// The drawn ranks from left to right, and the place of each rank; −1 if it is not drawn.
  private let order: [Int]
  private let places: [Int]
  private let rounds: Int
  private let width: Int
  private let height: Int

  init(_ schedule: Schedule, elementSize: Int, ranks: Int, rounds: Int) {
    self.schedule = schedule
    self.elementSize = elementSize
    order = Array(schedule.topology.order.prefix(max(1, ranks)))
    var places = Array(repeating: -1, count: schedule.rankCount)
    for (place, rank) in order.enumerated() { places[rank] = place }
    self.places = places
    self.rounds = min(schedule.roundCount, max(0, rounds))
    width = Self.left + order.count * Self.column + 24
    height = Self.top + self.rounds * Self.row + 72
  }

  var text: String {
    var parts = [head, hosts]
    for round in 0..<rounds { parts.append(self.round(round)) }
    parts.append(foot)
    return parts.joined(separator: "\n") + "\n</svg>\n"
  }

  private var head: String {
    let bytes = Bytes(schedule.count * elementSize)
    let chunks = schedule.chunkCount > 1 ? " in \(schedule.chunkCount) chunks" : ""
    let title =
      "\(schedule.algorithm.name) \(schedule.collective.rawValue), \(schedule.rankCount) ranks on "
      + "\(schedule.topology.hosts.count) hosts, \(schedule.count) elements (\(bytes))\(chunks)"
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" \
      font-family="Helvetica, Arial, sans-serif" font-size="12">
      <defs>\(marker("add", Self.adding))\(marker("copy", Self.copying))</defs>
      <rect width="\(width)" height="\(height)" fill="#ffffff"/>
      <text x="16" y="28" font-size="17" font-weight="bold" fill="#1c2733">\(title)</text>
      <g fill="#1c2733"><line x1="16" y1="48" x2="48" y2="48" stroke="\(Self.adding)" stroke-width="2"/>\
      <text x="54" y="52">added to what is there</text>\
      <line x1="206" y1="48" x2="238" y2="48" stroke="\(Self.copying)" stroke-width="2"/>\
      <text x="244" y="52">replaces what is there</text></g>
      """
  }

  private static let adding = "#b3471d"
  private static let copying = "#1d6fb3"

  private func marker(_ name: String, _ color: String) -> String {
    "<marker id=\"\(name)\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
      + "orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\" fill=\"\(color)\"/></marker>"
  }

  private func x(_ place: Int) -> Int { Self.left + place * Self.column + Self.column / 2 }
  private func y(_ round: Int) -> Int { Self.top + round * Self.row }

  /// A band for each host, the names of its ranks, and their lines through time.
  private var hosts: String {
    var lines: [String] = []
    var place = 0
    let bottom = y(rounds)
    for (host, members) in schedule.topology.hosts.enumerated() where place < order.count {
      let count = min(members.count, order.count - place)
      let start = Self.left + place * Self.column + 4
      let shade = host.isMultiple(of: 2) ? "#eef2f6" : "#f7f3ea"
      lines.append(
        "<rect x=\"\(start)\" y=\"64\" width=\"\(count * Self.column - 8)\" height=\"\(bottom - 56)\" rx=\"8\" "
          + "fill=\"\(shade)\"/><text x=\"\(start + 10)\" y=\"84\" fill=\"#5b6875\">host \(host)</text>")
      for member in place..<place + count {
        lines.append(
          "<text x=\"\(x(member))\" y=\"106\" text-anchor=\"middle\" font-weight=\"bold\" fill=\"#1c2733\">rank "
            + "\(order[member])</text><line x1=\"\(x(member))\" y1=\"\(Self.top - 12)\" x2=\"\(x(member))\" "
            + "y2=\"\(bottom)\" stroke=\"#b8c2cc\"/>")
      }
      place += count
    }
    return lines.joined(separator: "\n")
  }

  private func round(_ round: Int) -> String {
    var lines = [
      "<text x=\"16\" y=\"\(y(round) + Self.row / 2)\" fill=\"#5b6875\">round \(round)</text>",
      "<line x1=\"16\" y1=\"\(y(round) - 6)\" x2=\"\(width - 20)\" y2=\"\(y(round) - 6)\" stroke=\"#dde3e9\"/>",
    ]
    for rank in order {
      let actions = schedule.actions(rank: rank, round: round)
      let sends = actions.filter { $0.kind == .send }
      for (index, send) in sends.enumerated() where places[send.peer] >= 0 {
        lines.append(arrow(send, from: rank, round))
        if sends.count <= 2 { lines.append(label(send, from: rank, round, line: 2 - sends.count + index)) }
      }
    }
    return lines.joined(separator: "\n")
  }

  private func adds(_ send: ScheduleAction, from rank: Int, _ round: Int) -> Bool {
    schedule.actions(rank: send.peer, round: round).contains {
      $0.kind == .reduce && $0.peer == rank && $0.range == send.range
    }
  }

  private func elements(_ send: ScheduleAction) -> String { "\(send.range.lowerBound)–\(send.range.upperBound - 1)" }
  private func bytes(_ send: ScheduleAction) -> Bytes { Bytes(send.range.count * elementSize) }

  private func arrow(_ send: ScheduleAction, from rank: Int, _ round: Int) -> String {
    let adds = adds(send, from: rank, round)
    let start = "x1=\"\(x(places[rank]))\" y1=\"\(y(round) + Self.strip)\""
    let end = "x2=\"\(x(places[send.peer]))\" y2=\"\(y(round) + Self.row - 10)\""
    return "<line \(start) \(end) stroke=\"\(adds ? Self.adding : Self.copying)\" stroke-width=\"1.6\" "
      + "marker-end=\"url(#\(adds ? "add" : "copy"))\"><title>round \(round): rank \(rank) to rank \(send.peer), "
      + "elements \(elements(send)), \(bytes(send))</title></line>"
  }

  private func label(_ send: ScheduleAction, from rank: Int, _ round: Int, line: Int) -> String {
    let color = adds(send, from: rank, round) ? Self.adding : Self.copying
    return "<text x=\"\(x(places[rank]))\" y=\"\(y(round) + 10 + 12 * line)\" text-anchor=\"middle\" font-size=\"9.5\" "
      + "fill=\"\(color)\">→\(send.peer) \(elements(send)) · \(bytes(send))</text>"
  }

  private var foot: String {
    var notes: [String] = []
    if rounds < schedule.roundCount { notes.append("\(schedule.roundCount - rounds) more rounds") }
    if order.count < schedule.rankCount { notes.append("\(schedule.rankCount - order.count) more ranks") }
    if schedule.roundCount == 0 { notes.append("nothing to exchange") }
    return "<text x=\"16\" y=\"\(height - 24)\" fill=\"#5b6875\">\(notes.joined(separator: ", "))</text>"
  }
}
