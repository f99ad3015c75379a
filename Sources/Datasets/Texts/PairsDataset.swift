import ModelGraph

/// What a job says of its pairs of texts.
package struct PairsSpecification: Hashable, Codable, Sendable {
  /// The columns of what is given and of what is to be said.
  package var source: String
  package var target: String
  package var tokens: Tokenisation
  package var sourceLength: Int
  /// With the mark at its end.
  package var targetLength: Int
  /// The most tokens of each of the two vocabularies, special ones included; nil for all of the training pairs.
  package var vocabularyLimit: Int?
  package var delimiter: Delimiter

  package init(
    source: String, target: String, tokens: Tokenisation, sourceLength: Int, targetLength: Int,
    vocabularyLimit: Int? = nil, delimiter: Delimiter
  ) {
    self.source = source
    self.target = target
    self.tokens = tokens
    self.sourceLength = sourceLength
    self.targetLength = targetLength
    self.vocabularyLimit = vocabularyLimit
    self.delimiter = delimiter
  }
}

/// Pairs of texts for an encoder and a decoder: `input` [S], `decoder_input` [T] (the start mark, then the target) and
/// `labels` [T] (the target, then the end mark; −1 behind it).
package struct PairsDataset: SampleCollection {
  package static let decoderInputName = "decoder_input"

  private let path: String
  private let specification: PairsSpecification
  private let sources: [String]
  private let targets: [String]

  /// - Throws: `DatasetError` with line and column.
  package init(path: String, _ specification: PairsSpecification) throws(DatasetError) {
    self.path = path
    self.specification = specification
    let columns = try TextColumns(
      path: path, [("source", specification.source), ("target", specification.target)],
      delimiter: specification.delimiter)
    (sources, targets) = (columns.values[0], columns.values[1])
  }

  package var count: Int { sources.count }
  package var timeGap: Int? { nil }

  package var fingerprint: UInt64 {
    var fingerprint = DataFingerprint()
    for text in sources + targets { fingerprint.add(text) }
    return fingerprint.value
  }

  package func encoding(of samples: [UInt32], normalises: Bool) throws(DatasetError) -> DataEncoding {
    func vocabulary(_ texts: [String], hasMarks: Bool) -> Vocabulary {
      Vocabulary(
        of: samples.lazy.map { texts[Int($0)] }, specification.tokens, hasMarks: hasMarks,
        limit: specification.vocabularyLimit)
    }
    let target = vocabulary(targets, hasMarks: true)
    return .pairs(
      PairsEncoding(
        source: vocabulary(sources, hasMarks: false), targetVocabulary: target,
        target: .classes(ClassTarget(names: target.tokens, shape: [specification.targetLength]))))
  }

  package func source(
    _ encoding: DataEncoding, augmentation: SeededAugmentation?
  ) throws(DatasetError) -> any SampleSource {
    guard case .pairs(let pairs) = encoding else { throw DatasetError.otherEncoding(path: path) }
    let (sourceNumbers, targetNumbers) = (pairs.source.numbers, pairs.targetVocabulary.numbers)
    let (sourceLength, length) = (specification.sourceLength, specification.targetLength)
    var input: [Int32] = []
    var decoderInput: [Int32] = []
    var labels: [Int32] = []
    for (source, target) in zip(sources, targets) {
      let given = specification.tokens.tokens(of: source[...]).map { sourceNumbers[$0] ?? Vocabulary.unknown }
      let said = specification.tokens.tokens(of: target[...]).map { targetNumbers[$0] ?? Vocabulary.unknown }
      input += Vocabulary.padded(given, to: sourceLength)
      decoderInput += Vocabulary.padded([Vocabulary.start] + said, to: length)
      labels += Vocabulary.padded(said + [Vocabulary.end], to: length, with: -1)
    }
    return ArraySource(
      count: count,
      [
        .init(SampleField(SampleShape.inputName, [sourceLength], .int32), .integers(input)),
        .init(SampleField(Self.decoderInputName, [length], .int32), .integers(decoderInput)),
        .init(pairs.target.field, .integers(labels)),
      ])
  }
}

/// What makes numbers of pairs of texts.
package struct PairsEncoding: Hashable, Codable, Sendable {
  package let source: Vocabulary
  package let targetVocabulary: Vocabulary
  package let target: SampleTarget
}
