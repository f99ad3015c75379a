/// Beam search: at each step the best `width` of all continuations of the best `width` beginnings are kept. One that ends
/// leaves the beam, which is narrower by it from then on (Sutskever et al. 2014, "Sequence to Sequence Learning with Neural
/// Networks", §3.2); the end of the search is an empty beam, or the limit of the length. With a width of 1 this is greedy.
///
/// Beginnings of equal length are compared by their probability, whole sequences by `WrittenSequence.score`.
package struct BeamSearch: Hashable, Sendable {
  package let width: Int
  /// α of the length penalty; 0 for the bare probability.
  package let lengthPenalty: Double

  package init(width: Int, lengthPenalty: Double) {
    precondition(width > 0 && lengthPenalty >= 0)
    self.width = width
    self.lengthPenalty = lengthPenalty
  }

  /// Writes sequences for as many samples as `scorer` has rows for: `width` rows a sample, one behind the other.
  /// - Returns: for each sample up to `width` sequences, the best first.
  package func write(_ scorer: some TokenScorer, _ rules: WritingRules) throws -> [[WrittenSequence]] {
    precondition(scorer.rowCount % width == 0, "a scorer has \(width) rows a sample")
    let vocabulary = scorer.vocabularyCount
    var beams = (0..<scorer.rowCount / width).map { _ in Beam(active: [WrittenSequence()]) }
    var next = try scorer.begin(rules.prefix)
    for length in 1...rules.lengthLimit {
      var tokens = Array(repeating: rules.prefix[0], count: scorer.rowCount)
      var parents = Array(0..<scorer.rowCount)
      for index in beams.indices {
        let first = index * width
        let rows = next[first * vocabulary..<(first + width) * vocabulary]
        for (place, kept) in beams[index].step(rows, vocabulary, width, rules).enumerated() {
          tokens[first + place] = kept.token
          parents[first + place] = first + kept.parent
        }
      }
      guard length < rules.lengthLimit, beams.contains(where: { !$0.active.isEmpty }) else { break }
      next = try scorer.scores(after: tokens, parents: parents)
    }
    return beams.map { beam in
      let whole = beam.ended + beam.active
      let scores = whole.map { $0.score(lengthPenalty: lengthPenalty) }
      return whole.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.map { whole[$0] }
    }
  }
}

/// One sample's sequences.
private struct Beam {
  /// Those that go on; sequence i is in row i of the sample's.
  var active: [WrittenSequence]
  var ended: [WrittenSequence] = []

  private struct Candidate {
    let parent: Int
    let token: Int32
    let step: Double
    let sum: Double
  }

  /// - Parameter scores: of the next token, row after row.
  /// - Returns: how each sequence that goes on came to be.
  mutating func step(
    _ scores: ArraySlice<Float>, _ vocabulary: Int, _ width: Int, _ rules: WritingRules
  ) -> [(parent: Int, token: Int32)] {
    let room = width - ended.count
    // Sorted, the best first; of equal ones the first.
    var best: [Candidate] = []
    for (parent, sequence) in active.enumerated() {
      let start = scores.startIndex + parent * vocabulary
      for token in 0..<Int32(vocabulary) where !rules.forbidden.contains(token) {
        let step = Double(scores[start + Int(token)])
        let sum = sequence.logProbability + step
        if best.count == room, let last = best.last, sum <= last.sum { continue }
        let place = best.firstIndex { $0.sum < sum } ?? best.count
        best.insert(Candidate(parent: parent, token: token, step: step, sum: sum), at: place)
        if best.count > room { best.removeLast() }
      }
    }
    var goingOn: [WrittenSequence] = []
    var origins: [(parent: Int, token: Int32)] = []
    for candidate in best {
      let sequence = active[candidate.parent].extended(by: candidate.token, candidate.step, end: rules.end)
      if sequence.isEnded {
        ended.append(sequence)
      } else {
        goingOn.append(sequence)
        origins.append((candidate.parent, candidate.token))
      }
    }
    active = goingOn
    return origins
  }
}
