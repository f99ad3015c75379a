package import Collectives
package import Datasets
package import Evaluation
import Execution
import ModelGraph

/// What a model gets right on a data set.
package struct EvaluationResult: Sendable {
  package let confusion: ConfusionMatrix
  /// Mean over the samples.
  package let loss: Double
}

extension Replica {
  /// Runs every sample of `source` once, batches dealt out to the ranks in turn, and merges what they found.
  /// Collective. The replica was made with an evaluation graph.
  package func evaluate(
    _ source: NormalisedImages, classCount: Int, on group: any Group
  ) throws -> EvaluationResult {
    guard let evaluation, let input = evaluation.input("input") else {
      preconditionFailure("the replica was made without an evaluation graph")
    }
    let labelsInput = evaluation.input("labels")
    let elementLoss = evaluation.compiled.graph.elementLoss
    let batch = input.elementCount / source.sampleElementCount
    var images = [Float](repeating: 0, count: input.elementCount)
    var labels = [Int32](repeating: 0, count: batch)
    var confusion = ConfusionMatrix(classCount: classCount)
    var lossSum = 0.0
    let batchCount = (source.count + batch - 1) / batch
    for index in stride(from: group.rank, to: batchCount, by: group.rankCount) {
      let first = index * batch
      let valid = min(batch, source.count - first)
      // A last batch is filled up with any sample; the label −1 leaves it out.
      let samples = (0..<batch).map { UInt32(first + min($0, valid - 1)) }
      var imageSpan = images.mutableSpan
      var labelSpan = labels.mutableSpan
      source.load(samples.span, images: &imageSpan, labels: &labelSpan)
      for sample in valid..<batch { labels[sample] = -1 }
      set(images.span, labels.span, in: evaluation, input: input, labels: labelsInput, target: nil)
      try evaluation.run(dropout: .none)
      if elementLoss == nil { evaluation.withOutput("loss") { lossSum += Double($0[0]) } }
      evaluation.withOutput("logits") { logits in
        for sample in 0..<valid {
          let row = logits.extracting(sample * classCount..<(sample + 1) * classCount)
          confusion.add(true: Int(labels[sample]), predicted: Self.largest(row))
          if let elementLoss { lossSum += Self.loss(row, elementLoss, label: Int(labels[sample])) }
        }
      }
    }
    return try merged(confusion, lossSum, sampleCount: source.count, elementLoss == nil ? 1 : classCount, group)
  }

  private func merged(
    _ confusion: ConfusionMatrix, _ lossSum: Double, sampleCount: Int, _ outputs: Int, _ group: any Group
  ) throws -> EvaluationResult {
    var counts = confusion.counts
    try group.allReduce(&counts, .sum)
    let total = try group.allReduce(lossSum, .sum)
    return EvaluationResult(
      confusion: ConfusionMatrix(classCount: confusion.classCount, counts: counts),
      loss: total / Double(sampleCount * outputs))
  }

  /// Σ f(x, onehot): the graph's own loss would count the padding of a last batch, which has no label to leave out.
  private static func loss(_ row: Span<Float>, _ function: ElementLossFunction, label: Int) -> Double {
    var sum = 0.0
    for index in row.indices {
      sum += function.value(Double(row[index]), index == label ? 1 : 0, index: index, width: row.count).loss
    }
    return sum
  }

  /// The first index of the largest element.
  private static func largest(_ row: Span<Float>) -> Int {
    var best = 0
    for index in row.indices where row[index] > row[best] { best = index }
    return best
  }
}

extension Graph {
  /// The loss of each element, if the graph ends in one.
  fileprivate var elementLoss: ElementLossFunction? {
    for case .elementLoss(let rule) in nodes.map(\.operation) { return rule.function }
    return nil
  }
}

extension DropoutState {
  /// For programs without dropout.
  static let none = DropoutState(seed: 0, step: 0, firstSample: 0)
}
