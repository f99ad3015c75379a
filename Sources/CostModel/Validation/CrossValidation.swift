import Dispatch
import Synchronization

/// Predicts every run by a calibration that has not seen it, nor anything like it.
package struct CrossValidation: Sendable {
  package enum Folds: Sendable {
    /// Whole clusters (source × model × platform, and rows of one duplicate group) are left out together, in this many
    /// rounds.
    case clusters(Int)
    /// Each source is left out once.
    case sources
  }

  /// Errors of predictions, as fractions.
  package struct Errors: Hashable, Sendable, Codable {
    package var rows: Int
    /// Mean of |predicted / published − 1|.
    package var mape: Double
    package var median: Double
    package var p95: Double
    /// Average over sources of the median of |ln(predicted / published)|.
    package var macroMedian: Double
    /// Share of rows within their 90 % interval.
    package var coverage: Double

    enum CodingKeys: String, CodingKey {
      case rows, mape, median, p95, coverage
      case macroMedian = "macro_median"
    }

    package init(_ rows: [(row: Validation.Row, source: String)]) {
      let errors = rows.map { abs($0.row.predicted / $0.row.published - 1) }.sorted()
      var bySource: [String: [Double]] = [:]
      for (row, source) in rows { bySource[source, default: []].append(abs(log(row.predicted / row.published))) }
      self.rows = rows.count
      let count = Double(max(1, rows.count))
      mape = errors.reduce(0, +) / count
      median = Self.quantile(errors, 0.5)
      p95 = Self.quantile(errors, 0.95)
      // Sorted: sums must not depend on the order that a dictionary happens to have.
      let medians = bySource.values.map { Self.quantile($0.sorted(), 0.5) }.sorted()
      macroMedian = medians.reduce(0, +) / Double(max(1, medians.count))
      coverage = Double(rows.filter { $0.row.low <= $0.row.published && $0.row.published <= $0.row.high }.count) / count
    }

    /// Of sorted values, between neighbours in proportion.
    static func quantile(_ sorted: [Double], _ share: Double) -> Double {
      guard let last = sorted.last else { return 0 }
      let position = share * Double(sorted.count - 1)
      let index = Int(position)
      guard index + 1 < sorted.count else { return last }
      return sorted[index] + (position - Double(index)) * (sorted[index + 1] - sorted[index])
    }
  }

  package let rows: [Validation.Row]
  /// |log error| over the estimated deviation, for each row.
  package let standardised: [Double]

  /// - Parameters:
  ///   - start: constants that each fit begins with; those fitted to all runs if nil. A fit moves them to what the runs
  ///     of its round say, in `iterations` steps.
  ///   - intervalFactor: of the intervals; that of the shipped calibration if nil.
  package init(
    _ steps: [RunStep], folds: Folds, from start: Constants? = nil, iterations: Int = 4, intervalFactor: Double? = nil
  ) {
    let start = start ?? Calibration(fitting: steps).constants
    let intervalFactor = intervalFactor ?? (try? Calibration.shipped().intervalFactor) ?? 1.645
    let labels = Self.labels(steps, folds)
    let rounds = Set(labels).sorted()
    let found = Mutex<[Int: Calibration.Prediction]>([:])
    DispatchQueue.concurrentPerform(iterations: rounds.count) { position in
      let round = rounds[position]
      let training = steps.indices.filter { labels[$0] != round }.map { steps[$0] }
      let calibration = Calibration(
        fitting: training, from: start, iterations: iterations, intervalFactor: intervalFactor)
      for index in steps.indices where labels[index] == round {
        let prediction = calibration.predict(steps[index])
        found.withLock { $0[index] = prediction }
      }
    }
    let predicted = found.withLock { $0 }
    var rows: [Validation.Row] = []
    var standardised: [Double] = []
    for (index, step) in steps.enumerated() {
      guard let prediction = predicted[index] else { continue }
      rows.append(
        Validation.Row(
          id: step.run.id, published: step.published, predicted: prediction.seconds, low: prediction.low,
          high: prediction.high))
      standardised.append(abs(log(prediction.seconds / step.published)) / prediction.effect.deviation)
    }
    self.rows = rows
    self.standardised = standardised
  }

  /// The factor of an interval that 90 % of left-out runs would have lain in.
  package var intervalFactor: Double { Errors.quantile(standardised.sorted(), 0.9) }

  private static func labels(_ steps: [RunStep], _ folds: Folds) -> [Int] {
    switch folds {
    case .sources:
      var known: [String: Int] = [:]
      return steps.map { step in
        let next = known.count
        return known[step.run.source]
          ?? {
            known[step.run.source] = next; return next
          }()
      }
    case .clusters(let count):
      // Clusters that share a duplicate group are one.
      var parent = Array(steps.indices)
      func root(_ index: Int) -> Int { parent[index] == index ? index : root(parent[index]) }
      var first: [String: Int] = [:]
      for (index, step) in steps.enumerated() {
        for key in ["c|" + step.run.cluster, step.run.duplicateGroup.map { "d|" + $0 }].compactMap({ $0 }) {
          if let other = first[key] { parent[root(index)] = root(other) } else { first[key] = index }
        }
      }
      var position: [Int: Int] = [:]
      return steps.indices.map { index in
        let group = root(index)
        let number = position[group] ?? position.count
        position[group] = number
        return number % count
      }
    }
  }
}
