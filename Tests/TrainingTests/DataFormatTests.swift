import Collectives
import Evaluation
import Foundation
import Jobs
import TestSupport
import Testing
import Training

/// Runs on tables and texts, whole.
@Suite("Data formats")
struct DataFormatTests {
  /// y follows from a and the kind; 60 rows.
  private static func table(_ small: SmallJob) throws {
    let rows = (0..<60).map { row in
      let kind = ["x", "y", "z"][row * 7 % 3]
      let a = Double(row * 37 % 60) / 10
      let y = 100 + 20 * a + (kind == "x" ? 50 : 0)
      return "\(row),\(a),\(kind),\(row % 9 == 4 ? "NA" : "\(row % 5)"),\(y),\(a > 3 ? "high" : "low")"
    }
    try small.write(Array(("n,a,kind,b,y,level\n" + rows.joined(separator: "\n") + "\n").utf8), "table.csv")
  }

  private func evaluation(_ outcome: RunOutcome) throws -> EvaluationReport {
    guard case .finished(let report?) = outcome else { throw CocoaError(.coderValueNotFound) }
    return report
  }

  private static let regression = """
    format: csv
    train: table.csv
    target: y
    columns: [a, kind, b]
    missing: mean
    test_fraction: 0.2
    """

  @Test("A regression beats the mean, in the table's units, with the same weights on any ranks")
  func regression() throws {
    let small = try SmallJob()
    try Self.table(small)
    let job = try smallJob(
      small, Self.regression, layers: "dense: {outputs: 8, activation: tanh}, dense: {outputs: 1}",
      loss: "mean-squared-error")
    let report = try evaluation(train(job, run: small.path("a"), epochs: 60).outcome)
    let regression = try #require(report.regression)
    #expect(report.samples == 12 && report.accuracy == nil && report.confusion == nil)
    #expect(regression.target == "y" && regression.baseline == "the mean of the training samples")
    let (own, guess) = try (
      #require(regression.rootMeanSquaredError), #require(regression.baselineRootMeanSquaredError)
    )
    // y spreads over 100 to 270, so the guess is tens of units off.
    #expect(guess > 20 && own < guess / 2, "\(own) beside \(guess)")
    #expect(try #require(regression.coefficientOfDetermination) > 0.7)
    #expect(report.text.contains("test of 'y': RMSE "))
    for ranks in 2...3 {
      _ = try train(job, run: small.path("ranks-\(ranks)"), ranks: ranks, epochs: 60)
      #expect(try small.newestCheckpoint("ranks-\(ranks)") == small.newestCheckpoint("a"))
    }
  }

  @Test("Early stopping cannot watch the accuracy of numbers")
  func accuracyOfNumbers() throws {
    let small = try SmallJob()
    try Self.table(small)
    let job = try smallJob(
      small, Self.regression, layers: "dense: {outputs: 1}",
      loss: "mean-squared-error\n  early_stopping: {metric: accuracy}")
    let error = #expect(throws: InvalidJob.self) { try train(job, run: small.path("a")) }
    #expect(
      error?.problems.first?.message
        == "'early_stopping' watches the accuracy, and the target 'y' is numbers; write 'metric: loss'")
  }

  @Test("A saved run is tested again with the statistics that it was trained with", arguments: [1, 2])
  func savedRun(ranks: Int) throws {
    let small = try SmallJob()
    try Self.table(small)
    let job = try smallJob(small, Self.regression, layers: "dense: {outputs: 1}", loss: "mean-squared-error")
    let trained = try evaluation(train(job, run: small.path("a")).outcome)
    let reports = try InProcessGroup.run(rankCount: ranks) { group in
      try SavedRun(directory: RunDirectory(path: small.path("a"))).evaluate(on: group, threads: 1)
    }
    let again = try #require(reports.first)
    expectClose([again.loss], [trained.loss], relative: 1e-12)
    expectClose(
      [again.regression?.rootMeanSquaredError ?? -1], [trained.regression?.rootMeanSquaredError ?? -2], relative: 1e-12)
  }

  @Test("The loss of a test set does not count what fills up its last batch", arguments: [2, 3, 5, 12])
  func lastBatch(shardSamples: Int) throws {
    let small = try SmallJob()
    try Self.table(small)
    let job = try smallJob(small, Self.regression, layers: "dense: {outputs: 1}", loss: "mean-squared-error")
    let whole = try evaluation(train(job, run: small.path("a")).outcome)
    // The same weights, tested in batches of another size: 12 samples in shards of `shardSamples`.
    var text = String(decoding: try small.bytes("a/job.yaml"), as: UTF8.self)
    text = text.replacing("  batch: 12", with: "  batch: \(4 * shardSamples)")
    try small.write(Array(text.utf8), "a/job.yaml")
    let reports = try InProcessGroup.run(rankCount: 1) { group in
      try SavedRun(directory: RunDirectory(path: small.path("a"))).evaluate(on: group, threads: 1)
    }
    expectClose([reports[0].loss], [whole.loss], relative: 1e-5)
  }

  @Test("A category makes classes, with the numbers of rows left after the missing ones")
  func classification() throws {
    let small = try SmallJob()
    try Self.table(small)
    let data = "format: csv\ntrain: table.csv\ntarget: level\ncolumns: [a, b]\nmissing: drop\ntest_fraction: 0.25"
    let job = try smallJob(
      small, data, layers: "dense: {outputs: 8, activation: relu}, dense: {outputs: 2}", loss: "cross-entropy")
    let report = try evaluation(train(job, run: small.path("a"), epochs: 30).outcome)
    // 60 rows less those with 4, 13, … 58 of 9.
    #expect(report.samples == 13 && report.classNames == ["high", "low"])
    #expect(try #require(report.accuracy) > 0.8)
  }

  @Test("A window is tested on the latest rows, against the last value seen")
  func window() throws {
    let small = try SmallJob()
    let rows = (0..<80).map { "\(sin(Double($0) / 3) * 10 + 50)" }
    try small.write(Array(("level\n" + rows.joined(separator: "\n") + "\n").utf8), "series.csv")
    let data = "format: csv\ntrain: series.csv\ntarget: level\nwindow: {length: 6}\ntest_fraction: 0.25"
    let job = try smallJob(
      small, data, layers: "flatten, dense: {outputs: 8, activation: tanh}, dense: {outputs: 1}",
      loss: "mean-squared-error")
    let report = try evaluation(train(job, run: small.path("a"), ranks: 2, epochs: 80).outcome)
    let regression = try #require(report.regression)
    #expect(regression.baseline == "the last value seen" && report.samples == 19)
    let levels: [Double] = (0..<80).map { sin(Double($0) / 3) * 10 }
    let squares: [Double] = (61..<80).map { day in
      let change = levels[day] - levels[day - 1]
      return change * change
    }
    let baseline = (squares.reduce(0, +) / 19).squareRoot()
    expectClose([regression.baselineRootMeanSquaredError ?? -1], [baseline], relative: 1e-4)
    #expect(try #require(regression.rootMeanSquaredError) < baseline)
  }

  @Test("Texts run through an embedding, and next characters through a layer at each step")
  func texts() throws {
    let small = try SmallJob()
    let text = String(repeating: "abcd", count: 80)
    try small.write(Array(text.utf8), "text.txt")
    let data = "format: text\ntrain: text.txt\ntokens: character\nsequence_length: 5\ntest_fraction: 0.2"
    let layers = "embedding: {vocabulary: 6, width: 8}, dense: {outputs: 6}"
    let job = try smallJob(small, data, layers: layers, loss: "cross-entropy")
    let report = try evaluation(train(job, run: small.path("a"), ranks: 2, epochs: 40).outcome)
    // 64 samples of five characters and the one that follows them: the next character follows from this one.
    #expect(report.samples == 13 && report.accuracy == 1, "\(report.accuracy ?? -1)")
    let total = try #require(report.confusion).total
    #expect(total == 64)
  }

  @Test("An encoder and its decoder learn pairs, each with its own vocabulary")
  func pairs() throws {
    let small = try SmallJob()
    // Backwards, so that the decoder has nothing but the encoder's state to begin with.
    try writePairs(small)
    let data = "format: pairs\ntrain: pairs.tsv\nsource_length: 2\ntarget_length: 4\ntest_fraction: 0.1"
    let layers = """
      embedding: {vocabulary: 6, width: 8}, gru: {name: encoder, units: 16}, \
      embedding: {vocabulary: 8, width: 8, from: decoder_input}, \
      gru: {units: 16, returns: sequence, state_from: encoder}, dense: {outputs: 8}
      """
    let job = try smallJob(small, data, layers: layers, loss: "cross-entropy")
    let report = try evaluation(train(job, run: small.path("a"), ranks: 2, epochs: 60).outcome)
    // Three labels that count in each of 12 pairs: two words and the end.
    #expect(try #require(report.confusion).total == 36)
    #expect(try #require(report.accuracy) > 0.9)
  }

  @Test("Augmented images give the same weights on any ranks, and others than plain ones")
  func augmentation() throws {
    let small = try SmallJob()
    let augment: KeyValuePairs = [
      "lower, bottom]": "lower, bottom]\n  augment: {flip: 0.5, crop: {padding: 1}, shift: 1}"
    ]
    let job = try small.job(augment, named: "augmented.yaml")
    for ranks in 1...3 { _ = try train(job, run: small.path("\(ranks)"), ranks: ranks) }
    #expect(try small.newestCheckpoint("1") == small.newestCheckpoint("2"))
    #expect(try small.newestCheckpoint("1") == small.newestCheckpoint("3"))
    _ = try train(try small.job(), run: small.path("plain"))
    #expect(try small.newestCheckpoint("plain").suffix(2000) != small.newestCheckpoint("1").suffix(2000))
  }

  @Test(
    "What is wrong with a table is told at the key that names it",
    arguments: [
      (
        "target: y", "target: z", "small.yaml:7:11: ",
        "there is no column 'z'; its columns are 'n', 'a', 'kind', 'b', 'y', 'level'"
      ),
      ("missing: mean", "missing: refuse", "small.yaml:6:10: ", "'b' is 'NA', a missing value"),
      ("train: table.csv", "train: tabel.csv", "small.yaml:6:10: ", "there is no such file"),
      (
        "columns: [a, kind, b]", "columns: [a, y]", "small.yaml:8:3: ",
        "'y' is the target, and would be known to the model"
      ),
      (
        "test_fraction: 0.2", "test_fraction: 0.001", "small.yaml:10:18: ",
        "0.001 of 60 samples leaves 60 to train on and 0 to test with"
      ),
    ])
  func mistakes(right: String, wrong: String, place: String, message: String) throws {
    let small = try SmallJob()
    try Self.table(small)
    let job = try smallJob(
      small, Self.regression.replacing(right, with: wrong), layers: "dense: {outputs: 1}", loss: "mean-squared-error")
    let error = #expect(throws: InvalidJob.self) { try train(job, run: small.path("a")) }
    let text = error?.description ?? ""
    #expect(text.contains(place) && text.contains(message), "\(text)")
  }
}
