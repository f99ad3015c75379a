/// A run that cannot start, go on or be read back.
package struct TrainingError: Error, Sendable, CustomStringConvertible {
  package enum Code: String, Sendable {
    /// Files that do not fit: a checkpoint of another model, a run directory in use.
    case invalidInput
    /// A number that is not finite.
    case numerical
    /// Ranks that disagree on code, job or data.
    case disagreement
    /// The run's own files cannot be written.
    case storage
  }

  package let code: Code
  /// What is wrong, with the values, and what to do.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
