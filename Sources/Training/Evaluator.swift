package import Collectives
package import Datasets
package import Evaluation
import Execution
import ModelGraph

/// What a model gets right on a data set.
package struct EvaluationResult: Sendable {
  package enum Measures: Sendable {
    case classes(ClassMeasures)
    /// In the data's own units.
    case values(RegressionMeasures)
  }

  package let measures: Measures
  /// Mean over the samples, or over the labels of sequences.
  package let loss: Double

  /// Nil for numbers.
  package var accuracy: Double? {
    switch measures {
    case .classes(let classes): classes.accuracy
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
  /// - Parameter streamCount: the job's shards, so that the number of ranks changes nothing.
  package func evaluate(
    _ source: any SampleSource, _ target: SampleTarget, streamCount: Int, on group: any Group
  ) throws -> EvaluationResult {
    guard let evaluation, let inputs = evaluationInputs else {
      preconditionFailure("the replica was made without an evaluation graph")
    }
    guard evaluation.stateElementCount == 0 else {
      return try evaluateStreams(source, target, streamCount: streamCount, on: group)
    }
    let batch = evaluation.withOutput("logits") { $0.count } / target.outputShape.elementCount
    let buffer = SampleBuffer(fields: source.fields, capacity: batch)
    var tally = Tally(target, buffer)
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
    return try tally.merged(loss: group.allReduce(lossSum, .sum), group)
  }

  /// The evaluation graph takes one sample; a rank reads the streams that its shards have in training.
  private func evaluateStreams(
    _ source: any SampleSource, _ target: SampleTarget, streamCount: Int, on group: any Group
  ) throws -> EvaluationResult {
    guard let evaluation, let inputs = evaluationInputs else {
      preconditionFailure("the replica was made without an evaluation graph")
    }
    let buffer = SampleBuffer(fields: source.fields, capacity: 1)
    var tally = Tally(target, buffer)
    // By stream, and then in their order: the same sum on any number of ranks.
    var losses = [Double](repeating: 0, count: streamCount)
    var state = [Float](repeating: 0, count: evaluation.stateElementCount)
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
    try group.allReduce(&losses, .sum)
    return try tally.merged(loss: losses.reduce(0, +), group)
  }
}

/// What a rank has counted.
private struct Tally {
  private let target: SampleTarget
  private let field: Int
  private let input: Int
  private var classes: ClassMeasures
  private var values: RegressionMeasures

  init(_ target: SampleTarget, _ buffer: SampleBuffer) {
    self.target = target
    let (name, classCount, shift) =
      switch target {
      case .classes(let classes): (SampleTarget.labelsName, classes.names.count, 0.0)
      case .values(let values): (SampleTarget.targetName, 1, values.mean)
      }
    guard let field = buffer.position(of: name), let input = buffer.position(of: "input") else {
      preconditionFailure("samples have an input and a field '\(name)'")
    }
    (self.field, self.input) = (field, input)
    classes = ClassMeasures(classCount: classCount)
    values = RegressionMeasures(shift: shift)
  }

  /// - Parameter valid: samples that count, the first of the batch.
  mutating func add(_ logits: Span<Float>, _ buffer: SampleBuffer, valid: Int) {
    switch target {
    case .classes(let target):
      buffer.withIntegers(field, 0..<valid) { labels in
        let (count, length) = (classes.classCount, labels.count / valid)
        for sample in 0..<valid {
          var wrong = 0
          for place in sample * length..<(sample + 1) * length where labels[place] >= 0 {
            let predicted = Self.largest(logits.extracting(place * count..<(place + 1) * count))
            classes.add(true: Int(labels[place]), predicted: predicted)
            if predicted != Int(labels[place]) { wrong += 1 }
          }
          if !target.shape.isEmpty { classes.addSequence(isExact: wrong == 0) }
        }
      }
    case .values(let target):
      buffer.withFloats(field, 0..<valid) { truth in
        buffer.withFloats(input, 0..<valid) { inputs in
          for place in truth.indices {
            let guess = Self.guess(target, place, inputs, inputs.count / valid, truth.count / valid)
            values.add(
              truth: target.original(truth[place]), predicted: target.original(logits[place]), guess: guess)
          }
        }
      }
    }
  }

  private static func guess(
    _ target: ValueTarget, _ place: Int, _ inputs: borrowing MutableSpan<Float>, _ inputSize: Int, _ targetSize: Int
  ) -> Double {
    switch target.baseline {
    case .mean(let means): means[place % targetSize]
    case .lastValue(let element): target.original(inputs[place / targetSize * inputSize + element])
    }
  }

  /// Collective.
  /// - Parameter loss: summed over all ranks.
  func merged(loss: Double, _ group: any Group) throws -> EvaluationResult {
    switch target {
    case .classes:
      var counts = classes.counts
      try group.allReduce(&counts, .sum)
      let merged = ClassMeasures(classCount: classes.classCount, counts: counts)
      return EvaluationResult(measures: .classes(merged), loss: loss / Double(max(merged.total, 1)))
    case .values:
      var sums = values.sums
      try group.allReduce(&sums, .sum)
      let merged = RegressionMeasures(shift: values.shift, sums: sums)
      return EvaluationResult(measures: .values(merged), loss: loss / max(merged.count, 1))
    }
  }

  /// The first index of the largest element.
  private static func largest(_ row: Span<Float>) -> Int {
    var best = 0
    for index in row.indices where row[index] > row[best] { best = index }
    return best
  }
}

extension ValueTarget {
  /// A standardised value in the data's own unit.
  func original(_ value: Float) -> Double { Double(value) * deviation + mean }
}

extension DropoutState {
  /// For programs without dropout.
  static let none = DropoutState(seed: 0, step: 0, firstSample: 0)
}
