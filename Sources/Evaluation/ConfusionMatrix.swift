/// How often each class was taken for each other one.
///
/// Counts are integers, so merging is exact in any order: ranks may sum their matrices as flat arrays. A measure that
/// is 0/0 (the precision of a class that was never predicted) is nil, never 0 and never NaN.
package struct ConfusionMatrix: Hashable, Codable, Sendable {
  package let classCount: Int
  /// classCount × classCount, row after row: row = true class, column = predicted class.
  package private(set) var counts: [Int64]

  package init(classCount: Int) {
    precondition(classCount > 0, "there is at least one class")
    self.classCount = classCount
    counts = Array(repeating: 0, count: classCount * classCount)
  }

  /// The matrix with these counts, row after row, as `counts` of another one or a sum of such.
  package init(classCount: Int, counts: [Int64]) {
    precondition(classCount > 0 && counts.count == classCount * classCount, "a matrix is classCount × classCount")
    precondition(counts.allSatisfy { $0 >= 0 }, "counts are 0 or more")
    self.classCount = classCount
    self.counts = counts
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let classCount = try container.decode(Int.self, forKey: .classCount)
    let counts = try container.decode([Int64].self, forKey: .counts)
    let (cells, overflow) = classCount.multipliedReportingOverflow(by: classCount)
    guard classCount > 0, !overflow, counts.count == cells, counts.allSatisfy({ $0 >= 0 }) else {
      throw DecodingError.dataCorruptedError(
        forKey: .counts, in: container,
        debugDescription: "\(counts.count) counts for \(classCount) classes: need classes × classes, each 0 or more")
    }
    self.init(classCount: classCount, counts: counts)
  }

  package subscript(true trueClass: Int, predicted predictedClass: Int) -> Int64 {
    precondition(0..<classCount ~= trueClass && 0..<classCount ~= predictedClass, "classes are 0..<\(classCount)")
    return counts[trueClass * classCount + predictedClass]
  }

  package mutating func add(true trueClass: Int, predicted predictedClass: Int, count: Int64 = 1) {
    precondition(0..<classCount ~= trueClass && 0..<classCount ~= predictedClass, "classes are 0..<\(classCount)")
    precondition(count >= 0, "counts are 0 or more")
    counts[trueClass * classCount + predictedClass] += count
  }

  package mutating func merge(_ other: ConfusionMatrix) {
    precondition(other.classCount == classCount, "matrices of \(classCount) and \(other.classCount) classes")
    for index in counts.indices { counts[index] += other.counts[index] }
  }
}

extension ConfusionMatrix {
  package var total: Int64 { counts.reduce(0, +) }

  /// Samples on the diagonal.
  package var correct: Int64 { (0..<classCount).reduce(0) { $0 + self[true: $1, predicted: $1] } }

  /// correct / total
  package var accuracy: Double? { ratio(correct, total) }

  /// Samples whose true class is `index`.
  package func support(_ index: Int) -> Int64 {
    (0..<classCount).reduce(0) { $0 + self[true: index, predicted: $1] }
  }

  /// Samples whose predicted class is `index`.
  package func predictedCount(_ index: Int) -> Int64 {
    (0..<classCount).reduce(0) { $0 + self[true: $1, predicted: index] }
  }

  /// TP / (TP + FP)
  package func precision(_ index: Int) -> Double? {
    ratio(self[true: index, predicted: index], predictedCount(index))
  }

  /// TP / (TP + FN)
  package func recall(_ index: Int) -> Double? { ratio(self[true: index, predicted: index], support(index)) }

  /// TN / (TN + FP)
  package func specificity(_ index: Int) -> Double? {
    let negatives = total - support(index)
    return ratio(negatives - (predictedCount(index) - self[true: index, predicted: index]), negatives)
  }

  /// 2 TP / (2 TP + FP + FN)
  package func f1(_ index: Int) -> Double? {
    ratio(2 * self[true: index, predicted: index], predictedCount(index) + support(index))
  }

  // Macro averages: the plain mean over the classes; nil if it is undefined for any of them, because a mean over the
  // rest would reward a model that never predicts a class.
  package var macroPrecision: Double? { mean(precision) }
  package var macroRecall: Double? { mean(recall) }
  package var macroSpecificity: Double? { mean(specificity) }
  package var macroF1: Double? { mean(f1) }

  private func ratio(_ part: Int64, _ whole: Int64) -> Double? { whole == 0 ? nil : Double(part) / Double(whole) }

  private func mean(_ measure: (Int) -> Double?) -> Double? {
    let values = (0..<classCount).compactMap(measure)
    return values.count == classCount ? values.reduce(0, +) / Double(classCount) : nil
  }
}
