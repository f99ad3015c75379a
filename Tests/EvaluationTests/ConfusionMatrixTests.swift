import Evaluation
import Foundation
import TestSupport
import Testing

@Suite struct ConfusionMatrixTests {
  /// 2 samples of the first class, 5 of the second, 5 of the third, whatever was predicted.
  @Test func aConstantGuessKnowsTheSharesOfTheTrueClassesOnly() throws {
    let matrix = ConfusionMatrix(classCount: 4, counts: [0, 2, 0, 0, 3, 1, 0, 1, 0, 0, 5, 0, 0, 0, 0, 0])
    let guess = try #require(matrix.constantGuess)
    #expect(guess.mostFrequent == 1 && guess.accuracy == 5.0 / 12)
    expectClose([guess.crossEntropy], [-(2.0 / 12) * log(2.0 / 12) - (10.0 / 12) * log(5.0 / 12)], relative: 1e-14)
    #expect(ConfusionMatrix(classCount: 2).constantGuess == nil)
  }

  /// Class 0: 5 right, 1 taken for 1, 2 for 2. Class 1: 3 for 0, 4 right. Class 2: 1 for 1, 9 right. Together 25.
  static let matrix = ConfusionMatrix(classCount: 3, counts: [5, 1, 2, 3, 4, 0, 0, 1, 9])

  @Test func rowsAreTrueClassesAndColumnsPredictedOnes() {
    var matrix = ConfusionMatrix(classCount: 3)
    matrix.add(true: 0, predicted: 2)
    matrix.add(true: 0, predicted: 2, count: 4)
    matrix.add(true: 1, predicted: 0)
    #expect(matrix.counts == [0, 0, 5, 1, 0, 0, 0, 0, 0])
    #expect(matrix[true: 0, predicted: 2] == 5 && matrix[true: 2, predicted: 0] == 0)
  }

  @Test func measuresAreThoseWorkedOutByHand() {
    let matrix = Self.matrix
    #expect(matrix.total == 25 && matrix.correct == 18 && matrix.accuracy == 0.72)
    #expect((0..<3).map(matrix.support) == [8, 7, 10])
    #expect((0..<3).map(matrix.predictedCount) == [8, 6, 11])
    let precision: [Double] = [5.0 / 8, 4.0 / 6, 9.0 / 11]
    #expect((0..<3).map(matrix.precision) == precision)
    let recall: [Double] = [5.0 / 8, 4.0 / 7, 9.0 / 10]
    #expect((0..<3).map(matrix.recall) == recall)
    let specificity: [Double] = [14.0 / 17, 16.0 / 18, 13.0 / 15]
    #expect((0..<3).map(matrix.specificity) == specificity)
    let f1: [Double] = [10.0 / 16, 8.0 / 13, 18.0 / 21]
    #expect((0..<3).map(matrix.f1) == f1)
  }

  @Test func macroAveragesWeighEachClassAlike() throws {
    let averages = [
      try #require(Self.matrix.macroPrecision), try #require(Self.matrix.macroRecall),
      try #require(Self.matrix.macroSpecificity), try #require(Self.matrix.macroF1),
    ]
    expectClose(
      averages, [0.7032828282828283, 0.6988095238095238, 0.8596949891067539, 0.6991758241758242], relative: 1e-15)
  }

  @Test func whatIsUndefinedIsNilAndNotZero() {
    #expect(ConfusionMatrix(classCount: 2).accuracy == nil)
    // Class 1 is never predicted, class 2 never true.
    let matrix = ConfusionMatrix(classCount: 3, counts: [4, 0, 1, 2, 0, 0, 0, 0, 0])
    #expect(matrix.precision(1) == nil && matrix.recall(1) == 0 && matrix.f1(1) == 0)
    #expect(matrix.recall(2) == nil && matrix.precision(2) == 0)
    #expect(matrix.macroPrecision == nil && matrix.macroRecall == nil && matrix.macroF1 != nil)
    let one = ConfusionMatrix(classCount: 2, counts: [3, 0, 0, 0])
    #expect(one.specificity(0) == nil && one.specificity(1) == 1 && one.f1(1) == nil && one.macroF1 == nil)
  }

  @Test func mergingAddsCounts() {
    var matrix = Self.matrix
    matrix.merge(ConfusionMatrix(classCount: 3, counts: [10, 20, 30, 40, 50, 60, 70, 80, 90]))
    #expect(matrix.counts == [15, 21, 32, 43, 54, 60, 70, 81, 99])
  }

  @Test func codesBackAndForthAndRefusesAWrongShape() throws {
    let data = try JSONEncoder().encode(Self.matrix)
    #expect(try JSONDecoder().decode(ConfusionMatrix.self, from: data) == Self.matrix)
    for text in [
      #"{"classCount":2,"counts":[1,2,3]}"#, #"{"classCount":0,"counts":[]}"#, #"{"classCount":1,"counts":[-1]}"#,
    ] {
      #expect(throws: DecodingError.self) { try JSONDecoder().decode(ConfusionMatrix.self, from: Data(text.utf8)) }
    }
  }

  @Test func tableIsAlignedWithRecallAndPrecisionAtItsEdges() {
    let matrix = ConfusionMatrix(classCount: 3, counts: [5, 0, 2, 3, 0, 0, 0, 0, 12345])
    #expect(
      matrix.table(classNames: ["cat", "hippopotamus", "T-shirt/top"]) == """
        true \\ pred.      cat hippopo. T-shirt.   recall
        cat                 5        0        2   71.4 %
        hippopotamus        3        0        0    0.0 %
        T-shirt/top         0        0    12345  100.0 %
        precision      62.5 %        –  100.0 %  100.0 %
        """)
  }

  @Test func headingsThatWouldBeEqualAreNumbered() {
    let table = ConfusionMatrix(classCount: 3).table(classNames: ["Ankle boots", "Ankle bones", "Bag"])
    #expect(table.split(separator: "\n")[0] == "true \\ pred.       #0       #1      Bag   recall")
  }

  @Test func tenClassesFitIn120Columns() {
    let names = [
      "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]
    let matrix = ConfusionMatrix(classCount: 10, counts: [Int64](repeating: 60000, count: 100))
    let lines = matrix.table(classNames: names).split(separator: "\n")
    #expect(lines.count == 12)
    #expect(Set(lines.map(\.count)).count == 1 && lines[0].count <= 120)
    #expect(lines[0].contains(" T-shirt.  Trouser Pullover "))
    #expect(lines[0].hasSuffix(" Ankle b.   recall"))
  }

  @Test func measuresHaveALineForEachClass() {
    let matrix = ConfusionMatrix(classCount: 2, counts: [5, 0, 3, 0])
    #expect(
      matrix.measures(classNames: ["cat", "dog"]) == """
        class           precision      recall specificity          F1     support
        cat                62.5 %     100.0 %       0.0 %      76.9 %           5
        dog                     –       0.0 %     100.0 %       0.0 %           3
        macro average           –      50.0 %      50.0 %      38.5 %           8
        """)
  }
}
