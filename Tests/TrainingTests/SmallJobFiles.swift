import Foundation
import TestSupport

/// Writes a job file into the folder of `small`.
/// - Parameters:
///   - data: the lines of its data section.
///   - layers: in the brackets of a flow sequence.
///   - carriesState: whether each step goes on with the states of the one before.
func smallJob(
  _ small: SmallJob, _ data: String, layers: String, loss: String = "cross-entropy", epochs: Int = 3,
  learningRate: Double = 0.02, carriesState: Bool = false
) throws -> String {
  let text = """
    apus: 1
    name: small
    seed: 5
    data:
      \(data.replacing("\n", with: "\n  "))
    model:
      layers: [\(layers)]
    training:
      epochs: \(epochs)
      batch: 12
      shards: 4
      loss: \(loss)
      carry_state: \(carriesState)
      optimizer: {name: adam, learning_rate: \(learningRate)}

    """
  try small.write(Array(text.utf8), "small.yaml")
  return small.path("small.yaml")
}

/// Pairs of two words and their translations in the other order: 120 rows, 16 different ones.
func writePairs(_ small: SmallJob) throws {
  let words = ["one", "two", "three", "four"]
  let said = ["un", "deux", "trois", "quatre"]
  let rows = (0..<120).map { row in
    let (first, second) = (row % 4, row / 4 % 4)
    return "\(words[first]) \(words[second])\t\(said[second]) \(said[first])"
  }
  try small.write(Array(("source\ttarget\n" + rows.joined(separator: "\n")).utf8), "pairs.tsv")
}
