/// What is wrong with catalog data, where, and what to do about it.
package struct CatalogError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// The file cannot be read or written.
    case unreadable
    /// The bytes are no CSV, JSON or gzip: an open quote, a comma too many, a text that does not end.
    case malformed
    /// The columns or keys are not those of the format.
    case wrongColumns
    /// A value is missing, of the wrong type, of an unknown unit or out of range.
    case invalidValue
    /// A row refers to something that no row defines.
    case unknownReference
    case duplicate
    /// The file says two things that cannot both be true.
    case contradiction
    /// No instance type or accelerator has this name.
    case unknownName
    /// The shipped rows are not what AWS says, and no known difference explains it.
    case unexplainedDifference
  }

  package let code: Code
  /// As the file was named to Apus; nil if the error is with no file.
  package let file: String?
  /// Counts from 1.
  package let line: Int?
  /// Counts from 1, in Unicode scalars.
  package let column: Int?
  package let message: String
  package let remedy: String

  package init(
    _ code: Code, _ message: String, remedy: String, file: String? = nil, line: Int? = nil, column: Int? = nil
  ) {
    self.code = code
    self.file = file
    self.line = line
    self.column = column
    self.message = message
    self.remedy = remedy
  }

  package init(_ code: Code, at place: Place, _ message: String, remedy: String) {
    self.init(code, message, remedy: remedy, file: place.file, line: place.line, column: place.column)
  }

  package var description: String {
    let place = [file, line.map(String.init), column.map(String.init)].compactMap { $0 }.joined(separator: ":")
    return (place.isEmpty ? "" : "\(place): ") + "\(message); \(remedy)"
  }
}

/// A place in a text file.
package struct Place: Hashable, Sendable {
  package let file: String
  package let line: Int
  package let column: Int
}
