import ModelGraph

/// What a job says of its pairs of texts.
package struct PairsSpecification: Hashable, Codable, Sendable {
  /// The columns of what is given and of what is to be said.
  package var source: String
  package var target: String
  package var sourceTokens: Tokenisation
  package var targetTokens: Tokenisation
  package var sourceLength: Int
  /// With the mark at its end.
  package var targetLength: Int
  /// The most tokens of each of the two vocabularies, special ones included; nil for all of the training pairs.
  package var vocabularyLimit: Int?
  package var delimiter: Delimiter

  package init(
    source: String, target: String, sourceTokens: Tokenisation, targetTokens: Tokenisation, sourceLength: Int,
    targetLength: Int, vocabularyLimit: Int? = nil, delimiter: Delimiter
  ) {
    self.source = source
    self.target = target
    self.sourceTokens = sourceTokens
    self.targetTokens = targetTokens
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
  /// None where they are to be predicted.
  private let targets: [String]

  /// - Parameter mayLackTargets: whether the file is to be predicted, so that its column of targets may be missing.
  /// - Throws: `DatasetError` with line and column.
  package init(
    path: String, _ specification: PairsSpecification, mayLackTargets: Bool = false
  ) throws(DatasetError) {
    self.path = path
    self.specification = specification
    let columns = try TextColumns(
      path: path, [("source", specification.source), ("target", specification.target)],
      delimiter: specification.delimiter, mayLackLast: mayLackTargets)
    sources = columns.values[0]
    targets = columns.values.count > 1 ? columns.values[1] : []
  }

  /// Texts to be predicted.
  package init(texts: [String], _ specification: PairsSpecification) {
    path = "texts"
    self.specification = specification
    sources = texts
    targets = []
  }

  package var count: Int { sources.count }
  package var timeGap: Int? { nil }

  package var fingerprint: UInt64 {
    var fingerprint = DataFingerprint()
    for text in sources + targets { fingerprint.add(text) }
    return fingerprint.value
  }

  package func encoding(of samples: [UInt32], normalises: Bool) throws(DatasetError) -> DataEncoding {
    func vocabulary(_ texts: [String], _ tokens: Tokenisation, hasMarks: Bool) -> Vocabulary {
      Vocabulary(
        of: samples.lazy.map { texts[Int($0)] }, tokens, hasMarks: hasMarks, limit: specification.vocabularyLimit)
    }
    let target = vocabulary(targets, specification.targetTokens, hasMarks: true)
    return .pairs(
      PairsEncoding(
        source: vocabulary(sources, specification.sourceTokens, hasMarks: false), targetVocabulary: target,
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
    for (index, source) in sources.enumerated() {
      let given = specification.sourceTokens.tokens(of: source[...]).map { sourceNumbers[$0] ?? Vocabulary.unknown }
      input += Vocabulary.padded(given, to: sourceLength)
      guard index < targets.count else {
        decoderInput += Vocabulary.padded([Vocabulary.start], to: length)
        labels += Array(repeating: -1, count: length)
        continue
      }
      let said = specification.targetTokens.tokens(of: targets[index][...]).map {
        targetNumbers[$0] ?? Vocabulary.unknown
      }
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
