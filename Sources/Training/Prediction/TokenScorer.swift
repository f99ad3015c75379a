import Foundation

/// What tells the probability of each next token of sequences that are written side by side.
package protocol TokenScorer: AnyObject {
  /// Sequences side by side.
  var rowCount: Int { get }
  /// Tokens that there are.
  var vocabularyCount: Int { get }
  /// Goes on by a token: row r continues the sequence that was row `parents[r]` before with `tokens[r]`.
  ///
  /// - Returns: [rowCount × vocabularyCount], the logarithm of the probability of each token as the next one.
  func scores(after tokens: [Int32], parents: [Int]) throws -> [Float]
}

/// How sequences begin and end.
package struct WritingRules: Hashable, Sendable {
  /// What every sequence begins with; not part of what is written, and not empty.
  package let prefix: [Int32]
  /// The token that ends a sequence; nil if they go on to the limit.
  package let end: Int32?
  /// Tokens that are never written, such as padding. The probabilities of the others stay as they are.
  package let forbidden: Set<Int32>
  /// The most tokens that are written, the end included.
  package let lengthLimit: Int

  package init(prefix: [Int32], end: Int32?, forbidden: Set<Int32>, lengthLimit: Int) {
    precondition(!prefix.isEmpty && lengthLimit > 0)
    self.prefix = prefix
    self.end = end
    self.forbidden = forbidden
    self.lengthLimit = lengthLimit
  }
}

/// What was written.
package struct WrittenSequence: Hashable, Sendable {
  /// Without the end.
  package fileprivate(set) var tokens: [Int32] = []
  /// Σ log P of the tokens, the end included.
  package fileprivate(set) var logProbability = 0.0
  /// Whether the end was written, rather than the limit reached.
  package fileprivate(set) var isEnded = false

  /// |Y|, the end included.
  package var length: Int { tokens.count + (isEnded ? 1 : 0) }

  /// What a beam is ranked by: log P(Y) / ((5 + |Y|)^α / 6^α), so that long sequences are not put back for having more
  /// factors (Wu et al. 2016, "Google's Neural Machine Translation System", equation 14).
  package func score(lengthPenalty α: Double) -> Double { logProbability / pow((5 + Double(length)) / 6, α) }

  func extended(by token: Int32, _ logProbability: Double, end: Int32?) -> WrittenSequence {
    var copy = self
    copy.logProbability += logProbability
    if token == end { copy.isEnded = true } else { copy.tokens.append(token) }
    return copy
  }
}

extension TokenScorer {
  /// Feeds what all sequences begin with.
  func begin(_ prefix: [Int32]) throws -> [Float] {
    var last: [Float] = []
    for token in prefix {
      last = try scores(after: Array(repeating: token, count: rowCount), parents: Array(0..<rowCount))
    }
    return last
  }

  /// Writes a sequence in each row, the tokens as `choose` says.
  /// - Parameter choose: from the row and the scores of its next token, one that is allowed.
  package func write(
    _ rules: WritingRules, choose: (_ row: Int, _ scores: ArraySlice<Float>) -> Int32
  ) throws -> [WrittenSequence] {
    var written = Array(repeating: WrittenSequence(), count: rowCount)
    var next = try begin(rules.prefix)
    for length in 1...rules.lengthLimit {
      var tokens = Array(repeating: rules.prefix[0], count: rowCount)
      for row in written.indices where !written[row].isEnded {
        let scores = next[row * vocabularyCount..<(row + 1) * vocabularyCount]
        let token = choose(row, scores)
        tokens[row] = token
        written[row] = written[row].extended(
          by: token, Double(scores[scores.startIndex + Int(token)]), end: rules.end)
      }
      guard length < rules.lengthLimit, written.contains(where: { !$0.isEnded }) else { break }
      next = try scores(after: tokens, parents: Array(0..<rowCount))
    }
    return written
  }

  /// Writes the most probable token at each step; of equal ones the first.
  package func writeGreedily(_ rules: WritingRules) throws -> [WrittenSequence] {
    try write(rules) { _, scores in
      var best: Int?
      for index in scores.indices where !rules.forbidden.contains(Int32(index - scores.startIndex)) {
        if best.map({ scores[index] > scores[$0] }) ?? true { best = index }
      }
      return Int32((best ?? scores.startIndex) - scores.startIndex)
    }
  }
}
