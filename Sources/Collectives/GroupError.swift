/// Why an exchange between ranks did not happen.
package struct GroupError: Error, Equatable, CustomStringConvertible {
  /// Stable names, for programs that decide by them.
  package enum Code: String, Sendable {
    /// Ranks disagree on how much is exchanged, or on which call it is.
    case countMismatch
    /// A rank that this one waits for has failed or has ended.
    case peerLost
    /// A rank outside of the group, or this rank where another one is needed.
    case invalidRank
    /// An argument that is wrong on this rank alone: a tag, a range of shards, a size.
    case invalidArgument
    /// The processes are not, or cannot become, one group.
    case launch
    /// A rank called `abort(code:)`.
    case aborted
    /// The transport reports an error of its own.
    case failed
  }

  package let code: Code
  /// What happened, with the values.
  package let sentence: String
  /// What to do about it.
  package let remedy: String

  package init(_ code: Code, _ sentence: String, remedy: String) {
    self.code = code
    self.sentence = sentence
    self.remedy = remedy
  }

  package var description: String { "\(sentence); \(remedy) [\(code.rawValue)]" }
}
