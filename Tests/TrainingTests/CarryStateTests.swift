import Collectives
import Foundation
import Jobs
import Safetensors
import TestSupport
import Testing
import Training

/// Runs that carry the states of recurrent layers from step to step.
@Suite("Truncated back-propagation through time")
struct CarryStateTests {
  /// 12 streams over 6 shards, pieces of 5 characters; checkpoints after every 4th step.
  private static func job(
    _ small: SmallJob, data: String = "train: text.txt", tokens: String = "character", length: Int = 5,
    layers: String =
      "embedding: {vocabulary: 9, width: 4}, lstm: {units: 7, layers: 2, returns: sequence, dropout: 0.1}, "
      + "dense: {outputs: 9}", training: String = "carry_state: true", batch: Int = 12, named name: String = "job.yaml"
  ) throws -> String {
    let text = """
      apus: 1
      name: streams
      seed: 5
      data:
        format: text
        \(data)
        tokens: \(tokens)
        sequence_length: \(length)
        test_fraction: 0.2
      model:
        layers: [\(layers)]
      training:
        epochs: 2
        batch: \(batch)
        shards: 6
        \(training)
        optimizer: {name: adam, learning_rate: 0.02}
      checkpoint: {every_steps: 4, keep: 20}

      """
    try small.write(Array(text.utf8), name)
    return small.path(name)
  }

  /// 7 letters in an order that repeats itself nowhere soon; 900 characters, 180 pieces of which 144 are trained on.
  private static func text(_ small: SmallJob) throws {
    var state: UInt32 = 7
    let letters = (0..<900).map { _ -> UInt8 in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(ascii: "a") + UInt8(state >> 24) % 7
    }
    try small.write(letters, "text.txt")
  }

  private func checkpoint(_ small: SmallJob, _ run: String, _ step: Int) throws -> SafetensorsFile {
    try SafetensorsFile(decoding: small.bytes(small.checkpointName(run, step)), checksum: .required)
  }

  @Test("The same checkpoints, byte for byte, on 1 to 4 ranks, carried states among them")
  func ranks() throws {
    let small = try SmallJob()
    try Self.text(small)
    let job = try Self.job(small)
    for ranks in 1...4 { _ = try train(job, run: small.path("run-\(ranks)"), ranks: ranks) }
    // 144 pieces in 12 streams: 12 steps an epoch.
    #expect(small.checkpoints("run-1") == [4, 8, 12, 16, 20, 24])
    for step in small.checkpoints("run-1") {
      let one = try small.bytes(small.checkpointName("run-1", step))
      for ranks in 2...4 {
        #expect(try small.bytes(small.checkpointName("run-\(ranks)", step)) == one, "\(ranks) ranks, step \(step)")
      }
    }
    let epochs = try (1...4).map { ranks in
      try small.records("run-\(ranks)", "epoch").map {
        [$0["testLoss"], $0["testAccuracy"]].compactMap { $0 as? Double }
      }
    }
    #expect(epochs.allSatisfy { $0 == epochs[0] } && epochs[0].joined().count == 4)

    let states = try checkpoint(small, "run-1", 4).tensors.filter { $0.name.hasPrefix("carried/") }
    #expect(
      states.map(\.name).sorted() == [
        "carried/lstm1.c_l0", "carried/lstm1.c_l1", "carried/lstm1.h_l0", "carried/lstm1.h_l1",
      ])
    for state in states {
      #expect(state.shape == [12, 7])
      // Each stream has read other letters.
      let rows = try state.elements(as: Float.self)
      let different = Set(stride(from: 0, to: 84, by: 7).map { Array(rows[$0...].prefix(7)) })
      #expect(different.count == 12, "\(state.name)")
    }
    // An epoch begins with nothing.
    for state in try checkpoint(small, "run-1", 12).tensors where state.name.hasPrefix("carried/") {
      #expect(try state.elements(as: Float.self).allSatisfy { $0 == 0 }, "\(state.name)")
    }
  }

  @Test(
    "A run that is stopped in the midst of its streams ends with the bits of an undisturbed one",
    arguments: [(3, 1, 2), (12, 2, 1), (17, 3, 4)])
  func resume(step: Int, before: Int, after: Int) throws {
    let small = try SmallJob()
    try Self.text(small)
    let job = try Self.job(small)
    _ = try train(job, run: small.path("whole"))
    let stopped = try train(job, run: small.path("run"), ranks: before) { rank, asked in
      rank == 0 && asked >= step - 1 ? SIGINT : nil
    }
    guard case .stopped = stopped.outcome else { throw CocoaError(.userCancelled) }
    #expect(small.checkpoints("run").last == step)
    _ = try train(job, run: small.path("run"), ranks: after, resume: true)
    #expect(try small.newestCheckpoint("run") == small.newestCheckpoint("whole"))
    let losses = try ["run", "whole"].map { try small.records($0, "step").compactMap { $0["loss"] as? Double } }
    #expect(losses[0] == losses[1] && losses[0].count == 24)
  }

  /// With pieces of one character nothing but the state tells the first a of "aab" from the second.
  @Test("What lies before a piece is known by the carried state alone", arguments: ["rnn", "lstm", "gru"])
  func memory(cell: String) throws {
    let small = try SmallJob()
    try small.write(Array(String(repeating: "aab", count: 200).utf8), "text.txt")
    let layers = "embedding: {vocabulary: 4, width: 4}, \(cell): {units: 6, returns: sequence}, dense: {outputs: 4}"
    let carried = try Self.job(small, length: 1, layers: layers, named: "carried.yaml")
    let plain = try Self.job(small, length: 1, layers: layers, training: "carry_state: false", named: "plain.yaml")
    let trained = try [carried, plain].map { job in
      let run = small.path(job == carried ? "carried" : "plain")
      guard case .finished(let report?) = try train(job, run: run, ranks: 2, epochs: 40).outcome else {
        throw CocoaError(.userCancelled)
      }
      return report
    }
    let losses = trained.map(\.loss)
    // Two thirds of the letters are followed by one of two: (2/3) ln 2.
    #expect(losses[0] < 0.1 && losses[1] > 0.45, "\(losses)")
    for ranks in [1, 3] {
      let reports = try InProcessGroup.run(rankCount: ranks) { group in
        try SavedRun(directory: RunDirectory(path: small.path("carried"))).evaluate(on: group, threads: 1)
      }
      #expect(reports[0].loss == losses[0] && reports[0].text == trained[0].text, "\(ranks) ranks")
    }
  }

  @Test("Counts of the training text are a guess to compare with")
  func counts() throws {
    let small = try SmallJob()
    let text = Array(String(repeating: "aab", count: 200))
    try small.write(Array(String(text).utf8), "text.txt")
    let layers = "embedding: {vocabulary: 4, width: 4}, rnn: {units: 6, returns: sequence}, dense: {outputs: 4}"
    let job = try Self.job(small, length: 7, layers: layers)
    guard case .finished(let report?) = try train(job, run: small.path("a"), epochs: 1).outcome else {
      throw CocoaError(.userCancelled)
    }
    // 86 pieces of 7 characters, the last one of 4; 17 of them are the test. The vocabulary has 4 tokens.
    let (training, test) = (1...69 * 7, 69 * 7 + 1...599)
    func count(_ fits: (Int) -> Bool) -> Double { Double(training.count(where: fits)) }
    func unigram(_ next: Character) -> Double { (count { text[$0] == next } + 2.0 / 4) / (Double(training.count) + 2) }
    func bigram(_ before: Character, _ next: Character) -> Double {
      let different = before == "a" ? 2.0 : 1
      let both = count { text[$0] == next && text[$0 - 1] == before }
      return (both + different * unigram(next)) / (count { text[$0 - 1] == before } + different)
    }
    let losses = try #require(report.tokenCountLosses)
    func mean(_ probability: (Int) -> Double) -> Double {
      -test.map { log(probability($0)) }.reduce(0, +) / Double(test.count)
    }
    expectClose(
      losses.prefix(2), [mean { unigram(text[$0]) }, mean { bigram(text[$0 - 1], text[$0]) }], relative: 1e-12)
    #expect(losses.count == 3 && losses[2] < 0.1)
    #expect(report.text.contains("\nfor comparison, always \"a\": accuracy 66."))
    #expect(report.text.contains("\nfor comparison, counts of the training text: loss 0.6"))
  }

  @Test(
    "What cannot be carried is refused at its line",
    arguments: [
      (
        "embedding: {vocabulary: 9, width: 4}, gru: {units: 5, returns: sequence, bidirectional: true}, dense: {outputs: 9}",
        12, "job.yaml:11:50: layer 'gru1': a bidirectional layer also reads from the end of what it is given"
      ),
      (
        "embedding: {vocabulary: 9, width: 4}, dense: {outputs: 9}", 12,
        "a state is to be carried from step to step, and no recurrent layer of the model has one"
      ),
      (
        "embedding: {vocabulary: 9, width: 4}, gru: {units: 5, returns: sequence}, dense: {outputs: 9}", 78,
        "job.yaml:14:10: 144 pieces of a sequence make no 78 streams of at least 2 each, so nothing would be carried on; "
          + "make the batch 72 or less, or the pieces shorter"
      ),
    ])
  func refused(layers: String, batch: Int, message: String) throws {
    let small = try SmallJob()
    try Self.text(small)
    let job = try Self.job(small, layers: layers, batch: batch)
    let error = #expect(throws: InvalidJob.self) { try train(job, run: small.path("a")) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test("Samples that do not go on from one another are refused")
  func noStream() throws {
    let small = try SmallJob()
    let rows = (0..<90).map { "some words of row \($0),\($0 % 2 == 0 ? "x" : "y")" }
    try small.write(Array(("text,label\n" + rows.joined(separator: "\n")).utf8), "texts.csv")
    let layers = "embedding: {vocabulary: 200, width: 4}, gru: {units: 5}, dense: {outputs: 2}"
    let job = try Self.job(small, data: "train: texts.csv\n  text: text", tokens: "word", layers: layers)
    let error = #expect(throws: InvalidJob.self) { try train(job, run: small.path("a")) }
    let text = error?.description ?? ""
    #expect(
      text.contains("job.yaml:17:16: 'carry_state' takes one long text, whose pieces go on from each other"), "\(text)")
  }
}
