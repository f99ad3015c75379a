import Units

/// Elements of an inline SVG, in its own units.
struct Drawing {
  private(set) var elements: [String] = []
  let width: Double
  let height: Double

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  mutating func rectangle(x: Double, y: Double, width: Double, height: Double, fill: String, title: String) {
    elements.append(
      "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(max(width, 0)))\" height=\"\(number(height))\" "
        + "fill=\"\(fill)\"><title>\(escaped(title))</title></rect>")
  }

  mutating func circle(x: Double, y: Double, radius: Double, fill: String, title: String) {
    elements.append(
      "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\" fill=\"\(fill)\">"
        + "<title>\(escaped(title))</title></circle>")
  }

  mutating func line(_ points: [(x: Double, y: Double)], stroke: String, dashed: Bool = false) {
    let list = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    elements.append(
      "<polyline points=\"\(list)\" fill=\"none\" stroke=\"\(stroke)\"\(dashed ? " stroke-dasharray=\"5 4\"" : "")/>")
  }

  /// - Parameter anchor: "start", "middle" or "end".
  mutating func text(_ text: String, x: Double, y: Double, anchor: String = "start", fill: String = "currentColor") {
    elements.append(
      "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\" fill=\"\(fill)\">\(escaped(text))</text>")
  }

  /// Text that reads upwards, about a point.
  mutating func upright(_ text: String, x: Double, y: Double) {
    elements.append(
      "<text transform=\"translate(\(number(x)) \(number(y))) rotate(-90)\" text-anchor=\"middle\" "
        + "fill=\"currentColor\">\(escaped(text))</text>")
  }

  /// - Parameter label: what a reader who does not see it is told.
  func svg(label: String) -> String {
    "<svg viewBox=\"0 0 \(number(width)) \(number(height))\" width=\"\(number(width))\" height=\"\(number(height))\" "
      + "role=\"img\" aria-label=\"\(escaped(label))\" font-size=\"12\">\n"
      + elements.joined(separator: "\n") + "\n</svg>"
  }

  private func number(_ value: Double) -> String { fixedPoint(value, decimals: 1) }
}

/// `text` as it may stand between tags and in quoted attributes.
func escaped(_ text: String) -> String {
  var result = ""
  for character in text {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    default: result.append(character)
    }
  }
  return result
}
