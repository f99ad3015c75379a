import Collectives
import Datasets
import Evaluation
import Execution
import Foundation
import ModelGraph

/// What a rank has counted of a data set.
struct EvaluationTally {
  private enum Measures {
    case classes(ClassMeasures)
    case labels(LabelMeasures)
    case values(RegressionMeasures, ValueTarget)
  }

  private var measures: Measures
  private let field: Int
  private let input: Int
  /// Of the model, for one sample or one step of a sequence.
  private let width: Int
  /// Whether a sample has a class at each of several steps.
  private let isOfSequences: Bool
  /// Whether the loss is a mean over outputs, rather than over labels.
  private let isByOutput: Bool
  /// The score from which a label, or the second of two classes with one output, is predicted.
  private let cut: Float

  /// - Parameters:
  ///   - outputs: numbers that the model gives for a sample.
  ///   - isByOutput: whether each of them has a loss of its own.
  ///   - threshold: a probability.
  init(_ target: SampleTarget, _ buffer: SampleBuffer, outputs: Int, isByOutput: Bool, threshold: Double) {
    self.isByOutput = isByOutput
    if case .classes(let classes) = target { isOfSequences = !classes.shape.isEmpty } else { isOfSequences = false }
    let name: String
    switch target {
    case .classes(let classes):
      name = SampleTarget.labelsName
      measures = .classes(ClassMeasures(classCount: classes.names.count))
      width = outputs / classes.shape.reduce(1, *)
    case .labels(let labels):
      name = SampleTarget.targetName
      measures = .labels(LabelMeasures(labelCount: labels.names.count, threshold: threshold))
      width = outputs
    case .values(let values):
      name = SampleTarget.targetName
      measures = .values(RegressionMeasures(shift: values.mean), values)
      width = outputs
    }
    cut = Float(log(threshold / (1 - threshold)))
    guard let field = buffer.position(of: name), let input = buffer.position(of: "input") else {
      preconditionFailure("samples have an input and a field '\(name)'")
    }
    (self.field, self.input) = (field, input)
  }

  /// - Parameter valid: samples that count, the first of the batch.
  mutating func add(_ logits: Span<Float>, _ buffer: SampleBuffer, valid: Int) {
    switch measures {
    case .classes(var classes):
      add(logits, buffer, valid: valid, to: &classes)
      measures = .classes(classes)
    case .labels(var labels):
      add(logits, buffer, valid: valid, to: &labels)
      measures = .labels(labels)
    case .values(var values, let target):
      add(logits, buffer, valid: valid, to: &values, target)
      measures = .values(values, target)
    }
  }

  private func add(_ logits: Span<Float>, _ buffer: SampleBuffer, valid: Int, to classes: inout ClassMeasures) {
    buffer.withIntegers(field, 0..<valid) { labels in
      let length = labels.count / valid
      for sample in 0..<valid {
        var wrong = 0
        for place in sample * length..<(sample + 1) * length where labels[place] >= 0 {
          let row = logits.extracting(place * width..<(place + 1) * width)
          let predicted = width == 1 ? (row[0] >= cut ? 1 : 0) : Self.largest(row)
          classes.add(true: Int(labels[place]), predicted: predicted)
          if predicted != Int(labels[place]) { wrong += 1 }
        }
        if isOfSequences { classes.addSequence(isExact: wrong == 0) }
      }
    }
  }

  private func add(_ logits: Span<Float>, _ buffer: SampleBuffer, valid: Int, to labels: inout LabelMeasures) {
    buffer.withFloats(field, 0..<valid) { truth in
      for sample in 0..<valid {
        let places = sample * width..<(sample + 1) * width
        labels.add(
          truth: places.map { truth[$0] < 0 ? nil : truth[$0] == 1 }, predicted: places.map { logits[$0] >= cut })
      }
    }
  }

  private func add(
    _ logits: Span<Float>, _ buffer: SampleBuffer, valid: Int, to values: inout RegressionMeasures,
    _ target: ValueTarget
  ) {
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
    switch measures {
    case .classes(let classes):
      var counts = classes.counts
      try group.allReduce(&counts, .sum)
      let merged = ClassMeasures(classCount: classes.classCount, counts: counts)
      let predictions = Double(merged.total) * Double(isByOutput ? width : 1)
      return EvaluationResult(measures: .classes(merged), loss: loss / max(predictions, 1))
    case .labels(let labels):
      var counts = labels.counts
      try group.allReduce(&counts, .sum)
      let merged = LabelMeasures(labelCount: labels.labelCount, threshold: labels.threshold, counts: counts)
      return EvaluationResult(measures: .labels(merged), loss: loss / Double(max(merged.answers, 1)))
    case .values(let values, _):
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
