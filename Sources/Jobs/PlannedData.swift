package import Datasets
import ModelGraph
package import Models

/// Data that a job is planned with before there are any: how many samples, and what one looks like.
package struct PlannedData: Hashable, Codable, Sendable {
  package enum Amount: Hashable, Codable, Sendable {
    case samples(Int)
    /// Of the input's sequences, the last one left out if it is not whole.
    case tokens(Int)
  }

  package enum Sample: Hashable, Codable, Sendable {
    /// A sequence of tokens; a token to find at each step, or one of `classes`. What is nil is the model's own.
    case tokens(sequence: Int? = nil, targetSequence: Int? = nil, vocabulary: Int? = nil, classes: Int? = nil)
    /// Numbers of a shape, such as [3, 224, 224], each sample of one of `classes`.
    case classified([Int], classes: Int)
    /// Numbers of a shape, with as many numbers to find.
    case measured([Int], values: Int)
  }

  package var amount: Amount
  package var sample: Sample

  package init(_ amount: Amount, _ sample: Sample) {
    self.amount = amount
    self.sample = sample
  }
}

extension PlannedData {
  /// The data as a model of the job's kind is given them; nil if neither they nor the model say how long a sequence is and
  /// how many tokens there are.
  func description(for transformer: TransformerSpecification?) -> DataDescription? {
    switch sample {
    case .classified(let shape, let classes): return DataDescription(SampleShape(Shape(shape)), classes: classes)
    case .measured(let shape, let values):
      let target = ValueTarget(
        name: "values", shape: [values], mean: 0, deviation: 1,
        baseline: .mean(Array(repeating: 0, count: values)))
      return DataDescription(SampleShape(Shape(shape)), .values(target))
    case .tokens(let sequence, let targetSequence, let vocabulary, let classes):
      guard let sequence = sequence ?? transformer?.sequence, let vocabulary = vocabulary ?? transformer?.vocabulary
      else { return nil }
      var fields = [SampleField(SampleShape.inputName, [sequence], .int32)]
      var vocabularies = [SampleShape.inputName: vocabulary]
      var steps = sequence
      if transformer?.kind == .encoderDecoder {
        steps = targetSequence ?? transformer?.targetSequence ?? sequence
        fields.append(SampleField(TransformerSpecification.decoderInputName, [steps], .int32))
        vocabularies[TransformerSpecification.decoderInputName] = vocabulary
      }
      let names = (0..<(classes ?? vocabulary)).map(String.init)
      return DataDescription(
        SampleShape(fields: fields), .classes(ClassTarget(names: names, shape: classes == nil ? [steps] : [])),
        vocabularySizes: vocabularies)
    }
  }

  /// Samples of an epoch; nil as of `description(for:)`.
  func sampleCount(for transformer: TransformerSpecification?) -> Int? {
    switch (amount, sample) {
    case (.samples(let count), _): return count
    case (.tokens(let tokens), .tokens(let sequence, _, _, _)):
      return (sequence ?? transformer?.sequence).map { tokens / $0 }
    case (.tokens, _): return nil
    }
  }

  /// The section's lines.
  var lines: [String] {
    var lines: [String] = []
    switch amount {
    case .samples(let count): lines.append("samples: \(count)")
    case .tokens(let count): lines.append("tokens: \(count)")
    }
    switch sample {
    case .classified(let shape, let classes): lines += ["shape: \(shape)", "classes: \(classes)"]
    case .measured(let shape, let values): lines += ["shape: \(shape)", "values: \(values)"]
    case .tokens(let sequence, let targetSequence, let vocabulary, let classes):
      let numbers = [
        ("sequence", sequence), ("target_sequence", targetSequence), ("vocabulary", vocabulary), ("classes", classes),
      ]
      lines += numbers.compactMap { key, number in number.map { "\(key): \($0)" } }
    }
    return lines
  }
}

extension Job {
  /// The sizes of the job's transformer; nil for another model.
  package var transformer: TransformerSpecification? {
    switch model {
    case .zoo(let entry): entry.transformer
    case .transformer(let transformer): transformer
    case .layers: nil
    }
  }

  /// What the data will be, for a job with `format: planned`; nil for a job that names files.
  package var plannedDescription: DataDescription? {
    guard case .planned(let data) = data.source else { return nil }
    return data.description(for: transformer)
  }

  /// Samples to train on in an epoch, for a job with `format: planned`; nil for a job that names files.
  package var plannedSampleCount: Int? {
    guard case .planned(let data) = data.source, let count = data.sampleCount(for: transformer) else { return nil }
    return count - Int((Double(count) * (self.data.testFraction ?? 0)).rounded())
      - Int((Double(count) * (self.data.validationFraction ?? 0)).rounded())
  }
}
