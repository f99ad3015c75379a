import Evaluation
import TestSupport
import Testing

@Suite struct SequenceMeasuresTests {
  @Test(arguments: [
    ("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("abcd", "bcde", 2), ("ab", "ba", 2),
  ]) func editDistanceCountsTheFewestChanges(a: String, b: String, expected: Int) {
    #expect(editDistance(Array(a), Array(b)) == expected)
    #expect(editDistance(Array(b), Array(a)) == expected)
  }

  @Test func sequencesAreCountedBesideTheirStepsAndSurviveTheSumOverRanks() {
    var measures = ClassMeasures(classCount: 3)
    #expect(measures.exactMatch == nil)
    for (truth, predicted) in [(0, 0), (1, 1), (2, 1)] { measures.add(true: truth, predicted: predicted) }
    for isExact in [true, false, false, true, true] { measures.addSequence(isExact: isExact) }
    #expect(measures.exactMatch == 0.6)
    let merged = ClassMeasures(classCount: 3, counts: measures.counts.map { 2 * $0 })
    #expect(merged.sequences == 10 && merged.exactSequences == 6 && merged.total == 6 && merged.correct == 4)
    #expect(merged.confusion?.counts == measures.confusion?.counts.map { 2 * $0 })
  }
}
