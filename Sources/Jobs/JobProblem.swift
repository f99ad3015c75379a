/// A place in a job file: lines and columns count from 1, columns in Unicode scalars.
package struct SourcePlace: Hashable, Codable, Sendable, Comparable {
  package let line: Int
  package let column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  package static func < (a: SourcePlace, b: SourcePlace) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// One thing that is wrong with a job file: where, what, and what to write instead.
///
///     job.yaml:14:3: unknown key 'batchsize' in training; did you mean 'batch'?
///       batchsize: 128
///       ^
package struct JobProblem: Hashable, Sendable, CustomStringConvertible {
  /// As the file was named to Apus.
  package let file: String
  /// Nil if the problem is with the file as a whole.
  package let place: SourcePlace?
  package let message: String
  /// The line of the file at `place`.
  package let sourceLine: String?

  package init(file: String, place: SourcePlace?, message: String, sourceLine: String?) {
    self.file = file
    self.place = place
    self.message = message
    self.sourceLine = sourceLine
  }

  package var line: Int? { place?.line }
  package var column: Int? { place?.column }

  package var description: String {
    guard let place else { return "\(file): \(message)" }
    let head = "\(file):\(place.line):\(place.column): \(message)"
    guard let sourceLine else { return head }
    return "\(head)\n\(sourceLine)\n\(caretLine(under: sourceLine, column: place.column))"
  }

  /// Tabs stay tabs, so that the caret stands under its column however wide they are shown.
  private func caretLine(under source: String, column: Int) -> String {
    let before = source.unicodeScalars.prefix(column - 1)
    let missing = column - 1 - before.count
    return before.map { $0 == "\t" ? "\t" : " " }.joined() + String(repeating: " ", count: missing) + "^"
  }
}

/// A job file that is refused, with all that is wrong with it.
package struct InvalidJob: Error, Hashable, Sendable, CustomStringConvertible {
  /// In the order of the file; not empty.
  package let problems: [JobProblem]

  package init(_ problems: [JobProblem]) { self.problems = problems }

  package var description: String { problems.map(\.description).joined(separator: "\n") }
}
