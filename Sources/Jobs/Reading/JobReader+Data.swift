import Datasets
import Foundation
import Models

extension JobReader {
  func readData(_ reader: inout MappingReader) -> DataSpecification? {
    guard let format: DataFormat = reader.choice("format", .required(example: "idx")) else {
      // Which keys belong and which are missing depends on the format.
      reader.acceptAllKeys()
      return nil
    }
    let source = readSource(format, &reader)
    let testFraction = readFraction("test_fraction", &reader)
    let validationFraction = readFraction("validation_fraction", &reader)
    let normalize: Normalization? =
      format.isOfNumbers
      ? reader.choice("normalize", .otherwise(Job.Defaults.normalization)) : Normalization.none
    let augment = format.isOfImages ? readAugmentation(&reader) : .some(nil)
    guard let source, let testFraction, let validationFraction, let normalize, let augment else { return nil }
    if let entry = reader.entry("test_fraction"), source.hasTestFiles {
      reader.report(
        entry.keyPlace,
        "'test_fraction' in \(reader.label) is for data without test files, and there are some; remove it, or 'test'")
    }
    return DataSpecification(
      source, testFraction: testFraction, validationFraction: validationFraction, normalize: normalize,
      augment: augment)
  }

  /// - Returns: nil if it was reported; nil within if the key is absent.
  private func readFraction(_ key: String, _ reader: inout MappingReader) -> Double?? {
    guard reader.has(key) else { return .some(nil) }
    return reader.number(key, .part, .required(example: "0.1")).map { $0 }
  }

  private func readSource(_ format: DataFormat, _ reader: inout MappingReader) -> DataSource? {
    switch format {
    case .idx:
      let files = readSplit(&reader, example: "{images: FILE, labels: FILE}", readImageFiles)
      let classes = readClasses(&reader)
      guard let files, let classes else { return nil }
      return .idx(train: files.train, test: files.test, classes: classes)
    case .csv: return readTable(&reader)
    case .npy:
      let files = readSplit(&reader, example: "{inputs: FILE.npy, targets: FILE.npy}", readArrayFiles)
      let targets = readArrayTargets(&reader)
      guard let files, let targets else { return nil }
      return .npy(train: files.train, test: files.test, targets)
    case .cifar10:
      return readPath("folder", &reader, example: "cifar-10-batches-bin").map { .cifar10(folder: $0) }
    case .cifar100:
      let folder = readPath("folder", &reader, example: "cifar-100-binary")
      let labels: CIFAR.Labels? = reader.choice("labels", .otherwise(Job.Defaults.cifarLabels))
      guard let folder, let labels else { return nil }
      return .cifar100(folder: folder, labels: labels)
    case .imageFolder: return readImageFolder(&reader)
    case .text: return readText(&reader)
    case .pairs: return readPairs(&reader)
    case .planned: return readPlanned(&reader)
    }
  }

  private func readTable(_ reader: inout MappingReader) -> DataSource? {
    let paths = readPaths(&reader, example: "table.csv")
    let target = readTarget(&reader)
    let columns = reader.texts("columns", example: "[width, height]")
    let categories = reader.texts("categories", example: "[kind]")
    let missing: MissingPolicy? = reader.choice("missing", .otherwise(Job.Defaults.missing))
    let delimiter = readDelimiter(paths?.train, &reader)
    let hasWindow = reader.has("window")
    let window = reader.mapping("window", example: nil) { reader -> TableSpecification.Window? in
      let length = reader.integer("length", in: 1...Limits.sequence, .required(example: "28"))
      let horizon = reader.integer("horizon", in: 1...Limits.sequence, .otherwise(Job.Defaults.horizon))
      guard let length, let horizon else { return nil }
      return .init(length: length, horizon: horizon)
    }
    guard let paths, let target, let columns, let categories, let missing, let delimiter,
      !hasWindow || window != nil
    else { return nil }
    return .csv(
      train: paths.train, test: paths.test,
      TableSpecification(
        target: target, columns: columns, categories: categories ?? [], missing: missing, delimiter: delimiter,
        window: window))
  }

  private func readTarget(_ reader: inout MappingReader) -> TableSpecification.Target? {
    let expected = "the name of a column, or a list of different ones, each a label"
    return reader.value("target", .required(example: "price"), expected: expected) { node in
      if case .sequence = node.content { return node.differentTexts.map { .labels($0) } }
      return node.text.flatMap { $0.isEmpty ? nil : .column($0) }
    }
  }

  private func readArrayTargets(_ reader: inout MappingReader) -> ArrayTargets? {
    if let entry = reader.entry("labels"), reader.has("classes") {
      reader.report(
        entry.keyPlace,
        "'labels' in \(reader.label) are several answers a sample, 'classes' one; keep the one that the targets are")
      return nil
    }
    if reader.has("labels") {
      let expected = "the number of labels, from 1 to \(Limits.classes), or a list of that many different names"
      return reader.value("labels", .required(example: "5"), expected: expected) { node in
        if case .sequence = node.content { return node.differentTexts.map { .labels(.names($0)) } }
        return node.integer(as: Int.self).flatMap { (1...Limits.classes).contains($0) ? .labels(.count($0)) : nil }
      }
    }
    return reader.has("classes") ? readClasses(&reader).map { .classes($0) } : .plain
  }

  private func readImageFolder(_ reader: inout MappingReader) -> DataSource? {
    let paths = readPaths(&reader, example: "images/train")
    let expected = "a list of height and width, each from 1 to \(Limits.extent)"
    let size = reader.value("size", .required(example: "[32, 32]"), expected: expected) { node -> [Int]? in
      guard case .sequence(let items) = node.content else { return nil }
      let sides = items.compactMap { $0.integer(as: Int.self) }.filter { (1...Limits.extent).contains($0) }
      return sides.count == 2 && items.count == 2 ? sides : nil
    }
    let channels = reader.value(
      "channels", .otherwise(Job.Defaults.imageChannels), expected: "1 (grey) or 3 (colours)"
    ) { node in node.integer(as: Int.self).flatMap { $0 == 1 || $0 == 3 ? $0 : nil } }
    let resize: ImageFolderSpecification.Resize? = reader.choice("resize", .otherwise(Job.Defaults.resize))
    guard let paths, let size, let channels, let resize else { return nil }
    return .imageFolder(
      train: paths.train, test: paths.test,
      ImageFolderSpecification(height: size[0], width: size[1], channels: channels, resize: resize))
  }

  private func readText(_ reader: inout MappingReader) -> DataSource? {
    let paths = readPaths(&reader, example: "texts/train")
    let tokens: Tokenisation? = reader.choice("tokens", .otherwise(Job.Defaults.tokens))
    let length = reader.integer("sequence_length", in: 1...Limits.sequence, .required(example: "100"))
    let limit = readVocabularyLimit(&reader)
    let text = reader.optionalText("text", example: "text")
    let label = reader.optionalText("label", example: "label")
    let isTable = (text ?? nil) != nil || (label ?? nil) != nil
    let delimiter = isTable ? readDelimiter(paths?.train, &reader) : .comma
    guard let paths, let tokens, let length, let limit, let text, let label, let delimiter else { return nil }
    return .text(
      train: paths.train, test: paths.test,
      TextSpecification(
        tokens: tokens, sequenceLength: length, vocabularyLimit: limit,
        text: isTable ? text ?? Job.Defaults.textColumn : nil,
        label: isTable ? label ?? Job.Defaults.labelColumn : nil, delimiter: delimiter))
  }

  private func readPairs(_ reader: inout MappingReader) -> DataSource? {
    let paths = readPaths(&reader, example: "pairs.tsv")
    let source = reader.text("source", .otherwise(Job.Defaults.sourceColumn))
    let target = reader.text("target", .otherwise(Job.Defaults.targetColumn))
    let tokens = readPairTokens(&reader)
    let sourceLength = reader.integer("source_length", in: 1...Limits.sequence, .required(example: "20"))
    let targetLength = reader.integer("target_length", in: 1...Limits.sequence, .required(example: "20"))
    let limit = readVocabularyLimit(&reader)
    let delimiter = readDelimiter(paths?.train, &reader)
    guard let paths, let source, let target, let tokens, let sourceLength, let targetLength, let limit, let delimiter
    else { return nil }
    return .pairs(
      train: paths.train, test: paths.test,
      PairsSpecification(
        source: source, target: target, sourceTokens: tokens.source, targetTokens: tokens.target,
        sourceLength: sourceLength, targetLength: targetLength, vocabularyLimit: limit, delimiter: delimiter))
  }

  /// One tokenisation for both texts, or one for each.
  private func readPairTokens(_ reader: inout MappingReader) -> (source: Tokenisation, target: Tokenisation)? {
    guard case .mapping? = reader.entry("tokens")?.value.content else {
      let both: Tokenisation? = reader.choice("tokens", .otherwise(Job.Defaults.tokens))
      return both.map { ($0, $0) }
    }
    return reader.mapping("tokens", example: nil) { reader in
      let source: Tokenisation? = reader.choice("source", .otherwise(Job.Defaults.tokens))
      let target: Tokenisation? = reader.choice("target", .otherwise(Job.Defaults.tokens))
      guard let source, let target else { return nil }
      return (source, target)
    }
  }

  // MARK: Parts

  private func readSplit<Files>(
    _ reader: inout MappingReader, example: String, _ read: (inout MappingReader) -> Files?
  ) -> (train: Files, test: Files?)? {
    let train = reader.mapping("train", example: "train: \(example)", read: read)
    let hasTest = reader.has("test")
    let test = hasTest ? reader.mapping("test", example: nil, read: read) : nil
    guard let train, !hasTest || test != nil else { return nil }
    return (train, test)
  }

  private func readPaths(_ reader: inout MappingReader, example: String) -> (train: String, test: String?)? {
    let train = readPath("train", &reader, example: example)
    let hasTest = reader.has("test")
    let test = hasTest ? readPath("test", &reader, example: example) : nil
    guard let train, !hasTest || test != nil else { return nil }
    return (train, test)
  }

  private func readPath(_ key: String, _ reader: inout MappingReader, example: String) -> String? {
    reader.text(key, .required(example: example)).map(absolute)
  }

  private func readImageFiles(_ reader: inout MappingReader) -> ImageFiles? {
    let images = readPath("images", &reader, example: "train-images-idx3-ubyte.gz")
    let labels = readPath("labels", &reader, example: "train-labels-idx1-ubyte.gz")
    guard let images, let labels else { return nil }
    return ImageFiles(images: images, labels: labels)
  }

  private func readArrayFiles(_ reader: inout MappingReader) -> ArrayFiles? {
    let inputs = readPath("inputs", &reader, example: "x_train.npy")
    let targets = readPath("targets", &reader, example: "y_train.npy")
    guard let inputs, let targets else { return nil }
    return ArrayFiles(inputs: inputs, targets: targets)
  }

  private func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path, relativeTo: directory).standardizedFileURL.path
  }

  private func readDelimiter(_ path: String?, _ reader: inout MappingReader) -> Delimiter? {
    reader.choice("delimiter", .otherwise(Delimiter(ofFile: path ?? "")))
  }

  /// - Returns: nil if it was reported; nil within if the key is absent.
  private func readVocabularyLimit(_ reader: inout MappingReader) -> Int?? {
    guard reader.has("vocabulary_limit") else { return .some(nil) }
    return reader.integer("vocabulary_limit", in: 5...Limits.classes, .required(example: "10000")).map { $0 }
  }

  private func readClasses(_ reader: inout MappingReader) -> Classes? {
    let expected = "the number of classes, from 2 to \(Limits.classes), or a list of that many different names"
    return reader.value("classes", .required(example: "10"), expected: expected) { node in
      if case .sequence = node.content {
        return node.differentTexts.flatMap { $0.count >= 2 ? .names($0) : nil }
      }
      return node.integer(as: Int.self).flatMap { (2...Limits.classes).contains($0) ? .count($0) : nil }
    }
  }

  /// - Returns: nil if it was reported; nil within if there is none.
  private func readAugmentation(_ reader: inout MappingReader) -> Augmentation?? {
    guard reader.has("augment") else { return .some(nil) }
    return reader.mapping("augment", example: nil) { reader -> Augmentation? in
      let defaults = Augmentation()
      let flip = reader.number("flip", .probability, .otherwise(defaults.flip))
      let crop =
        reader.has("crop")
        ? reader.mapping("crop", example: nil) { $0.integer("padding", in: 0...Limits.extent, .required(example: "4")) }
        : defaults.cropPadding
      let shift = reader.integer("shift", in: 0...Limits.extent, .otherwise(defaults.shift))
      guard let flip, let crop, let shift else { return nil }
      return Augmentation(flip: flip, cropPadding: crop, shift: shift)
    }.map { $0 }
  }
}

extension MappingReader {
  /// A list of different texts.
  /// - Returns: nil if it was reported; nil within if the key is absent.
  fileprivate mutating func texts(_ key: String, example: String) -> [String]?? {
    guard has(key) else { return .some(nil) }
    return value(key, .required(example: example), expected: "a list of different texts") { $0.differentTexts }
      .map { $0 }
  }

  /// - Returns: nil if it was reported; nil within if the key is absent.
  fileprivate mutating func optionalText(_ key: String, example: String) -> String?? {
    guard has(key) else { return .some(nil) }
    return text(key, .required(example: example)).map { $0 }
  }
}

extension YAMLNode {
  fileprivate var differentTexts: [String]? {
    guard case .sequence(let items) = content else { return nil }
    let texts = items.compactMap(\.text)
    return texts.count == items.count && !texts.isEmpty && Set(texts).count == texts.count ? texts : nil
  }
}
