import Foundation
import ModelGraph

/// What a job says of its texts.
package struct TextSpecification: Hashable, Codable, Sendable {
  package var tokens: Tokenisation
  /// Tokens of a sample: longer texts are cut, shorter ones filled up with padding.
  package var sequenceLength: Int
  /// The most tokens that the vocabulary has, padding and unknown included; nil for all of the training texts.
  package var vocabularyLimit: Int?
  /// Columns of a table of texts with a class each, both or neither; nil for a folder of classes, or for one text to go
  /// on with.
  package var text: String?
  package var label: String?
  package var delimiter: Delimiter

  package init(
    tokens: Tokenisation, sequenceLength: Int, vocabularyLimit: Int? = nil, text: String? = nil, label: String? = nil,
    delimiter: Delimiter = .comma
  ) {
    self.tokens = tokens
    self.sequenceLength = sequenceLength
    self.vocabularyLimit = vocabularyLimit
    self.text = text
    self.label = label
    self.delimiter = delimiter
  }
}

/// Texts with a class each, from a folder for each class or a table; or one long text, whose next token is to be found
/// at each step.
package struct TextDataset: SampleCollection {
  private let path: String
  private let specification: TextSpecification
  private let content: Content

  private enum Content: Sendable {
    case classified(texts: [String], labels: [Int32], classNames: [String])
    /// To be predicted.
    case unlabelled([String])
    /// The tokens of each sample and the one behind them.
    case running([[String]])
  }

  /// Reads `path`: a folder with a folder of .txt files for each class; with the columns named a table; else one text.
  /// - Throws: `DatasetError`.
  package init(path: String, _ specification: TextSpecification) throws(DatasetError) {
    self.path = path
    self.specification = specification
    if let text = specification.text, let label = specification.label {
      content = try Self.table(path, text: text, label: label, specification.delimiter)
    } else if FolderOfClasses.isFolder(path) {
      let folder = try FolderOfClasses(path: path, extensions: ["txt"])
      var texts: [String] = []
      for file in folder.files { texts.append(try TextFile(path: file.path).text) }
      content = .classified(texts: texts, labels: folder.files.map(\.label), classNames: folder.classNames)
    } else {
      content = try Self.running(path, specification)
    }
  }

  /// Texts to be predicted, of a job of texts with a class each.
  package init(texts: [String], _ specification: TextSpecification) {
    path = "texts"
    self.specification = specification
    content = .unlabelled(texts)
  }

  /// The texts of a table, to be predicted: its column of labels may be missing.
  /// - Throws: `DatasetError`.
  package init(toPredict path: String, _ specification: TextSpecification) throws(DatasetError) {
    let columns = try TextColumns(
      path: path, [("text", specification.text ?? "text")], delimiter: specification.delimiter)
    self.init(texts: columns.values[0], specification)
  }

  private static func table(
    _ path: String, text: String, label: String, _ delimiter: Delimiter
  ) throws(DatasetError) -> Content {
    let columns = try TextColumns(
      path: path, [("text", text), ("label", label)],
      delimiter: delimiter)
    let classNames = Set(columns.values[1]).sorted()
    guard classNames.count > 1 else {
      throw DatasetError(
        .noClasses, path: path, key: "label", "every row has the label '\(classNames.first ?? "")'",
        remedy: "give texts of two classes or more")
    }
    let numbers = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($1, Int32($0)) })
    return .classified(
      texts: columns.values[0], labels: columns.values[1].map { numbers[$0] ?? 0 }, classNames: classNames)
  }

  private static func running(_ path: String, _ specification: TextSpecification) throws(DatasetError) -> Content {
    let tokens = specification.tokens.tokens(of: try TextFile(path: path).text[...])
    let length = specification.sequenceLength
    guard tokens.count > 1 else {
      throw DatasetError(
        .emptyData, path: path, "the text has \(tokens.count) tokens, so nothing follows anything",
        remedy: "give a longer text")
    }
    let starts = stride(from: 0, to: tokens.count - 1, by: length)
    return .running(starts.map { Array(tokens[$0..<min($0 + length + 1, tokens.count)]) })
  }

  package var count: Int {
    switch content {
    case .classified(let texts, _, _), .unlabelled(let texts): texts.count
    case .running(let samples): samples.count
    }
  }

  package var isStream: Bool { if case .running = content { true } else { false } }

  /// A running text is parted by its end, so that what is tested was not read before.
  package var timeGap: Int? { if case .running = content { 0 } else { nil } }

  package var fingerprint: UInt64 {
    var fingerprint = DataFingerprint()
    switch content {
    case .classified(let texts, let labels, _):
      fingerprint.add(labels)
      for text in texts { fingerprint.add(text) }
    case .unlabelled(let texts): for text in texts { fingerprint.add(text) }
    case .running(let samples):
      for token in samples.joined() { fingerprint.add(token) }
    }
    return fingerprint.value
  }

  package func encoding(of samples: [UInt32], normalises: Bool) throws(DatasetError) -> DataEncoding {
    switch content {
    case .classified(let texts, _, let classNames):
      let vocabulary = Vocabulary(
        of: samples.lazy.map { texts[Int($0)] }, specification.tokens, hasMarks: false,
        limit: specification.vocabularyLimit)
      return .text(TextEncoding(vocabulary: vocabulary, target: .classes(ClassTarget(names: classNames))))
    case .unlabelled: throw DatasetError.otherEncoding(path: path)
    case .running(let parts):
      let separator = specification.tokens == .word ? " " : ""
      let vocabulary = Vocabulary(
        of: samples.lazy.map { parts[Int($0)].dropLast().joined(separator: separator) }, specification.tokens,
        hasMarks: false, limit: specification.vocabularyLimit)
      return .text(
        TextEncoding(
          vocabulary: vocabulary,
          target: .classes(ClassTarget(names: vocabulary.tokens, shape: [specification.sequenceLength]))))
    }
  }

  package func source(
    _ encoding: DataEncoding, augmentation: SeededAugmentation?
  ) throws(DatasetError) -> any SampleSource {
    guard case .text(let text) = encoding, case .classes(let classes) = text.target else {
      throw DatasetError.otherEncoding(path: path)
    }
    let numbers = text.vocabulary.numbers
    let length = specification.sequenceLength
    let number = { (token: String) in numbers[token] ?? Vocabulary.unknown }
    var tokens: [Int32] = []
    let labels: [Int32]
    switch content {
    case .classified(let texts, let ownLabels, let classNames):
      guard classNames == classes.names else { throw DatasetError.otherEncoding(path: path) }
      for text in texts {
        tokens += Vocabulary.padded(specification.tokens.tokens(of: text[...]).lazy.map(number), to: length)
      }
      labels = ownLabels
    case .unlabelled(let texts):
      for text in texts {
        tokens += Vocabulary.padded(specification.tokens.tokens(of: text[...]).lazy.map(number), to: length)
      }
      labels = Array(repeating: -1, count: texts.count)
    case .running(let samples):
      var next: [Int32] = []
      for sample in samples {
        tokens += Vocabulary.padded(sample.dropLast().lazy.map(number), to: length)
        next += Vocabulary.padded(sample.dropFirst().lazy.map(number), to: length, with: -1)
      }
      labels = next
    }
    return ArraySource(
      count: count,
      [
        .init(SampleField(SampleShape.inputName, [length], .int32), .integers(tokens)),
        .init(text.target.field, .integers(labels)),
      ])
  }
}

/// What makes numbers of texts.
package struct TextEncoding: Hashable, Codable, Sendable {
  package let vocabulary: Vocabulary
  package let target: SampleTarget
}
