import Foundation

extension ConfusionMatrix {
  /// What a guess that does not look at the sample gets at best: with the shares of the classes known.
  package struct ConstantGuess: Hashable, Codable, Sendable {
    /// The first of the most frequent classes.
    package let mostFrequent: Int
    /// Of always guessing that class.
    package let accuracy: Double
    /// The mean cross-entropy of the classes' shares, −Σ p ln p: no other constant probabilities come below it.
    package let crossEntropy: Double
  }

  /// Nil if nothing was counted.
  package var constantGuess: ConstantGuess? {
    let totals = (0..<classCount).map { row in
      counts[row * classCount..<(row + 1) * classCount].reduce(0, +)
    }
    let total = totals.reduce(0, +)
    guard total > 0, let most = totals.max(), let first = totals.firstIndex(of: most) else { return nil }
    let shares = totals.filter { $0 > 0 }.map { Double($0) / Double(total) }
    return ConstantGuess(
      mostFrequent: first, accuracy: Double(most) / Double(total),
      crossEntropy: shares.reduce(0) { $0 - $1 * log($1) })
  }
}
