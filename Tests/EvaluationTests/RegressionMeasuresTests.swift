import Evaluation
import TestSupport
import Testing

@Suite struct RegressionMeasuresTests {
  /// (true, predicted, guessed)
  private static let samples: [(Double, Double, Double)] = [(1, 2, 3), (4, 4, 3), (6, 3, 3), (1, 0, 3)]

  private static func measures(_ places: Range<Int>, shift: Double) -> RegressionMeasures {
    var measures = RegressionMeasures(shift: shift)
    for (truth, predicted, guess) in samples[places] { measures.add(truth: truth, predicted: predicted, guess: guess) }
    return measures
  }

  @Test(arguments: [0.0, 3, -1e4]) func measuresAreThoseOfTheFormulasForAnyShift(shift: Double) throws {
    let measures = Self.measures(0..<4, shift: shift)
    // Errors 1, 0, −3, −1; the mean of the truths is 3, Σ (y − 3)² = 4 + 1 + 9 + 4.
    expectClose([try #require(measures.rootMeanSquaredError)], [(11.0 / 4).squareRoot()], relative: 1e-12)
    expectClose([try #require(measures.meanAbsoluteError)], [5.0 / 4], relative: 1e-12)
    expectClose([try #require(measures.coefficientOfDetermination)], [1 - 11.0 / 18], relative: 1e-7)
    expectClose([try #require(measures.guessRootMeanSquaredError)], [(18.0 / 4).squareRoot()], relative: 1e-12)
    expectClose([try #require(measures.guessMeanAbsoluteError)], [8.0 / 4], relative: 1e-12)
  }

  @Test func partsMergeToTheWhole() {
    var merged = Self.measures(0..<1, shift: 2)
    merged.merge(Self.measures(1..<4, shift: 2))
    #expect(merged == Self.measures(0..<4, shift: 2))
    #expect(RegressionMeasures(shift: 2, sums: merged.sums) == merged)
  }

  @Test func whatIsZeroOverZeroIsNil() {
    let none = RegressionMeasures(shift: 0)
    #expect(none.rootMeanSquaredError == nil && none.meanAbsoluteError == nil && none.coefficientOfDetermination == nil)
    var constant = RegressionMeasures(shift: 5)
    for _ in 0..<3 { constant.add(truth: 5, predicted: 4, guess: 5) }
    #expect(constant.coefficientOfDetermination == nil && constant.rootMeanSquaredError == 1)
  }
}

@Suite struct ClassMeasuresTests {
  @Test func manyClassesAreCountedWithoutAMatrix() {
    var measures = ClassMeasures(classCount: 5000)
    for index in 0..<10 { measures.add(true: index, predicted: index < 7 ? index : 4999) }
    #expect(measures.confusion == nil && measures.accuracy == 0.7 && measures.counts == [7, 10, 0, 0])
    #expect(ClassMeasures(classCount: 5000, counts: [7, 10, 0, 0]) == measures)
  }

  @Test func fewClassesKeepTheirMatrixThroughASum() {
    var measures = ClassMeasures(classCount: 3)
    measures.add(true: 2, predicted: 1)
    measures.add(true: 0, predicted: 0)
    let again = ClassMeasures(classCount: 3, counts: measures.counts)
    #expect(again == measures && again.confusion?[true: 2, predicted: 1] == 1 && again.accuracy == 0.5)
  }
}
