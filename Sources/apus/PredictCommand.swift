import ArgumentParser
import Foundation
import Training

struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "What a trained network makes of samples: classes, numbers, or what it writes.",
    discussion: """
      A classifier tells the class, or the labels, and the probability of each; a regression the numbers, in the data's own units; an \
      encoder with a decoder writes until its mark of the end; a language model goes on with a text. Sequences are written \
      greedily, by beam search, or drawn.

      Samples are the job's test set, or those of --input: a file in the job's format (of idx and npy the inputs alone, of \
      image folders also a single image), whose column of targets may be missing, or where samples are texts a .txt file \
      with one a line. Vocabulary, statistics and categories are in the checkpoint; the training data are not needed.

      A beam is ranked by log P(Y) / ((5 + |Y|)^A / 6^A), A being the length penalty (Wu et al. 2016, equation 14).

      Examples:
        apus predict runs/lenet5-fashion-mnist --samples 10
        apus predict runs/mlp-penguins --input new-penguins.csv --json
        apus predict runs/gru-pronunciation --text nightingale --text swift --beam 4
        apus predict runs/gru-next-character --text "You may " --length 200 --temperature 0.7 --seed 3
      """)

  @Argument(help: ArgumentHelp("The run's directory.", valueName: "run"))
  var directory: String

  @Option(help: "Samples from another file than the job's test set.")
  var input: String?

  @Option(help: "A text as a sample; may be given several times.")
  var text: [String] = []

  @Option(help: "The most samples, from the first; default: all.")
  var samples: Int?

  @Flag(help: "Write the most probable token at each step: the default.")
  var greedy = false

  @Option(help: "Keep this many beginnings of each sequence, and write the best.")
  var beam: Int?

  @Option(help: "What a beam makes up for a sequence's length; 0: nothing. Default: 0.6.")
  var lengthPenalty: Double?

  @Option(help: "Draw each token by P^(1/T): below 1 the probable ones more often.")
  var temperature: Double?

  @Option(help: "Of what is drawn; default: 1.")
  var seed: UInt64?

  @Option(help: "The most tokens to write; default: the job's target_length, or 100 behind a text.")
  var length: Int?

  @Option(help: "Another checkpoint file of the run.")
  var checkpoint: String?

  @Option(help: "Cores to use; default: all.")
  var threads: Int?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads \(threads): use at least one core") }
    if let samples, samples < 1 { throw ValidationError("--samples \(samples): predict at least one") }
    if let beam, !(1...1000).contains(beam) {
      throw ValidationError("--beam \(beam): keep 1 to 1000 sequences; 1 is greedy")
    }
    if let length, !(1...1_000_000).contains(length) {
      throw ValidationError("--length \(length): write 1 to 1000000 tokens")
    }
    if let temperature, !(temperature > 0 && temperature.isFinite) {
      throw ValidationError("--temperature \(temperature): it is above 0; for the most probable tokens use --greedy")
    }
    if let lengthPenalty, !(0...10).contains(lengthPenalty) {
      throw ValidationError("--length-penalty \(lengthPenalty) is not in 0 … 10")
    }
    if lengthPenalty != nil, beam == nil { throw ValidationError("--length-penalty ranks a beam; add --beam 4") }
    if seed != nil, temperature == nil { throw ValidationError("--seed is of what is drawn; add --temperature 1") }
    let ways = [greedy ? "--greedy" : nil, beam.map { _ in "--beam" }, temperature.map { _ in "--temperature" }]
      .compactMap(\.self)
    if ways.count > 1 { throw ValidationError("\(ways.joined(separator: " and ")): give one of them") }
    if input != nil, !text.isEmpty { throw ValidationError("--input and --text: give one of them") }
  }

  func run() throws {
    // Samples are not dealt out: under mpirun the first process predicts.
    guard Ranks.isFirst else { return }
    let run = try SavedRun(directory: RunDirectory(path: directory), checkpoint: checkpoint)
    for damaged in run.passedOver { Console.complain("warning: passed over a damaged checkpoint: \(damaged)") }
    let samples: PredictionInput = input.map { .file($0) } ?? (text.isEmpty ? .test : .texts(text))
    let report = try run.predict(
      samples, limit: self.samples, decoding: decoding, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount
    )
    let shown = 5
    for warning in report.warnings.prefix(shown) { Console.complain("warning: \(warning)") }
    if report.warnings.count > shown { Console.complain("warning: and \(report.warnings.count - shown) like these") }
    Console.print(json ? try JSONOutput.text(report) : PredictionText(report).text)
  }

  /// Nil if nothing was said of it.
  private var decoding: DecodingSettings? {
    guard greedy || beam != nil || temperature != nil || length != nil else { return nil }
    if let beam {
      return DecodingSettings(.beam(BeamSearch(width: beam, lengthPenalty: lengthPenalty ?? 0.6)), lengthLimit: length)
    }
    if let temperature {
      return DecodingSettings(.sampling(temperature: temperature, seed: seed ?? 1), lengthLimit: length)
    }
    return DecodingSettings(.greedy, lengthLimit: length)
  }
}
