package import ModelGraph

/// Samples as their files hold them: in memory and checked, but not yet the numbers that a model is given.
package protocol SampleCollection: Sendable {
  var count: Int { get }
  /// Nil for samples in any order. For samples in the order of time, how many must be left out between two parts, so
  /// that no target of the later one is known to the earlier one.
  var timeGap: Int? { get }
  /// Whether each sample goes on where the one before it ended: pieces of one long sequence.
  var isStream: Bool { get }
  /// A number that two ranks share if they have read the same.
  var fingerprint: UInt64 { get }
  /// What is measured on `samples`, those that are trained on: statistics, categories, a vocabulary.
  func encoding(of samples: [UInt32], normalises: Bool) throws(DatasetError) -> DataEncoding
  /// The samples as numbers.
  /// - Throws: `DatasetError` with code `.otherEncoding` if the encoding is of other data.
  func source(_ encoding: DataEncoding, augmentation: SeededAugmentation?) throws(DatasetError) -> any SampleSource
}

extension SampleCollection {
  package var isStream: Bool { false }
}

/// What makes numbers of samples: measured on the training samples, kept with the model, used for all others.
package enum DataEncoding: Hashable, Codable, Sendable {
  case images(ImageEncoding)
  case arrays(ArrayEncoding)
  case table(TableEncoding)
  case text(TextEncoding)
  case pairs(PairsEncoding)

  package var target: SampleTarget {
    switch self {
    case .images(let images): .classes(ClassTarget(names: images.classNames))
    case .arrays(let arrays): arrays.target
    case .table(let table): table.target
    case .text(let text): text.target
    case .pairs(let pairs): pairs.target
    }
  }

  /// How many tokens each input of tokens has; none where that is not known.
  package var vocabularySizes: [String: Int] {
    switch self {
    case .images, .arrays, .table: [:]
    case .text(let text): [SampleShape.inputName: text.vocabulary.count]
    case .pairs(let pairs):
      [SampleShape.inputName: pairs.source.count, PairsDataset.decoderInputName: pairs.targetVocabulary.count]
    }
  }
}

/// What data are, as far as a model must fit them.
package struct DataDescription: Hashable, Sendable {
  package let sampleShape: SampleShape
  package let target: SampleTarget
  /// Of each input of tokens whose vocabulary is known.
  package let vocabularySizes: [String: Int]

  package init(_ sampleShape: SampleShape, _ target: SampleTarget, vocabularySizes: [String: Int] = [:]) {
    self.sampleShape = sampleShape
    self.target = target
    self.vocabularySizes = vocabularySizes
  }

  /// What `source` gives by `encoding`.
  package init(_ source: any SampleSource, _ encoding: DataEncoding) {
    self.init(source.sampleShape, encoding.target, vocabularySizes: encoding.vocabularySizes)
  }

  /// Samples of one float32 input with a class each.
  package init(_ sampleShape: SampleShape, classes: Int) {
    self.init(sampleShape, .classes(ClassTarget(names: (0..<classes).map(String.init))))
  }
}

/// FNV-1a over 64-bit words, each folded: a number that ranks compare, of much data.
package struct DataFingerprint {
  package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  package init() {}

  package mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x100_0000_01b3
    value ^= value >> 29
  }

  package mutating func add(_ text: String) {
    add(UInt64(text.utf8.count))
    for byte in text.utf8 { add(UInt64(byte)) }
  }

  /// Eight bytes at a time.
  package mutating func add<Element: BitwiseCopyable>(_ elements: [Element]) {
    add(UInt64(elements.count))
    let span = elements.span
    unsafe span.withUnsafeBytes { bytes in
      let wholeCount = bytes.count / 8 * 8
      for offset in stride(from: 0, to: wholeCount, by: 8) {
        add(unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      }
      for offset in wholeCount..<bytes.count { add(UInt64(unsafe bytes[offset])) }
    }
  }
}
