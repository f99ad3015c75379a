/// How often each of several labels was found where a sample may have none, one or many of them (multi-label).
///
/// A label is predicted where its probability is at least `threshold`. Counts are integers, so merging is exact in any
/// order: ranks may sum `counts` as flat arrays. A measure that is 0/0 is nil, never 0 and never NaN.
package struct LabelMeasures: Hashable, Sendable {
  /// How one label's answers turned out, or those of several labels together.
  package struct Outcomes: Hashable, Sendable {
    package let truePositives: Int64
    package let falsePositives: Int64
    package let falseNegatives: Int64
    package let trueNegatives: Int64

    /// Answers that should be yes.
    package var support: Int64 { truePositives + falseNegatives }
    /// TP / (TP + FP)
    package var precision: Double? { ratio(truePositives, truePositives + falsePositives) }
    /// TP / (TP + FN)
    package var recall: Double? { ratio(truePositives, support) }
    /// TN / (TN + FP)
    package var specificity: Double? { ratio(trueNegatives, trueNegatives + falsePositives) }
    /// 2 TP / (2 TP + FP + FN)
    package var f1: Double? { ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives) }
  }

  package let labelCount: Int
  /// Between 0 and 1.
  package let threshold: Double
  /// TP, FP, FN and TN of each label, then how many samples there were, and of how many every label was right.
  package private(set) var counts: [Int64]

  package init(labelCount: Int, threshold: Double = 0.5) {
    self.init(labelCount: labelCount, threshold: threshold, counts: Array(repeating: 0, count: 4 * labelCount + 2))
  }

  /// - Parameter counts: as `counts` of another one, or a sum of such.
  package init(labelCount: Int, threshold: Double, counts: [Int64]) {
    precondition(labelCount > 0 && counts.count == 4 * labelCount + 2, "four counts a label, and two of samples")
    precondition(counts.allSatisfy { $0 >= 0 }, "counts are 0 or more")
    precondition(threshold > 0 && threshold < 1, "a threshold lies between 0 and 1")
    self.labelCount = labelCount
    self.threshold = threshold
    self.counts = counts
  }

  /// Takes one sample.
  ///
  /// - Parameters:
  ///   - truth: for each label whether the sample has it; nil for one that is left out.
  ///   - predicted: for each label whether its probability is at least the threshold.
  package mutating func add(truth: [Bool?], predicted: [Bool]) {
    precondition(truth.count == labelCount && predicted.count == labelCount, "there are \(labelCount) labels")
    guard truth.contains(where: { $0 != nil }) else { return }
    var isRight = true
    for (label, answer) in truth.enumerated() {
      guard let answer else { continue }
      counts[4 * label + (answer ? (predicted[label] ? 0 : 2) : (predicted[label] ? 1 : 3))] += 1
      if answer != predicted[label] { isRight = false }
    }
    counts[4 * labelCount] += 1
    if isRight { counts[4 * labelCount + 1] += 1 }
  }

  package mutating func merge(_ other: LabelMeasures) {
    precondition(
      other.labelCount == labelCount && other.threshold == threshold, "measures of other labels or another threshold")
    for index in counts.indices { counts[index] += other.counts[index] }
  }
}

extension LabelMeasures {
  /// Samples with at least one label that is not left out.
  package var samples: Int64 { counts[4 * labelCount] }

  /// Answers to all labels together.
  package var answers: Int64 { counts[..<(4 * labelCount)].reduce(0, +) }

  package subscript(label: Int) -> Outcomes {
    precondition(0..<labelCount ~= label, "labels are 0..<\(labelCount)")
    return Outcomes(
      truePositives: counts[4 * label], falsePositives: counts[4 * label + 1], falseNegatives: counts[4 * label + 2],
      trueNegatives: counts[4 * label + 3])
  }

  /// The answers to all labels counted together: a micro average is a measure of these.
  package var together: Outcomes {
    let sums = (0..<4).map { place in (0..<labelCount).reduce(0) { $0 + counts[4 * $1 + place] } }
    return Outcomes(truePositives: sums[0], falsePositives: sums[1], falseNegatives: sums[2], trueNegatives: sums[3])
  }

  /// The plain mean of a measure over the labels; nil if it is undefined for any of them, as in `ConfusionMatrix`.
  package func macro(_ measure: (Outcomes) -> Double?) -> Double? {
    let values = (0..<labelCount).compactMap { measure(self[$0]) }
    return values.count == labelCount ? values.reduce(0, +) / Double(labelCount) : nil
  }

  /// The share of samples of which every label is right.
  package var subsetAccuracy: Double? { ratio(counts[4 * labelCount + 1], samples) }

  /// The share of answers that are wrong.
  package var hammingLoss: Double? {
    let together = together
    return ratio(together.falsePositives + together.falseNegatives, answers)
  }

  /// One line a label: precision, recall, specificity, F1 and support; then their micro and macro averages.
  package func table(names: [String]) -> String {
    precondition(names.count == labelCount, "\(labelCount) labels, but \(names.count) names")
    var table = MeasureTable(head: "label", names: names + ["micro average", "macro average"])
    for (label, name) in names.enumerated() {
      let own = self[label]
      table.append(name, [own.precision, own.recall, own.specificity, own.f1], support: own.support)
    }
    let all = together
    table.append("micro average", [all.precision, all.recall, all.specificity, all.f1], support: all.support)
    let means = [macro(\.precision), macro(\.recall), macro(\.specificity), macro(\.f1)]
    table.append("macro average", means, support: all.support)
    return table.text
  }
}

private func ratio(_ part: Int64, _ whole: Int64) -> Double? { whole == 0 ? nil : Double(part) / Double(whole) }
