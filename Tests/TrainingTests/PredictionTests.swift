import Collectives
import Datasets
import Evaluation
import Execution
import Foundation
import Jobs
import ModelGraph
import Models
import TestSupport
import Testing
import Training

/// Saved runs of every shape of sequence, trained, tested and asked for predictions.
@Suite("Predictions")
struct PredictionTests {
  private static let pairsData =
    "format: pairs\ntrain: pairs.tsv\nsource_length: 2\ntarget_length: 4\ntest_fraction: 0.1"

  private static let encoderDecoder = """
    embedding: {vocabulary: 6, width: 8}, gru: {name: encoder, units: 16}, \
    embedding: {vocabulary: 8, width: 8, from: decoder_input}, \
    gru: {units: 16, returns: sequence, state_from: encoder}, dense: {outputs: 8}
    """

  private static func evaluation(_ outcome: RunOutcome) throws -> EvaluationReport {
    guard case .finished(let report?) = outcome else { throw CocoaError(.coderValueNotFound) }
    return report
  }

  private static func saved(_ small: SmallJob) throws -> SavedRun {
    try SavedRun(directory: RunDirectory(path: small.path("a")))
  }

  private static func beam(_ width: Int) -> DecodingSettings {
    DecodingSettings(.beam(BeamSearch(width: width, lengthPenalty: 0.6)))
  }

  @Test("An encoder and its decoder learn pairs; what they write alone is what teacher forcing finds right")
  func pairs() throws {
    let small = try SmallJob()
    try writePairs(small)
    let job = try smallJob(small, Self.pairsData, layers: Self.encoderDecoder, epochs: 40)
    let report = try Self.evaluation(train(job, run: small.path("a"), ranks: 2).outcome)
    let exact = try #require(report.exactMatch)
    #expect(exact > 0.8)
    expectClose([try #require(report.perplexity)], [exp(report.loss)], relative: 1e-12)
    #expect(report.text.contains("sequences right at every step: "))

    let run = try Self.saved(small)
    let greedy = try run.predict(.test, threads: 1)
    #expect(greedy.kind == .sequences && greedy.rows.count == 12 && greedy.decoding == "greedy")
    #expect(greedy.summary?.samples == 12)
    expectClose([greedy.summary?.exactMatch ?? -1], [exact], relative: 1e-12)
    let errors = greedy.rows.reduce(0) { $0 + ($1.prediction == $1.truth ? 0 : 1) }
    #expect((greedy.summary?.tokenErrorRate == 0) == (errors == 0))

    // A beam of one is greedy; a wider one gives the others too, none of them better.
    let one = try run.predict(.test, decoding: Self.beam(1), threads: 1)
    #expect(one.rows.map(\.prediction) == greedy.rows.map(\.prediction))
    #expect(one.rows.map(\.logProbability) == greedy.rows.map(\.logProbability))
    for row in try run.predict(.test, limit: 3, decoding: Self.beam(3), threads: 1).rows {
      let scores = (row.alternatives ?? []).map(\.score)
      #expect(scores.count == 2 && scores[0] >= scores[1])
    }
    // Texts of one's own, in any number, and a limit of the length.
    let texts = try run.predict(.texts(["three one", "two seven"]), threads: 1)
    #expect(texts.rows.map(\.input) == ["three one", "two <unknown>"] && texts.rows[0].prediction == "un trois")
    #expect(texts.warnings == ["'two seven' has tokens that the training texts have not; they are read as <unknown>"])
    let long = try run.predict(.texts(["one two three"]), threads: 1)
    #expect(long.warnings == ["'one two three' has 3 tokens; the network reads the first 2"])
    #expect(texts.summary == nil && texts.rows[0].truth == nil && texts.rows[0].isEnded == true)
    let short = try run.predict(
      .texts(["three one"]), decoding: DecodingSettings(lengthLimit: 1), threads: 1)
    #expect(short.rows[0].prediction == "un" && short.rows[0].isEnded == false)
  }

  /// Two layers of a state, a vector at every step, and a layer between them and the tokens.
  private static let deepDecoder = """
    embedding: {vocabulary: 6, width: 5}, lstm: {name: encoder, units: 7, layers: 2}, \
    repeat: {name: thought, count: 4}, embedding: {name: said, vocabulary: 8, width: 3, from: decoder_input}, \
    concatenate: {name: both, of: [said, thought], dimension: 2}, \
    lstm: {name: decoder, units: 7, layers: 2, returns: sequence, state_from: encoder, from: both}, \
    dense: {outputs: 6, activation: tanh}, dense: {outputs: 8}
    """

  @Test(
    "What is written step by step has the probability that the whole graph gives it",
    arguments: [(encoderDecoder, 1), (encoderDecoder, 3), (deepDecoder, 1), (deepDecoder, 4)])
  func stepsEqualWhole(layers: String, width: Int) throws {
    let small = try SmallJob()
    try writePairs(small)
    let job = try smallJob(small, Self.pairsData, layers: layers, epochs: 2)
    _ = try train(job, run: small.path("a"))
    let run = try Self.saved(small)
    let sources = ["one two", "four three", "two two"]
    let report = try run.predict(.texts(sources), decoding: Self.beam(width), threads: 1)

    // The network as it was trained, on what was written.
    let file = try JobFile(path: small.path("a/job.yaml"))
    let checkpoint = try Checkpoint(decoding: small.newestCheckpoint("a"))
    guard case .pairs(let pairs) = checkpoint.header.encoding,
      case .pairs(_, _, let specification) = file.job.data.source
    else { throw CocoaError(.coderValueNotFound) }
    let shape = SampleShape(fields: [SampleField("input", [2], .int32), SampleField("decoder_input", [4], .int32)])
    let graph = try file.job.modelSpecification(outputs: 8, vocabulary: nil).graph(
      sampleShape: shape, batch: 3, mode: .inference)
    let compiled = try CompiledGraph(graph)
    let store = try ParameterStore(compiled, slotCount: 1, stateCount: 0)
    try checkpoint.restore(to: store, withOptimizer: false)
    let program = try Program(compiled, store, workspace: Arena(byteCount: compiled.workspaceByteCount))
    let buffer = try PairsDataset(texts: sources, specification).source(checkpoint.header.encoding, augmentation: nil)
      .samples([0, 1, 2])
    buffer.withBytes(0, 0..<3) { program.set(program.input("input")!, bytes: $0) }
    let written = report.rows.map { pairs.targetVocabulary.numbers(of: $0.prediction ?? "") }
    let given = written.flatMap { tokens in
      Array(([Vocabulary.start] + tokens + Array(repeating: Vocabulary.padding, count: 4)).prefix(4))
    }
    program.set(program.input("decoder_input")!, given.span)
    try program.run(dropout: DropoutState(seed: 0, step: 0, firstSample: 0))
    let logits = program.withOutput("logits") { span in span.indices.map { Double(span[$0]) } }
    for (sample, tokens) in written.enumerated() {
      let row = report.rows[sample]
      var sum = 0.0
      for (step, token) in (tokens + (row.isEnded == true ? [Vocabulary.end] : [])).enumerated() {
        let scores = Array(logits[(sample * 4 + step) * 8..<(sample * 4 + step + 1) * 8])
        sum += scores[Int(token)] - log(scores.map(exp).reduce(0, +))
        guard width == 1 else { continue }
        // Greedy: the largest of all but padding, unknown and start.
        #expect(scores[3...].allSatisfy { $0 <= scores[Int(token)] })
      }
      expectClose([row.logProbability ?? 0], [sum], relative: 1e-5, "sample \(sample)")
    }
  }

  @Test("A language model goes on with a text: greedily, by a beam, and drawn by the seed")
  func continuation() throws {
    let small = try SmallJob()
    try small.write(Array(String(repeating: "abcd", count: 80).utf8), "text.txt")
    let data = "format: text\ntrain: text.txt\ntokens: character\nsequence_length: 5\ntest_fraction: 0.2"
    let layers = "embedding: {vocabulary: 6, width: 6}, gru: {units: 8, returns: sequence}, dense: {outputs: 6}"
    let job = try smallJob(small, data, layers: layers, epochs: 30)
    let report = try Self.evaluation(train(job, run: small.path("a")).outcome)
    #expect(report.accuracy == 1)
    let run = try Self.saved(small)
    let settings = DecodingSettings(lengthLimit: 7)
    let greedy = try run.predict(.texts(["ab", "d"]), decoding: settings, threads: 1)
    #expect(greedy.kind == .continuations && greedy.rows.map(\.prediction) == ["cdabcda", "abcdabc"])
    let beam = try run.predict(
      .texts(["ab"]), decoding: DecodingSettings(.beam(BeamSearch(width: 3, lengthPenalty: 0)), lengthLimit: 7),
      threads: 1)
    #expect(beam.rows[0].prediction == "cdabcda" && beam.rows[0].alternatives?.count == 2)
    #expect(beam.rows[0].logProbability ?? -1 >= (greedy.rows[0].logProbability ?? 0) - 1e-6)
    func drawn(_ temperature: Double, _ seed: UInt64) throws -> [String?] {
      let settings = DecodingSettings(.sampling(temperature: temperature, seed: seed), lengthLimit: 40)
      return try run.predict(.texts(["ab", "ab"]), decoding: settings, threads: 1).rows.map(\.prediction)
    }
    #expect(try drawn(8, 1) == drawn(8, 1))
    #expect(try drawn(8, 1) != drawn(8, 2))
    #expect(try Set(drawn(8, 1)).count == 2)
    #expect(try drawn(0.05, 3).allSatisfy { $0 == String(repeating: "cdab", count: 10) })
    let other = try run.predict(.texts(["a%"]), decoding: settings, threads: 1)
    #expect(other.warnings == ["'a%' has tokens that the training texts have not; they are read as <unknown>"])
    #expect(try run.predict(.test, limit: 2, decoding: settings, threads: 1).rows.map(\.input).count == 2)
    let error = #expect(throws: TrainingError.self) { try run.predict(.texts([""]), threads: 1) }
    #expect(error?.message == "there is nothing to go on with in ''; give at least one token")
  }

  @Test(
    "A vector becomes a sequence: repeated, through a recurrent layer, with a class at every step", arguments: [1, 2])
  func vectorToSequence(ranks: Int) throws {
    let small = try SmallJob()
    // Class of step t: whether feature t % 2 is above 0, and 2 more where t is 2.
    let features = (0..<96).flatMap { row -> [Float] in [Float(row % 7) - 3.5, Float(row * 5 % 11) - 4.5] }
    let labels = (0..<96).flatMap { row -> [Int32] in
      let (a, b) = (features[2 * row] > 0, features[2 * row + 1] > 0)
      return [a ? 1 : 0, b ? 1 : 0, a ? 3 : 2]
    }
    try small.write(npy("<f4", [96, 2], features), "x.npy")
    try small.write(npy("<i4", [96, 3], labels), "y.npy")
    let data = "format: npy\ntrain: {inputs: x.npy, targets: y.npy}\ntest_fraction: 0.25"
    let layers = "repeat: 3, gru: {units: 12, returns: sequence}, dense: {outputs: 4}"
    let job = try smallJob(small, data, layers: layers, epochs: 60)
    let report = try Self.evaluation(train(job, run: small.path("a"), ranks: ranks).outcome)
    #expect(report.samples == 24 && report.confusion?.total == 72)
    let exact = try #require(report.exactMatch)
    #expect(exact > 0.9 && exact <= report.accuracy ?? 0)
    let run = try Self.saved(small)
    let tested = try run.predict(.test, threads: 1)
    #expect(tested.kind == .classes && tested.rows.allSatisfy { $0.probabilities == nil })
    expectClose([tested.summary?.exactMatch ?? -1], [exact], relative: 1e-12)
    try small.write(npy("<f4", [2, 2], [2.5, -3.5, -1.5, 0.5] as [Float]), "new.npy")
    let new = try run.predict(.file(small.path("new.npy")), threads: 1)
    #expect(new.rows.map(\.prediction) == ["1 0 3", "0 1 2"] && new.summary == nil)
    try small.write(npy("<f4", [1, 2], [2.5, .nan] as [Float]), "nan.npy")
    let nan = #expect(throws: DatasetError.self) { try run.predict(.file(small.path("nan.npy")), threads: 1) }
    #expect(nan?.code == .missingValue && nan?.problem == "element 1 is nan")
    try small.write(npy("<f4", [1, 3], [2.5, 1, 0] as [Float]), "wide.npy")
    let wide = #expect(throws: DatasetError.self) { try run.predict(.file(small.path("wide.npy")), threads: 1) }
    #expect(wide?.code == .otherSize && wide?.problem == "these samples are 3, the training samples 2")
    let error = #expect(throws: TrainingError.self) { try run.predict(.texts(["1 2"]), threads: 1) }
    #expect(
      error?.message.contains("takes no texts, its data are 'npy'; give a file of that format by --input") == true)
    let search = #expect(throws: TrainingError.self) { try run.predict(.test, decoding: Self.beam(2), threads: 1) }
    #expect(search?.message.contains("small writes no sequences, so there is nothing to search or draw") == true)
  }

  @Test("A sequence becomes a vector, and a sequence of numbers another of as many steps")
  func sequenceToVectorAndSequence() throws {
    let small = try SmallJob()
    let series: [Float] = (0..<480).map { Float(sin(Double($0) * 0.9)) }
    try small.write(npy("<f4", [80, 6, 1], series), "x.npy")
    let classes: [Int32] = (0..<80).map { series[$0 * 6..<($0 + 1) * 6].reduce(0, +) > 0 ? 1 : 0 }
    let targets: [Float] = series.map { 30 * $0 + 200 }
    try small.write(npy("<i4", [80], classes), "class.npy")
    try small.write(npy("<f4", [80, 6, 1], targets), "y.npy")
    let last = try smallJob(
      small, "format: npy\ntrain: {inputs: x.npy, targets: class.npy}\ntest_fraction: 0.25",
      layers: "lstm: {units: 8}, dense: {outputs: 2}", epochs: 40)
    let whole = try Self.evaluation(train(last, run: small.path("last")).outcome)
    #expect(try #require(whole.accuracy) > 0.9 && whole.exactMatch == nil && whole.perplexity == nil)
    let each = try smallJob(
      small, "format: npy\ntrain: {inputs: x.npy, targets: y.npy}\ntest_fraction: 0.25",
      layers: "lstm: {units: 8, returns: sequence}, dense: {outputs: 1}", loss: "mean-squared-error", epochs: 40)
    let numbers = try Self.evaluation(train(each, run: small.path("a")).outcome)
    let error = try #require(numbers.regression?.rootMeanSquaredError)
    #expect(try error < #require(numbers.regression?.baselineRootMeanSquaredError) / 3)
    let predicted = try Self.saved(small).predict(.test, threads: 1)
    #expect(predicted.rows.count == 20 && predicted.rows.allSatisfy { $0.values?.count == 6 })
    expectClose([predicted.summary?.rootMeanSquaredError ?? -1], [error], relative: 1e-5)
    #expect(predicted.rows.allSatisfy { ($0.trueValues ?? []).allSatisfy { (169...231).contains($0) } })
  }

  @Test("Texts with a class each: by option, by line, by table, the last without labels")
  func textClasses() throws {
    let small = try SmallJob()
    let rows = (0..<60).map { row in
      row % 3 == 0 ? "stay,\"keep \(row % 5) here\"" : "go,\"off \(row % 4) now\""
    }
    try small.write(Array(("label,text\n" + rows.joined(separator: "\n") + "\n").utf8), "texts.csv")
    let data = "format: text\ntrain: texts.csv\ntext: text\nlabel: label\nsequence_length: 4\ntest_fraction: 0.2"
    let layers = "embedding: {vocabulary: 11, width: 6}, rnn: {units: 8}, dense: {outputs: 2}"
    let job = try smallJob(small, data, layers: layers, epochs: 20)
    let accuracy = try #require(Self.evaluation(train(job, run: small.path("a")).outcome).accuracy)
    let run = try Self.saved(small)
    expectClose([try run.predict(.test, threads: 1).summary?.exactMatch ?? -1], [accuracy], relative: 1e-12)
    let texts = ["off 2 now", "keep 3 here", "keep it 3 here then"]
    try small.write(Array(texts.joined(separator: "\n").utf8), "lines.txt")
    try small.write(Array(("text\n" + texts.joined(separator: "\n")).utf8), "new.csv")
    for input in [
      PredictionInput.texts(texts), .file(small.path("lines.txt")), .file(small.path("new.csv")),
    ] {
      let report = try run.predict(input, threads: 1)
      #expect(report.classNames == ["go", "stay"] && report.summary == nil)
      #expect(report.rows.map(\.prediction) == ["go", "stay", "stay"], "\(input)")
      #expect(report.rows.allSatisfy { abs(($0.probabilities ?? []).reduce(0, +) - 1) < 1e-9 })
      guard input != .file(small.path("new.csv")) else { continue }
      #expect(report.rows.map(\.input) == texts)
      #expect(
        report.warnings == [
          "'keep it 3 here then' has tokens that the training texts have not; they are read as <unknown>",
          "'keep it 3 here then' has 5 tokens; the network reads the first 4",
        ])
    }
    #expect(try run.predict(.texts(texts), limit: 2, threads: 1).rows.count == 2)
  }

  @Test("Labels of a row that may have none, one or both; and two classes of one output")
  func labels() throws {
    let small = try SmallJob()
    let rows = (0..<96).map { row in
      let (a, b) = (Double(row % 7) - 3.2, Double(row * 5 % 11) - 4.7)
      return "\(a),\(b),\(a > 0 ? 1 : 0),\(b > 0 ? 1 : 0),\(a > 0 ? "yes" : "no")"
    }
    try small.write(Array(("a,b,p,q,r\n" + rows.joined(separator: "\n") + "\n").utf8), "table.csv")
    let both = "format: csv\ntrain: table.csv\ntarget: [p, q]\ncolumns: [a, b]\ntest_fraction: 0.25"
    let layers = "dense: {outputs: 6, activation: tanh}, dense: {outputs: "
    let job = try smallJob(small, both, layers: layers + "2}", loss: "binary-cross-entropy", epochs: 60)
    let report = try Self.evaluation(train(job, run: small.path("a")).outcome)
    let tested = try Self.saved(small).predict(.test, threads: 1)
    #expect(tested.kind == .labels && tested.classNames == ["p", "q"] && tested.rows.count == 24)
    expectClose([tested.summary?.exactMatch ?? -1], [try #require(report.accuracy)], relative: 1e-12)
    try small.write(Array("b,a\n-3,2\n4,-2\n3,2.5\n-3.5,-2\n".utf8), "new.csv")
    let new = try Self.saved(small).predict(.file(small.path("new.csv")), threads: 1)
    #expect(new.rows.map(\.prediction) == ["p", "q", "p, q", ""] && new.summary == nil)
    #expect(
      new.rows.map { ($0.probabilities ?? []).map { $0 >= 0.5 } } == [
        [true, false], [false, true], [true, true], [false, false],
      ])
    try small.write(Array("a,b,p,q\n2,-3,1,\n-2,4,1,1\n".utf8), "some.csv")
    let some = try Self.saved(small).predict(.file(small.path("some.csv")), threads: 1)
    #expect(some.rows.map(\.truth) == ["p", "p, q"] && some.summary?.exactMatch == 0.5)

    let classes = "format: csv\ntrain: table.csv\ntarget: r\ncolumns: [a, b]\ntest_fraction: 0.25"
    let single = try smallJob(small, classes, layers: layers + "1}", loss: "binary-cross-entropy", epochs: 40)
    _ = try train(single, run: small.path("single"))
    let run = try SavedRun(directory: RunDirectory(path: small.path("single")))
    let one = try run.predict(.file(small.path("new.csv")), threads: 1)
    #expect(one.kind == .classes && one.rows.map(\.prediction) == ["yes", "no", "yes", "no"])
    for row in one.rows {
      let probabilities = try #require(row.probabilities)
      expectClose([probabilities.reduce(0, +)], [1], relative: 1e-12)
      #expect((probabilities[1] >= 0.5) == (row.prediction == "yes"))
    }
  }

  @Test("A look at ReLUs behind a carried state leaves the same weights and sees the same on any ranks")
  func looksWithCarriedStates() throws {
    let small = try SmallJob()
    try small.write(Array(String(repeating: "abcd", count: 80).utf8), "text.txt")
    let data = "format: text\ntrain: text.txt\ntokens: character\nsequence_length: 5\ntest_fraction: 0.2"
    let layers =
      "embedding: {vocabulary: 6, width: 6}, gru: {units: 8, returns: sequence}, dense: {outputs: 7, activation: relu}, "
      + "dense: {outputs: 6}"
    let job = try smallJob(small, data, layers: layers, epochs: 3, carriesState: true)
    for ranks in 1...3 { _ = try train(job, run: small.path("\(ranks)"), ranks: ranks) }
    let looks = try (1...3).map { ranks in
      try small.records("\(ranks)", "health").map {
        try JSONSerialization.data(withJSONObject: $0, options: .sortedKeys)
      }
    }
    #expect(!looks[0].isEmpty && looks[0] == looks[1] && looks[0] == looks[2])
    #expect(try small.newestCheckpoint("1") == small.newestCheckpoint("2"))
    #expect(try small.newestCheckpoint("1") == small.newestCheckpoint("3"))
  }

  @Test("A model whose decoder looks at the whole sequence is refused at its layer")
  func wholeSequence() throws {
    let small = try SmallJob()
    try writePairs(small)
    let layers = """
      embedding: {vocabulary: 6, width: 8}, gru: {name: encoder, units: 6, bidirectional: true}, \
      embedding: {vocabulary: 8, width: 8, from: decoder_input}, \
      gru: {units: 6, bidirectional: true, returns: sequence, state_from: encoder}, dense: {outputs: 8}
      """
    let job = try smallJob(small, Self.pairsData, layers: layers, epochs: 1)
    _ = try train(job, run: small.path("a"))
    let error = #expect(throws: InvalidJob.self) { try Self.saved(small).predict(.test, threads: 1) }
    #expect(error?.description.contains("layer 'gru1': it looks at more than one step of what is written") == true)
  }
}
