/// How many steps a training is.
package enum TrainingLength: Hashable, Sendable, Codable {
  case steps(Int)
  /// ⌈tokens/(B·s)⌉ steps.
  case tokens(Double)
  /// epochs · ⌈samples/B⌉ steps: each epoch's last batch may be short.
  case epochs(Int, samples: Int)

  /// - Parameter sequence: tokens of a sample; 1 for samples that have none.
  package func steps(globalBatch: Int, sequence: Int = 1) -> Int {
    precondition(globalBatch >= 1 && sequence >= 1, "a step has samples")
    switch self {
    case .steps(let count): return count
    case .tokens(let count): return Int((count / (Double(globalBatch) * Double(sequence))).rounded(.up))
    case .epochs(let count, let samples): return count * ((samples + globalBatch - 1) / globalBatch)
    }
  }
}
