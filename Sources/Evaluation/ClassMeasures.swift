/// How often a class was found: the whole confusion matrix, or for very many classes (the words of a vocabulary) how
/// many were right.
package struct ClassMeasures: Hashable, Codable, Sendable {
  /// The most classes that a matrix is kept for: its counts take 8 MB.
  package static let largestMatrix = 1000

  package let classCount: Int
  /// Nil for more than `largestMatrix` classes.
  package private(set) var confusion: ConfusionMatrix?
  package private(set) var correct: Int64 = 0
  package private(set) var total: Int64 = 0
  /// Sequences that were right at every step, and all of them; 0 of 0 where samples have one class each.
  package private(set) var exactSequences: Int64 = 0
  package private(set) var sequences: Int64 = 0

  package init(classCount: Int) {
    self.classCount = classCount
    confusion = classCount <= Self.largestMatrix ? ConfusionMatrix(classCount: classCount) : nil
  }

  package mutating func add(true trueClass: Int, predicted predictedClass: Int) {
    confusion?.add(true: trueClass, predicted: predictedClass)
    total += 1
    if trueClass == predictedClass { correct += 1 }
  }

  /// Counts a sequence, whose steps are counted by `add(true:predicted:)`.
  package mutating func addSequence(isExact: Bool) {
    sequences += 1
    if isExact { exactSequences += 1 }
  }

  /// Every count in one array, for a sum over ranks.
  package var counts: [Int64] { [correct, total, exactSequences, sequences] + (confusion?.counts ?? []) }

  /// - Parameter counts: as `counts` of another one, or a sum of such.
  package init(classCount: Int, counts: [Int64]) {
    self.init(classCount: classCount)
    correct = counts[0]
    total = counts[1]
    exactSequences = counts[2]
    sequences = counts[3]
    if confusion != nil { confusion = ConfusionMatrix(classCount: classCount, counts: Array(counts[4...])) }
  }

  /// correct / total
  package var accuracy: Double? { total == 0 ? nil : Double(correct) / Double(total) }

  /// exactSequences / sequences. Where the truth is given step by step (teacher forcing) this is what greedy decoding
  /// gets right too: as long as every step was right it is given the same.
  package var exactMatch: Double? { sequences == 0 ? nil : Double(exactSequences) / Double(sequences) }
}
