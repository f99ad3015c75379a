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
  /// Runs every sample of `source` once and merges what the ranks found. Collective. The replica was made with an
  /// evaluation graph.
  ///
  /// Batches are dealt out to the ranks in turn. Where states are carried, the samples are cut into `streamCount` runs of
  /// consecutive ones instead, each read from its beginning to its end with the state going on from sample to sample.
  /// - Parameters:
  ///   - streamCount: the job's shards, so that the number of ranks changes nothing.
  ///   - threshold: the probability from which a label, or the second of two classes with one output, is predicted.
  package func evaluate(
    _ source: any SampleSource, _ target: SampleTarget, streamCount: Int, on group: any Group, threshold: Double = 0.5
  ) throws -> EvaluationResult {
    guard let evaluation, let inputs = evaluationInputs else {
      preconditionFailure("the replica was made without an evaluation graph")
    }
    guard evaluation.stateElementCount == 0 else {
      return try evaluateStreams(source, target, streamCount: streamCount, on: group, threshold: threshold)
    }
    let batch = evaluation.evaluationBatch
    let buffer = SampleBuffer(fields: source.fields, capacity: batch)
    var tally = evaluation.tally(target, buffer, threshold: threshold)
    var lossSum = 0.0
    let batchCount = (source.count + batch - 1) / batch
    func run(_ samples: [UInt32]) throws -> Double {
      try source.load(samples.span, epoch: 0, into: buffer)
      inputs.set(buffer, 0..<batch)
      try evaluation.run(dropout: .none)
      return evaluation.withOutput("loss") { Double($0[0]) }
    }
    try group.working {
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
    }
    return try tally.merged(loss: group.allReduce(lossSum, .sum), group)
  }

  /// The evaluation graph takes one sample; a rank reads the streams that its shards have in training.
  private func evaluateStreams(
    _ source: any SampleSource, _ target: SampleTarget, streamCount: Int, on group: any Group, threshold: Double
  ) throws -> EvaluationResult {
    guard let evaluation, let inputs = evaluationInputs else {
      preconditionFailure("the replica was made without an evaluation graph")
    }
    let buffer = SampleBuffer(fields: source.fields, capacity: 1)
    var tally = evaluation.tally(target, buffer, threshold: threshold)
    // By stream, and then in their order: the same sum on any number of ranks.
    var losses = [Double](repeating: 0, count: streamCount)
    var state = [Float](repeating: 0, count: evaluation.stateElementCount)
    try group.working {
      for stream in shards(of: group.rank, rankCount: group.rankCount, shardCount: streamCount) {
        for index in state.indices { state[index] = 0 }
        for sample in stream * source.count / streamCount..<(stream + 1) * source.count / streamCount {
          let samples = [UInt32(sample)]
          try source.load(samples.span, epoch: 0, into: buffer)
          inputs.set(buffer, 0..<1)
          evaluation.setStates(state)
          try evaluation.run(dropout: .none)
          evaluation.readStates(into: &state)
          losses[stream] += evaluation.withOutput("loss") { Double($0[0]) }
          evaluation.withOutput("logits") { tally.add($0, buffer, valid: 1) }
        }
      }
    }
    try group.allReduce(&losses, .sum)
    return try tally.merged(loss: losses.reduce(0, +), group)
  }
}

extension Program {
  /// Samples that run through an evaluation graph together.
  fileprivate var evaluationBatch: Int {
    guard let logits = compiled.graph.outputs["logits"], let batch = compiled.graph[logits].type.shape.dimensions.first
    else { preconditionFailure("an evaluation graph has logits of a batch") }
    return batch
  }

  fileprivate func tally(_ target: SampleTarget, _ buffer: SampleBuffer, threshold: Double) -> EvaluationTally {
    EvaluationTally(
      target, buffer, outputs: withOutput("logits") { $0.count } / evaluationBatch,
      isByOutput: input(SampleTarget.targetName) != nil, threshold: threshold)
  }
}

extension DropoutState {
  /// For programs without dropout.
  static let none = DropoutState(seed: 0, step: 0, firstSample: 0)
}
