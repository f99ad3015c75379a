import Foundation
import ModelGraph
import Testing

import Jobs

/// A job without mistakes; each test makes one.
let goodJob = """
  apus: 1
  name: trial
  data:
    format: idx
    train: {images: a.gz, labels: b.gz}
    classes: 10
  model:
    zoo: lenet5
  training:
    epochs: 12
    batch: 128
    shards: 8
    optimizer: {name: adam, learning_rate: 0.001}
  """

func errors(in yaml: String) -> String {
  do {
    _ = try JobFile(yaml: yaml, file: "job.yaml")
    return "no error"
  } catch {
    return error.description
  }
}

@Suite struct JobErrorTests {
  @Test(arguments: [
    (
      "    batch: 128", "    batchsize: 128",
      """
      job.yaml:11:3: unknown key 'batchsize' in training; did you mean 'batch'?
        batchsize: 128
        ^
      """
    ),
    (
      "    epochs: 12", "    epochs: twelve",
      """
      job.yaml:10:11: 'epochs' in training must be a whole number from 1 to 1000000, not 'twelve'; \
      for example 'epochs: 10'
        epochs: twelve
                ^
      """
    ),
    (
      "    shards: 8", "    shards: \"8\"",
      """
      job.yaml:12:11: 'shards' in training must be a whole number from 1 to 1048576, not the text "8"; \
      leave it out for 8
        shards: "8"
                ^
      """
    ),
    (
      "learning_rate: 0.001", "learning_rate: -0.001",
      """
      job.yaml:13:42: 'learning_rate' in training.optimizer (adam) must be a number above 0, not '-0.001'; \
      for example 'learning_rate: 0.001'
        optimizer: {name: adam, learning_rate: -0.001}
                                               ^
      """
    ),
    (
      "    batch: 128", "    batch: 100",
      """
      job.yaml:11:10: a batch of 100 samples cannot be cut into 8 equal shards; use batch 96 or 104, \
      or shards 5 or 10
        batch: 100
               ^
      """
    ),
    (
      "    epochs: 12\n", "",
      """
      job.yaml:9:1: missing key 'epochs' in training; add 'epochs: 10'
      training:
      ^
      """
    ),
    (
      "name: adam", "name: adma",
      """
      job.yaml:13:21: 'name' in training.optimizer must be one of sgd, adagrad, rmsprop, adam, adamw, lars, \
      lamb, not 'adma'; did you mean 'adam'?
        optimizer: {name: adma, learning_rate: 0.001}
                          ^
      """
    ),
    (
      "learning_rate: 0.001", "learning_rate: 0.001, momentum: 0.9",
      """
      job.yaml:13:49: unknown key 'momentum' in training.optimizer (adam); \
      its keys are name, learning_rate, beta1, beta2, epsilon, weight_decay, decay_bias
        optimizer: {name: adam, learning_rate: 0.001, momentum: 0.9}
                                                      ^
      """
    ),
    (
      "    epochs: 12", "    epochs: 12\n    shards: 4",
      """
      job.yaml:13:3: duplicate key 'shards' in training, first given in line 11; remove one of the two
        shards: 8
        ^
      """
    ),
    (
      "    zoo: lenet5", "    zoo: lenet-6",
      """
      job.yaml:8:8: unknown zoo model 'lenet-6'; did you mean 'lenet5'?
        zoo: lenet-6
             ^
      """
    ),
    (
      "    zoo: lenet5", "    layers: [flaten]",
      """
      job.yaml:8:12: unknown layer 'flaten'; did you mean 'flatten'?
        layers: [flaten]
                 ^
      """
    ),
    (
      "apus: 1", "apus: 2",
      """
      job.yaml:1:7: job format 2 is not known here; this Apus reads 'apus: 1'
      apus: 2
            ^
      """
    ),
    (
      "name: trial", "name: ../trial",
      """
      job.yaml:2:7: 'name' in the job must be up to 100 letters, digits, '-', '_' and '.', the first not a '.', \
      not '../trial'; for example 'name: lenet5-fashion-mnist'
      name: ../trial
            ^
      """
    ),
    (
      "classes: 10", "classes: [a, b, a]",
      """
      job.yaml:6:12: 'classes' in data must be the number of classes, from 2 to 1048576, or a list of that many \
      different names, not a list; for example 'classes: 10'
        classes: [a, b, a]
                 ^
      """
    ),
    (
      "train: {images: a.gz, labels: b.gz}", "train:",
      """
      job.yaml:5:3: 'train' in data must be a mapping, not nothing; for example 'train: {images: FILE, labels: FILE}'
        train:
        ^
      """
    ),
  ])
  func wholeErrorTextIsAsExpected(right: String, wrong: String, text: String) throws {
    let part = right.hasPrefix("    ") ? String(right.dropFirst(2)) : right
    let mistake = wrong.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.hasPrefix("    ") ? String($0.dropFirst(2)) : String($0) }.joined(separator: "\n")
    try #require(goodJob.contains(part))
    #expect(errors(in: goodJob.replacing(part, with: mistake)) == text)
  }

  @Test func jobWithoutMistakesIsRead() {
    #expect(errors(in: goodJob) == "no error")
  }

  @Test func allProblemsAreReportedInTheOrderOfTheFile() {
    let yaml =
      goodJob.replacing("learning_rate: 0.001", with: "learning_rate: fast")
      .replacing("  epochs: 12", with: "  epochs: 0\n  epochs: 3").replacing("name: trial\n", with: "")
      .replacing("format: idx", with: "format: idx\n  normalise: none")
    let heads = errors(in: yaml).split(separator: "\n").map(String.init).filter { $0.hasPrefix("job.yaml") }
    #expect(
      heads
        == [
          "job.yaml:1:1: missing key 'name' in the job; add 'name: lenet5-fashion-mnist'",
          "job.yaml:4:3: unknown key 'normalise' in data; did you mean 'normalize'?",
          "job.yaml:10:11: 'epochs' in training must be a whole number from 1 to 1000000, not '0'; "
            + "for example 'epochs: 10'",
          "job.yaml:11:3: duplicate key 'epochs' in training, first given in line 10; remove one of the two",
          "job.yaml:14:42: 'learning_rate' in training.optimizer (adam) must be a number above 0, not 'fast'; "
            + "for example 'learning_rate: 0.001'",
        ])
  }

  @Test(arguments: [
    (
      "apus: 1\nname: a: b\n",
      """
      job.yaml:2:8: not valid YAML: mapping values are not allowed in this context; \
      check the indentation, and put a text that contains ': ' in quotes
      name: a: b
             ^
      """
    ),
    (
      "apus: 1\ndata:\n\tformat: idx\n",
      """
      job.yaml:3:1: not valid YAML: found character that cannot start any token while scanning for the next token \
      that begins in line 3; indent with spaces, not with tabs
      \tformat: idx
      ^
      """
    ),
    (
      "apus: 1\ndata: {format: idx\nname: x\n",
      """
      job.yaml:3:5: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping \
      that begins in line 2; close the bracket, or put a comma before this
      name: x
          ^
      """
    ),
    (
      "apus: 1\nname: a\u{7}b\n",
      """
      job.yaml:2:8: not valid YAML: the control character U+7 has no place in a text; remove it
      name: a\u{7}b
             ^
      """
    ),
    ("", "job.yaml: the file is empty; start it with 'apus: 1'"),
    (
      "- 1\n- 2\n",
      """
      job.yaml:1:1: a job is a mapping, not a list; start it with 'apus: 1'
      - 1
      ^
      """
    ),
  ])
  func badSyntaxHasTheSameForm(yaml: String, text: String) {
    #expect(errors(in: yaml) == text)
  }

  @Test func quotedAndRepeatedDuplicatesAreEachReported() {
    let yaml = goodJob.replacing("name: trial", with: "name: a\n\"name\": b\n'name': c")
    #expect(
      errors(in: yaml).split(separator: "\n").map(String.init).filter { $0.hasPrefix("job.yaml") } == [
        "job.yaml:3:1: duplicate key 'name' in the job, first given in line 2; remove one of the two",
        "job.yaml:4:1: duplicate key 'name' in the job, first given in line 2; remove one of the two",
      ])
  }

  @Test func batchBelowTheDefaultShardsSaysSo() {
    let yaml = goodJob.replacing("batch: 128", with: "batch: 6").replacing("  shards: 8\n", with: "")
    #expect(
      errors(in: yaml).hasPrefix(
        "job.yaml:11:10: a batch of 6 samples cannot be cut into 8 equal shards, the default; "
          + "use batch 8, or shards 6\n"))
  }

  @Test(arguments: [
    ("\"\"", true), ("infinity", true), ("nan", true), ("0x10", true), ("1e-60", true), ("1e60", true),
    ("[0.1]", true), ("'0.1'", true), ("~", true), ("1e-3", false), ("1", false), (".5", false),
  ])
  func learningRateIsAFiniteNumberAboveZero(text: String, isRefused: Bool) {
    let yaml = goodJob.replacing("learning_rate: 0.001", with: "learning_rate: \(text)")
    #expect((errors(in: yaml) != "no error") == isRefused)
  }

  @Test(arguments: [
    (
      "/nowhere/job.yaml",
      "there is no such file; give the path of a job file, such as cluster/jobs/lenet5-fashion-mnist.yaml"
    ),
    ("/", "this is no file; give the path of a job file"),
  ])
  func unreadableFileIsNamed(path: String, message: String) {
    let error = #expect(throws: InvalidJob.self) { try JobFile(path: path) }
    #expect(error?.description == "\(path): \(message)")
  }

  @Test(arguments: [
    ("trial-one.yml", "trial-one.yaml"), ("trial-oen.yaml", "trial-one.yaml"), ("trial-one", "trial-one.yaml"),
    ("b.yaml", nil), ("notes.yaml", nil),
  ])
  func missingFileIsToldItsNeighbour(name: String, meant: String?) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "jobs-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for neighbour in ["trial-one.yaml", "a.yaml", "notes.txt"] {
      try Data().write(to: folder.appending(path: neighbour))
    }
    let error = #expect(throws: InvalidJob.self) { try JobFile(path: "\(folder.path)/\(name)") }
    let remedy =
      meant.map { "did you mean '\(folder.path)/\($0)'?" }
      ?? "give the path of a job file, such as cluster/jobs/lenet5-fashion-mnist.yaml"
    #expect(error?.description == "\(folder.path)/\(name): there is no such file; \(remedy)")
  }

  @Test func aliasesThatExplodeAreRefused() {
    let yaml = (1...9).reduce("apus: 1\na0: &a0 [x, x, x, x, x, x, x, x]") { text, level in
      text + "\na\(level): &a\(level) [\((0..<8).map { _ in "*a\(level - 1)" }.joined(separator: ", "))]"
    }
    #expect(errors(in: yaml) == "job.yaml: aliases make this file too large; write the values out")
  }

  @Test(arguments: Array("[]{}\"':,-#&*!|>%@`\t\n \u{0}é0\u{E000}"))
  func noSingleWrongCharacterGetsPastTheReaderUnnoticedOrStopsIt(character: Character) {
    var refused = 0
    for index in goodJob.indices {
      var yaml = goodJob
      yaml.replaceSubrange(index...index, with: String(character))
      // Whatever it says, it says it about the file and a line of it.
      let text = errors(in: yaml)
      if text != "no error" {
        refused += 1
        #expect(text.hasPrefix("job.yaml:"))
      }
    }
    #expect(refused > goodJob.count / 3)
  }

  @Test func everyBeginningOfAJobIsRefusedWithoutACrash() {
    for end in goodJob.indices.dropLast(40) { #expect(errors(in: String(goodJob[..<end])) != "no error") }
  }
}
