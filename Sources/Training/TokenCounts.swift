import Datasets
import Foundation
import ModelGraph

/// What counts of the training text alone say of the next token: n-grams, interpolated after Witten & Bell 1991
/// ("The zero-frequency problem", method C), which has no number to choose.
///
/// P(w | h) = (c(h w) + T(h) P(w | h′)) / (c(h) + T(h)): h are the n − 1 tokens before, h′ all of them but the first, c
/// counts, T(h) is how many different tokens have followed h; below unigrams all tokens of the vocabulary are alike.
struct TokenCounts {
  /// Counted at most, so that a guess to compare with costs seconds: longer texts are cut.
  static let longestText = 1 << 22
  private static let orders = 3

  private struct Followers {
    var total = 0
    var counts: [Int32: Int] = [:]
  }

  private let vocabulary: Int
  /// By the number of tokens before, then by these.
  private var followers: [[[Int32]: Followers]] = Array(repeating: [:], count: orders)

  /// - Parameter text: pieces of one text in its order, with `labels`, the token behind each.
  init(counting text: any SampleSource, vocabulary: Int) throws {
    self.vocabulary = vocabulary
    var read = 0
    try Self.forEach(text) { before, next in
      for order in 0...min(before.count, Self.orders - 1) {
        followers[order][Array(before.suffix(order)), default: Followers()].total += 1
        followers[order][Array(before.suffix(order)), default: Followers()].counts[next, default: 0] += 1
      }
      read += 1
      return read < Self.longestText
    }
  }

  /// The mean of −ln P over `text`, by unigrams, bigrams and trigrams.
  func losses(on text: any SampleSource) throws -> [Double] {
    var sums = [Double](repeating: 0, count: Self.orders)
    var read = 0
    try Self.forEach(text) { before, next in
      var probability = 1 / Double(vocabulary)
      for order in 0..<Self.orders {
        if order <= before.count, let seen = followers[order][Array(before.suffix(order))] {
          let different = Double(seen.counts.count)
          probability =
            (Double(seen.counts[next] ?? 0) + different * probability) / (Double(seen.total) + different)
        }
        sums[order] -= log(probability)
      }
      read += 1
      return read < Self.longestText
    }
    return sums.map { $0 / Double(max(read, 1)) }
  }

  /// Calls `body` with each token and those before it, as far as they count, until it gives false.
  private static func forEach(_ text: any SampleSource, _ body: (ArraySlice<Int32>, Int32) -> Bool) throws {
    let buffer = SampleBuffer(fields: text.fields, capacity: 1)
    guard let input = buffer.position(of: SampleShape.inputName),
      let labels = buffer.position(of: SampleTarget.labelsName)
    else { preconditionFailure("a text has tokens, and the next ones as labels") }
    var before: [Int32] = []
    for sample in 0..<text.count {
      let samples = [UInt32(sample)]
      try text.load(samples.span, epoch: 0, into: buffer)
      let pairs = buffer.withIntegers(input, 0..<1) { tokens in
        buffer.withIntegers(labels, 0..<1) { next in tokens.indices.map { (tokens[$0], next[$0]) } }
      }
      for (token, next) in pairs where next >= 0 {
        before.append(token)
        if before.count >= orders { before.removeFirst() }
        guard body(before[...], next) else { return }
      }
    }
  }
}
