package import Collectives
package import Datasets
package import Evaluation
import Execution
import ModelGraph

/// What a model gets right on a data set.
package struct EvaluationResult: Sendable {
  package enum Measures: Sendable {
    case classes(ClassMeasures)
    case labels(LabelMeasures)
    /// In the data's own units.
    case values(RegressionMeasures)
  }

  package let measures: Measures
  /// Mean over what was to be predicted: samples, labels of sequences, or outputs.
  package let loss: Double

  /// For several labels, the share of samples of which each one is right. Nil for numbers.
  package var accuracy: Double? {
    switch measures {
    case .classes(let classes): classes.accuracy
    case .labels(let labels): labels.subsetAccuracy
    case .values: nil
    }
  }

  /// Of all answers to several labels; nil for classes and numbers.
  package var microF1: Double? { if case .labels(let labels) = measures { labels.together.f1 } else { nil } }

  /// Mean over classes or labels; nil where it is undefined for one, and for numbers.
  package var macroF1: Double? {
    switch measures {
    case .classes(let classes): classes.confusion?.macroF1
    case .labels(let labels): labels.macro(\.f1)
    case .values: nil
    }
  }
}

extension Replica {
  /// Runs every sample of `source` once, batches dealt out to the ranks in turn, and merges what they found.
  /// Collective. The replica was made with an evaluation graph.
  ///
  /// - Parameter threshold: the probability from which a label, or the second of two classes with one output, is
  ///   predicted.
  package func evaluate(
    _ source: any SampleSource, _ target: SampleTarget, on group: any Group, threshold: Double = 0.5
  ) throws -> EvaluationResult {
    guard let evaluation, let inputs = evaluationInputs else {
      preconditionFailure("the replica was made without an evaluation graph")
    }
    let batch = evaluation.evaluationBatch
    let buffer = SampleBuffer(fields: source.fields, capacity: batch)
    let outputs = evaluation.withOutput("logits") { $0.count } / batch
    let isByOutput = evaluation.input(SampleTarget.targetName) != nil
    var tally = EvaluationTally(target, buffer, outputs: outputs, isByOutput: isByOutput, threshold: threshold)
    var lossSum = 0.0
    let batchCount = (source.count + batch - 1) / batch
    func run(_ samples: [UInt32]) throws -> Double {
      try source.load(samples.span, epoch: 0, into: buffer)
      inputs.set(buffer, 0..<batch)
      try evaluation.run(dropout: .none)
      return evaluation.withOutput("loss") { Double($0[0]) }
    }
    for index in stride(from: group.rank, to: batchCount, by: group.rankCount) {
      let first = index * batch
      let valid = min(batch, source.count - first)
      // A last batch is filled up with its last sample, whose share of the loss a batch of it alone tells.
      let last = UInt32(first + valid - 1)
      lossSum += try run((0..<batch).map { min(UInt32(first + $0), last) })
      evaluation.withOutput("logits") { tally.add($0, buffer, valid: valid) }
      if valid < batch {
        lossSum -= try run(Array(repeating: last, count: batch)) * Double(batch - valid) / Double(batch)
      }
    }
    return try tally.merged(loss: lossSum, group)
  }
}

extension Program {
  /// Samples that run through an evaluation graph together.
  fileprivate var evaluationBatch: Int {
    guard let logits = compiled.graph.outputs["logits"], let batch = compiled.graph[logits].type.shape.dimensions.first
    else { preconditionFailure("an evaluation graph has logits of a batch") }
    return batch
  }
}

extension DropoutState {
  /// For programs without dropout.
  static let none = DropoutState(seed: 0, step: 0, firstSample: 0)
}
