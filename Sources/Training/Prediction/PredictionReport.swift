import Foundation

/// What a trained network makes of samples.
package struct PredictionReport: Codable, Sendable {
  package enum Kind: String, Codable, Sendable {
    /// A class for each sample, or for each step of it.
    case classes
    /// Any number of labels for each sample.
    case labels
    /// Numbers, in the data's own units.
    case values
    /// What the decoder of an encoder writes.
    case sequences
    /// What follows a text.
    case continuations
  }

  package struct Row: Codable, Sendable {
    /// What the network was given, where it is a text.
    package var input: String?
    /// A class, the labels, or what was written.
    package var prediction: String?
    /// What is right, where it is known.
    package var truth: String?
    /// Of each class or label, in the order of `classNames`.
    package var probabilities: [Double]?
    /// Predicted numbers, and the right ones where they are known.
    package var values: [Double]?
    package var trueValues: [Double]?
    /// Σ log P of what was written, its end included.
    package var logProbability: Double?
    /// False if the limit of the length was reached before the end.
    package var isEnded: Bool?
    /// The other sequences of the beam, the better first.
    package var alternatives: [Alternative]?
  }

  package struct Alternative: Codable, Sendable {
    package let prediction: String
    package let logProbability: Double
    /// What the beam is ranked by.
    package let score: Double
  }

  /// Over the samples whose truth is known.
  package struct Summary: Codable, Sendable {
    package var samples: Int
    /// The share of right classes, or of sequences that are right as a whole.
    package var exactMatch: Double?
    /// Insertions, deletions and replacements, divided by the tokens of the truth.
    package var tokenErrorRate: Double?
    package var rootMeanSquaredError: Double?
  }

  package let job: String
  package let checkpoint: String
  package let step: Int
  package let kind: Kind
  /// How sequences were written; nil for classes and numbers.
  package let decoding: String?
  /// Of classes or labels.
  package let classNames: [String]?
  /// What the predicted numbers are.
  package let target: String?
  package let rows: [Row]
  /// Nil if no truth is known.
  package let summary: Summary?
  /// What the user should know of the input.
  package let warnings: [String]
}

/// What to predict.
package enum PredictionInput: Hashable, Sendable {
  /// The job's test set.
  case test
  /// A file in the job's format, or a `.txt` file with a text a line.
  case file(String)
  case texts([String])
}

/// How a network that writes is made to.
package struct DecodingSettings: Hashable, Sendable {
  package enum Method: Hashable, Sendable {
    case greedy
    case beam(BeamSearch)
    /// Each token drawn by P^(1/temperature), by the seed.
    case sampling(temperature: Double, seed: UInt64)
  }

  package var method: Method
  /// The most tokens that are written; nil for the job's `target_length`, or 100 behind a text.
  package var lengthLimit: Int?

  package init(_ method: Method = .greedy, lengthLimit: Int? = nil) {
    self.method = method
    self.lengthLimit = lengthLimit
  }

  /// Rows of a sample.
  var width: Int { if case .beam(let search) = method { search.width } else { 1 } }

  var description: String {
    switch method {
    case .greedy: "greedy"
    case .beam(let search): "beam of \(search.width), length penalty \(search.lengthPenalty)"
    case .sampling(let temperature, let seed): "drawn at temperature \(temperature), seed \(seed)"
    }
  }
}
