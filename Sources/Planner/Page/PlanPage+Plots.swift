import CostModel
import Units

extension PlanPage {
  static let colours = [
    "#3b6fb6", "#e0913a", "#4fa36a", "#b7524f", "#8067b7", "#8c6d53", "#d07fb4", "#7b8794", "#b5ad3c", "#41aab8",
    "#2f4858", "#f0b7a0", "#99c2a2", "#c9b6e4",
  ]
  private static let ink = "#7b8794"
  private static let grid = "#e4e9ee"
  private static let accent = "#b7524f"

  private func key(_ entries: [(colour: String, name: String)]) -> String {
    "<p class=\"legend\">"
      + entries.map { "<span><i style=\"background:\($0.colour)\"></i>\(escaped($0.name))</span>" }.joined() + "</p>"
  }

  // MARK: Time and cost

  var paretoPlot: String {
    var drawing = Drawing(width: 960, height: 470)
    let points = plan.ranked.map { (x: $0.time.count, y: $0.cost.count) }
    var (xs, ys) = (points.map(\.x), points.map(\.y))
    if let interval = plan.chosen?.interval, let point = points.first {
      xs += [point.x * interval.low, point.x * interval.high]
      ys += [point.y * interval.low, point.y * interval.high]
    }
    let time = Axis(logarithmic: xs, from: 80, to: 940, room: 62, candidates: Axis.times)
    let cost = Axis(logarithmic: ys, from: 420, to: 15, room: 26, candidates: Axis.dollars)
    for mark in time.marks {
      drawing.line([(mark.place, 15), (mark.place, 420)], stroke: Self.grid)
      drawing.text(mark.label, x: mark.place, y: 437, anchor: "middle")
    }
    for mark in cost.marks {
      drawing.line([(80, mark.place), (940, mark.place)], stroke: Self.grid)
      drawing.text(mark.label, x: 73, y: mark.place + 4, anchor: "end")
    }
    drawing.line([(80, 15), (80, 420), (940, 420)], stroke: Self.ink)
    drawing.text("time to train (logarithmic)", x: 510, y: 460, anchor: "middle")
    drawing.upright("cost of the training, US dollars (logarithmic)", x: 14, y: 217)
    limits(time, cost, &drawing)
    drawing.line(plan.pareto.map { (time[points[$0].x], cost[points[$0].y]) }, stroke: "#3b6fb6", dashed: true)
    let front = Set(plan.pareto)
    for (index, entry) in plan.ranked.enumerated().reversed() {
      drawing.circle(
        x: time[points[index].x], y: cost[points[index].y], radius: index == 0 ? 7 : 4.5,
        fill: index == 0 ? Self.accent : front.contains(index) ? "#3b6fb6" : "#b9c4cf",
        title: "\(entry.nodes), \(entry.layout): \(entry.time), \(entry.cost)")
    }
    if let interval = plan.chosen?.interval, let point = points.first {
      let (x, y) = (time[point.x], cost[point.y])
      drawing.line([(time[point.x * interval.low], y), (time[point.x * interval.high], y)], stroke: Self.accent)
      drawing.line([(x, cost[point.y * interval.low]), (x, cost[point.y * interval.high])], stroke: Self.accent)
    }
    labels(time, cost, points, &drawing)
    return drawing.svg(label: "Cost over time of \(points.count) plans, with those that nothing beats in both") + "\n"
      + key([
        (Self.accent, "chosen, with its 90 % interval"), ("#3b6fb6", "nothing beats it in both time and cost"),
        ("#b9c4cf", "beaten"),
      ])
  }

  private func limits(_ time: Axis, _ cost: Axis, _ drawing: inout Drawing) {
    if let deadline = plan.request.deadline {
      let x = time[deadline.count]
      drawing.line([(x, 15), (x, 420)], stroke: Self.accent, dashed: true)
      drawing.text("deadline", x: x - 4, y: 26, anchor: "end", fill: Self.accent)
    }
    if let budget = plan.request.budget {
      let y = cost[budget.count]
      drawing.line([(80, y), (940, y)], stroke: Self.accent, dashed: true)
      drawing.text("budget", x: 936, y: y - 5, anchor: "end", fill: Self.accent)
    }
  }

  /// Names of the chosen plan and of the front, where they cover nothing.
  private func labels(_ time: Axis, _ cost: Axis, _ points: [(x: Double, y: Double)], _ drawing: inout Drawing) {
    func dot(_ index: Int) -> Box {
      Box(x: time[points[index].x] - 6, y: cost[points[index].y] - 6, width: 12, height: 12)
    }
    let important = Set(plan.pareto + [0]).filter { $0 < points.count }.map(dot)
    let all = points.indices.map(dot)
    var texts: [Box] = []
    for index in [0] + plan.pareto.filter({ $0 != 0 }) where index < points.count {
      let text = plan.ranked[index].nodes
      let width = Double(text.count) * 6.6
      let (x, y) = (time[points[index].x], cost[points[index].y])
      var places: [Box] = []
      for base in [y - 8, y + 18, y + 32, y - 22] where base > 24 && base < 414 {
        for left in [x + 10, x - width / 2, x - 10 - width] where left > 92 && left + width < 955 {
          places.append(Box(x: left, y: base - 11, width: width, height: 14))
        }
      }
      // Beside every dot, or where there is no such place beside those that matter.
      let free = places.filter { place in !texts.contains { $0.meets(place) } }
      guard
        let box = free.first(where: { place in !all.contains { $0.meets(place) } })
          ?? free.first(where: { place in !important.contains { $0.meets(place) } })
      else { continue }
      texts.append(box)
      drawing.text(text, x: box.x, y: box.y + 11, fill: index == 0 ? Self.accent : "#3b6fb6")
    }
  }

  private struct Box {
    let x: Double
    let y: Double
    let width: Double
    let height: Double
    func meets(_ other: Box) -> Bool {
      x < other.x + other.width && other.x < x + width && y < other.y + other.height && other.y < y + height
    }
  }

  // MARK: A step

  func timeline(_ entry: PlanEntry) -> String {
    let line = StepTimeline(entry, globalBatch: plan.request.globalBatch)
    let height = Double(line.rows.count) * 24
    var drawing = Drawing(width: 960, height: height + 44)
    let unit = TimeUnit(line.seconds)
    let axis = Axis(linear: line.seconds / unit.size, from: 170, to: 930, label: Axis.text)
    for mark in axis.marks {
      drawing.line([(mark.place, 0), (mark.place, height + 4)], stroke: Self.grid)
      drawing.text(mark.label, x: mark.place, y: height + 19, anchor: "middle")
    }
    drawing.text("time since the step began, \(unit.name)", x: 550, y: height + 39, anchor: "middle")
    var kinds: [StepTimeline.Block.Kind] = []
    for (index, row) in line.rows.enumerated() {
      let y = Double(index) * 24 + 2
      drawing.text(Self.shortened(row.name, to: 24), x: 162, y: y + 14, anchor: "end")
      for block in row.blocks where block.end > block.start {
        if !kinds.contains(block.kind) { kinds.append(block.kind) }
        drawing.rectangle(
          x: axis[block.start / unit.size], y: y,
          width: axis[block.end / unit.size] - axis[block.start / unit.size], height: 20,
          fill: Self.colour(block.kind), title: "\(block.kind.rawValue): \(Seconds(block.end - block.start))")
      }
    }
    return key(kinds.map { (Self.colour($0), $0.rawValue) }) + "\n"
      + drawing.svg(label: "A step of \(entry.nodes) over time: \(entry.step)") + "\n<p>\(escaped(line.note))</p>"
  }

  private static func colour(_ kind: StepTimeline.Block.Kind) -> String {
    switch kind {
    case .forward: "#3b6fb6"
    case .backward: "#9dbce0"
    case .microBatches: "#6c96cb"
    case .reduction, .together: "#e0913a"
    case .optimizer: "#4fa36a"
    case .overhead: "#7b8794"
    }
  }

  // MARK: Bars

  /// Stacked bars, one an entry; `limit` draws a mark beside its bar.
  private struct Bar {
    let name: String
    let parts: [(name: String, size: Double, text: String)]
    let total: String
    let limit: Double?
    var size: Double { parts.reduce(0) { $0 + $1.size } }
  }

  var memory: String {
    let all = entries.map { entry in
      Bar(
        name: entry.nodes,
        parts: MemoryComponents.Component.allCases.map {
          let bytes = entry.memory.components[$0]
          return ($0.words, Double(bytes.count) / 0x1p30, bytes.description)
        }, total: "\(entry.memory.components.total) of \(entry.memory.budget.usable)",
        limit: Double(entry.memory.budget.usable.count) / 0x1p30)
    }
    return bars(all, title: "GiB of an accelerator")
      + "\n<p>The black mark is what may be filled.</p>"
  }

  var steps: String {
    let all = entries.map { entry in
      // Software that is faster than its like is a factor below 1: of every term, since no bar is negative.
      let positive = entry.estimate.terms.filter { $0.seconds > .zero }
      let factor = entry.step / max(entry.step, positive.map(\.seconds).sum())
      return Bar(
        name: entry.nodes,
        parts: positive.map { ($0.name, $0.seconds * factor / entry.step * 100, "\($0.seconds * factor)") },
        total: entry.step.description, limit: nil)
    }
    return bars(all, title: "share of the step, %")
  }

  private func bars(_ bars: [Bar], title: String) -> String {
    var names: [String] = []
    for part in bars.flatMap(\.parts) where part.size > 0 && !names.contains(part.name) { names.append(part.name) }
    func colour(_ name: String) -> String {
      Self.colours[(names.firstIndex(of: name) ?? 0) % Self.colours.count]
    }
    let largest = bars.map { max($0.size, $0.limit ?? 0) }.max() ?? 0
    let height = Double(bars.count) * 26
    var drawing = Drawing(width: 960, height: height + 46)
    let axis = Axis(linear: largest, from: 250, to: 810, label: Axis.text)
    for mark in axis.marks {
      drawing.line([(mark.place, 0), (mark.place, height + 4)], stroke: Self.grid)
      drawing.text(mark.label, x: mark.place, y: height + 20, anchor: "middle")
    }
    drawing.text(title, x: 530, y: height + 40, anchor: "middle")
    for (row, bar) in bars.enumerated() {
      let y = Double(row) * 26 + 3
      drawing.text(Self.shortened(bar.name, to: 36), x: 242, y: y + 14, anchor: "end")
      var size = 0.0
      for part in bar.parts where part.size > 0 {
        drawing.rectangle(
          x: axis[size], y: y, width: axis[size + part.size] - axis[size], height: 20, fill: colour(part.name),
          title: "\(part.name): \(part.text)")
        size += part.size
      }
      var x = axis[size]
      if let limit = bar.limit {
        drawing.line([(axis[limit], y - 2), (axis[limit], y + 22)], stroke: "#1d2733")
        x = max(x, axis[limit])
      }
      drawing.text(bar.total, x: x + 6, y: y + 14)
    }
    return key(names.map { (colour($0), $0) }) + "\n"
      + drawing.svg(label: "A bar for each plan: \(names.joined(separator: ", "))")
  }

  private static func shortened(_ text: String, to count: Int) -> String {
    text.count <= count ? text : text.prefix(count - 1) + "…"
  }
}

/// One unit for all marks of an axis of time.
private struct TimeUnit {
  let name: String
  let size: Double

  init(_ largest: Double) {
    let units = [("hours", 3600.0), ("min", 60), ("s", 1), ("ms", 1e-3)]
    (name, size) = units.first { largest >= 2 * $0.1 } ?? ("µs", 1e-6)
  }
}
