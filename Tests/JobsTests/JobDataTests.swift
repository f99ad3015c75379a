import Datasets
import Jobs
import ModelGraph
import Testing

@Suite struct JobDataTests {
  /// A job with this section `data`.
  private static func yaml(_ data: String) -> String {
    """
    apus: 1
    name: trial
    data:
      \(data.replacing("\n", with: "\n  "))
    model: {layers: [dense: {outputs: 3}]}
    training:
      epochs: 1
      batch: 8
      optimizer: {name: sgd, learning_rate: 0.1}

    """
  }

  private static func job(_ data: String) throws -> Job { try JobFile(yaml: yaml(data), file: "/jobs/job.yaml").job }

  private static func errors(_ data: String) -> [String] {
    do {
      _ = try JobFile(yaml: yaml(data), file: "job.yaml")
      return []
    } catch {
      return error.problems.map { "\($0.line ?? 0):\($0.column ?? 0): \($0.message)" }
    }
  }

  static let sections: [(String, DataSpecification)] = [
    (
      "format: csv\ntrain: t.csv\ntarget: y",
      DataSpecification(.csv(train: "/jobs/t.csv", test: nil, TableSpecification(target: "y")))
    ),
    (
      """
      format: csv
      train: /a/t.tsv.gz
      test: ../u.tsv
      target: "a b"
      columns: [c, "d, e"]
      categories: [c]
      missing: drop
      window: {length: 14, horizon: 3}
      normalize: none
      validation_fraction: 0.25
      """,
      DataSpecification(
        .csv(
          train: "/a/t.tsv.gz", test: "/u.tsv",
          TableSpecification(
            target: "a b", columns: ["c", "d, e"], categories: ["c"], missing: .drop, delimiter: .tab,
            window: .init(length: 14, horizon: 3))), validationFraction: 0.25, normalize: .none)
    ),
    (
      "format: csv\ntrain: t.csv\ntarget: y\ndelimiter: semicolon\nmissing: mean\nwindow: {length: 5}\ntest_fraction: 0.2",
      DataSpecification(
        .csv(
          train: "/jobs/t.csv", test: nil,
          TableSpecification(target: "y", missing: .mean, delimiter: .semicolon, window: .init(length: 5))),
        testFraction: 0.2)
    ),
    (
      "format: npy\ntrain: {inputs: x.npy, targets: a.npz:y}\ntest: {inputs: u.npy, targets: v.npy}\nclasses: 4",
      DataSpecification(
        .npy(
          train: ArrayFiles(inputs: "/jobs/x.npy", targets: "/jobs/a.npz:y"),
          test: ArrayFiles(inputs: "/jobs/u.npy", targets: "/jobs/v.npy"), .classes(.count(4))))
    ),
    (
      "format: csv\ntrain: t.csv\ntarget: [y, \"a, b\"]",
      DataSpecification(.csv(train: "/jobs/t.csv", test: nil, TableSpecification(target: .labels(["y", "a, b"]))))
    ),
    (
      "format: npy\ntrain: {inputs: x.npy, targets: y.npy}\nlabels: [u, v]",
      DataSpecification(
        .npy(
          train: ArrayFiles(inputs: "/jobs/x.npy", targets: "/jobs/y.npy"), test: nil, .labels(.names(["u", "v"]))))
    ),
    (
      "format: npy\ntrain: {inputs: x.npy, targets: y.npy}\nlabels: 1",
      DataSpecification(
        .npy(train: ArrayFiles(inputs: "/jobs/x.npy", targets: "/jobs/y.npy"), test: nil, .labels(.count(1))))
    ),
    (
      "format: npy\ntrain: {inputs: x.npy, targets: y.npy}",
      DataSpecification(
        .npy(train: ArrayFiles(inputs: "/jobs/x.npy", targets: "/jobs/y.npy"), test: nil, .plain))
    ),
    (
      "format: cifar10\nfolder: c\naugment: {flip: 0.5, crop: {padding: 4}, shift: 2}",
      DataSpecification(
        .cifar10(folder: "/jobs/c"), augment: Augmentation(flip: 0.5, cropPadding: 4, shift: 2))
    ),
    ("format: cifar100\nfolder: c", DataSpecification(.cifar100(folder: "/jobs/c", labels: .fine))),
    (
      "format: cifar100\nfolder: c\nlabels: coarse\naugment: {flip: 1}",
      DataSpecification(.cifar100(folder: "/jobs/c", labels: .coarse), augment: Augmentation(flip: 1))
    ),
    (
      "format: image_folder\ntrain: a\ntest: b\nsize: [30, 40]\nchannels: 1\nresize: refuse",
      DataSpecification(
        .imageFolder(
          train: "/jobs/a", test: "/jobs/b",
          ImageFolderSpecification(height: 30, width: 40, channels: 1, resize: .refuse)))
    ),
    (
      "format: image_folder\ntrain: a\nsize: [3, 4]",
      DataSpecification(.imageFolder(train: "/jobs/a", test: nil, ImageFolderSpecification(height: 3, width: 4)))
    ),
    (
      "format: text\ntrain: a.txt\ntokens: character\nsequence_length: 50",
      DataSpecification(
        .text(train: "/jobs/a.txt", test: nil, TextSpecification(tokens: .character, sequenceLength: 50)),
        normalize: .none)
    ),
    (
      "format: text\ntrain: a.tsv\nlabel: mood\nsequence_length: 50\nvocabulary_limit: 900",
      DataSpecification(
        .text(
          train: "/jobs/a.tsv", test: nil,
          TextSpecification(
            tokens: .word, sequenceLength: 50, vocabularyLimit: 900, text: "text", label: "mood", delimiter: .tab)),
        normalize: .none)
    ),
    (
      "format: pairs\ntrain: a.csv\nsource: en\ntarget: fr\nsource_length: 7\ntarget_length: 9\ntest_fraction: 0.1",
      DataSpecification(
        .pairs(
          train: "/jobs/a.csv", test: nil,
          PairsSpecification(
            source: "en", target: "fr", sourceTokens: .word, targetTokens: .word, sourceLength: 7, targetLength: 9,
            delimiter: .comma)),
        testFraction: 0.1, normalize: .none)
    ),
    (
      "format: pairs\ntrain: a.tsv\ntokens: {source: character}\nsource_length: 7\ntarget_length: 9",
      DataSpecification(
        .pairs(
          train: "/jobs/a.tsv", test: nil,
          PairsSpecification(
            source: "source", target: "target", sourceTokens: .character, targetTokens: .word, sourceLength: 7,
            targetLength: 9, delimiter: .tab)),
        normalize: .none)
    ),
  ]

  @Test(arguments: sections.indices) func everyFormatIsReadWithItsDefaults(index: Int) throws {
    let (text, expected) = Self.sections[index]
    #expect(try Self.job(text).data == expected)
  }

  @Test(arguments: sections.indices) func theResolvedJobIsReadAgain(index: Int) throws {
    let job = try Self.job(Self.sections[index].0)
    #expect(try JobFile(yaml: job.yaml(), file: "/elsewhere/job.yaml").job == job)
  }

  @Test(
    arguments: [
      (
        "format: cvs\ntrain: t.csv",
        "4:11: 'format' in data must be one of idx, csv, npy, cifar10, cifar100, image_folder, text, pairs, planned, not "
          + "'cvs'; did you mean 'csv'?"
      ),
      (
        "format: csv\ntrain: t.csv\ntarget: y\ncolums: [a]",
        "7:3: unknown key 'colums' in data; did you mean 'columns'?"
      ),
      ("format: csv\ntrain: t.csv", "3:1: missing key 'target' in data; add 'target: price'"),
      (
        "format: csv\ntrain: t.csv\ntarget: y\nmissing: drpo",
        "7:12: 'missing' in data must be one of refuse, mean, drop, not 'drpo'; did you mean 'drop'?"
      ),
      (
        "format: csv\ntrain: t.csv\ntarget: y\ncolumns: a",
        "7:12: 'columns' in data must be a list of different texts, not 'a'; for example 'columns: [width, height]'"
      ),
      (
        "format: csv\ntrain: t.csv\ntarget: y\nwindow: {horizon: 2}",
        "7:3: missing key 'length' in data.window; add 'length: 28'"
      ),
      (
        "format: csv\ntrain: t.csv\ntest: u.csv\ntarget: y\ntest_fraction: 0.1",
        "8:3: 'test_fraction' in data is for data without test files, and there are some; remove it, or 'test'"
      ),
      (
        "format: csv\ntrain: t.csv\ntarget: y\ntest_fraction: 1",
        "7:18: 'test_fraction' in data must be a number above 0 and below 1, not '1'; for example 'test_fraction: 0.1'"
      ),
      (
        "format: csv\ntrain: t.csv\ntarget: y\naugment: {flip: 0.5}",
        "7:3: unknown key 'augment' in data; its keys are format, train, test, target, columns, categories, missing, "
          + "delimiter, window, test_fraction, validation_fraction, normalize"
      ),
      (
        "format: cifar10\nfolder: c\naugment: {flip: 2}",
        "6:19: 'flip' in data.augment must be a number from 0 to 1, not '2'; leave it out for 0.0"
      ),
      (
        "format: cifar10\nfolder: c\naugment: {crop: 4}",
        "6:19: 'crop' in data.augment must be a mapping, not '4'; leave it out for the defaults"
      ),
      (
        "format: image_folder\ntrain: a\nsize: 32",
        "6:9: 'size' in data must be a list of height and width, each from 1 to 1024, not '32'; for example 'size: [32, 32]'"
      ),
      (
        "format: image_folder\ntrain: a\nsize: [3, 4]\nchannels: 4",
        "7:13: 'channels' in data must be 1 (grey) or 3 (colours), not '4'; leave it out for 3"
      ),
      (
        "format: text\ntrain: a\ntokens: letter\nsequence_length: 5",
        "6:11: 'tokens' in data must be one of character, word, not 'letter'; use one of character, word"
      ),
      (
        "format: pairs\ntrain: a.tsv\nsource_length: 5\ntarget_length: 0",
        "7:18: 'target_length' in data must be a whole number from 1 to 65536, not '0'; for example 'target_length: 20'"
      ),
      (
        "format: npy\ntrain: x.npy",
        "5:10: 'train' in data must be a mapping, not 'x.npy'; for example 'train: {inputs: FILE.npy, targets: FILE.npy}'"
      ),
    ])
  func mistakesAreNamedWithTheirRemedy(data: String, message: String) {
    #expect(Self.errors(data) == [message])
  }

  @Test func theModelMustFitTheTarget() throws {
    let file = try JobFile(yaml: Self.yaml("format: csv\ntrain: t.csv\ntarget: y"), file: "job.yaml")
    let numbers = ValueTarget(name: "y", shape: [3], mean: 0, deviation: 1, baseline: .mean([0, 0, 0]))
    let loss = #expect(throws: InvalidJob.self) {
      try file.trainingGraph(for: DataDescription([4], .values(numbers)))
    }
    #expect(
      loss?.problems.first?.message
        == "layer 'loss': cross-entropy takes classes, and the target 'y' is numbers; write 'loss: mean-squared-error'")
    let steps = #expect(throws: InvalidJob.self) {
      try file.trainingGraph(for: DataDescription([4], .classes(ClassTarget(names: ["a", "b", "c"], shape: [7]))))
    }
    #expect(
      steps?.problems.first?.message
        == "layer 'dense1': the model ends in 3 outputs a sample, the data wants one of 3 classes at each of 7 steps (7×3); "
        + "end it with a layer that keeps the steps, and '- dense: {outputs: 3}'")
    #expect(throws: Never.self) { try file.trainingGraph(for: DataDescription([4], classes: 3)) }
  }

  @Test func anEmbeddingMustHoldTheVocabulary() throws {
    let text = Self.yaml("format: text\ntrain: t.txt\nsequence_length: 6").replacing(
      "[dense: {outputs: 3}]", with: "[embedding: {vocabulary: 50, width: 4}, flatten, dense: {outputs: 3}]")
    let file = try JobFile(yaml: text, file: "job.yaml")
    func graph(_ count: Int) throws -> Graph {
      let words = SampleShape(fields: [SampleField("input", [6], .int32)])
      let classes = SampleTarget.classes(ClassTarget(names: ["a", "b", "c"]))
      return try file.trainingGraph(for: DataDescription(words, classes, vocabularySizes: ["input": count]))
    }
    #expect(throws: Never.self) { try graph(50) }
    let error = #expect(throws: InvalidJob.self) { try graph(51) }
    #expect(
      error?.problems.first?.message
        == "layer 'embedding1': the data's vocabulary has 51 tokens, the embedding 50; write "
        + "'embedding: {vocabulary: 51, width: 4}', or add 'vocabulary_limit: 50' to data")
  }
}
