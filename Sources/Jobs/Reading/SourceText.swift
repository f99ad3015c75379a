/// The text of a job file, by line and column.
struct SourceText: Hashable, Sendable {
  /// As the file was named to Apus.
  let file: String
  let text: String
  let lines: [String]

  init(file: String, text: String) {
    self.file = file
    // A byte order mark would count as the first line's indentation.
    let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    self.text = text
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      if Self.isLineBreak(scalar) {
        if !(scalar == "\n" && previous == "\r") { lines.append(String(line)) }
        line.removeAll()
      } else {
        line.append(scalar)
      }
      previous = scalar
    }
    self.lines = lines + [String(line)]
  }

  /// What YAML 1.1 takes for the end of a line.
  private static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "\n" || scalar == "\r" || scalar == "\u{85}" || scalar == "\u{2028}" || scalar == "\u{2029}"
  }

  func problem(_ place: SourcePlace?, _ message: String) -> JobProblem {
    let line = place.flatMap { lines.indices.contains($0.line - 1) ? lines[$0.line - 1] : nil }
    return JobProblem(file: file, place: place, message: message, sourceLine: line)
  }

  func scalar(at place: SourcePlace) -> Unicode.Scalar? {
    guard lines.indices.contains(place.line - 1) else { return nil }
    return lines[place.line - 1].unicodeScalars.dropFirst(place.column - 1).first
  }

  /// The same text with one scalar replaced; every other place stays where it is. Line ends become newlines.
  func replacing(at place: SourcePlace, with scalar: Unicode.Scalar) -> SourceText {
    var changed = lines
    var scalars = Array(changed[place.line - 1].unicodeScalars)
    scalars[place.column - 1] = scalar
    var line = String.UnicodeScalarView()
    line.append(contentsOf: scalars)
    changed[place.line - 1] = String(line)
    return SourceText(file: file, text: changed.joined(separator: "\n"))
  }

  /// The first scalar that YAML does not allow in a file, such as a NUL.
  var firstForbidden: (place: SourcePlace, scalar: Unicode.Scalar)? {
    for (line, text) in lines.enumerated() {
      for (column, scalar) in text.unicodeScalars.enumerated() {
        switch scalar.value {
        case 0x09, 0x20...0x7E, 0xA0...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: continue
        default: return (SourcePlace(line: line + 1, column: column + 1), scalar)
        }
      }
    }
    return nil
  }
}
