import Evaluation
import TestSupport
import Testing

@Suite struct LabelMeasuresTests {
  /// Five samples of three labels; the third label of the last one is left out.
  static let samples: [(truth: [Bool?], predicted: [Bool])] = [
    ([true, false, false], [true, false, false]),  // right
    ([true, true, false], [true, false, true]),
    ([false, false, false], [false, false, false]),  // right
    ([true, true, false], [false, true, false]),
    ([false, true, nil], [true, true, true]),
  ]

  static let measures = {
    var measures = LabelMeasures(labelCount: 3)
    for sample in samples { measures.add(truth: sample.truth, predicted: sample.predicted) }
    return measures
  }()

  @Test func measuresAreThoseWorkedOutByHand() throws {
    let measures = Self.measures
    // TP, FP, FN, TN of each label, samples, samples that are right.
    #expect(measures.counts == [2, 1, 1, 1, 2, 0, 1, 2, 0, 1, 0, 3, 5, 2])
    #expect((0..<3).map { measures[$0].support } == [3, 3, 0])
    let (precision, recall): ([Double?], [Double?]) = ([2.0 / 3, 1, 0], [2.0 / 3, 2.0 / 3, nil])
    #expect((0..<3).map { measures[$0].precision } == precision)
    #expect((0..<3).map { measures[$0].recall } == recall)
    let (specificity, f1): ([Double?], [Double?]) = ([0.5, 1, 0.75], [4.0 / 6, 0.8, 0])
    #expect((0..<3).map { measures[$0].specificity } == specificity)
    #expect((0..<3).map { measures[$0].f1 } == f1)
    // Together: TP 4, FP 2, FN 2, TN 6.
    let all = measures.together
    let micro: [Double?] = [4.0 / 6, 4.0 / 6, 0.75, 8.0 / 12]
    #expect([all.precision, all.recall, all.specificity, all.f1] == micro)
    expectClose([try #require(measures.macro(\.precision))], [(2.0 / 3 + 1) / 3], relative: 1e-15)
    expectClose([try #require(measures.macro(\.f1))], [(4.0 / 6 + 0.8) / 3], relative: 1e-15)
    #expect(measures.macro(\.recall) == nil, "a label that nothing has has no recall")
    #expect(measures.subsetAccuracy == 0.4)
    #expect(measures.hammingLoss == 4.0 / 14)
  }

  @Test func partsMergeAndCrossRanksAsCounts() {
    var parts = [LabelMeasures(labelCount: 3), LabelMeasures(labelCount: 3)]
    for (index, sample) in Self.samples.enumerated() {
      parts[index % 2].add(truth: sample.truth, predicted: sample.predicted)
    }
    let sums = zip(parts[0].counts, parts[1].counts).map(+)
    #expect(LabelMeasures(labelCount: 3, threshold: 0.5, counts: sums) == Self.measures)
    parts[0].merge(parts[1])
    #expect(parts[0] == Self.measures)
  }

  @Test func nothingIsUndefinedAndWhatIsLeftOutDoesNotCount() {
    var measures = LabelMeasures(labelCount: 2)
    measures.add(truth: [nil, nil], predicted: [true, false])
    #expect(measures.samples == 0 && measures.subsetAccuracy == nil && measures.hammingLoss == nil)
    #expect(measures.together.f1 == nil)
    measures.add(truth: [nil, true], predicted: [true, true])
    #expect(measures.samples == 1 && measures.subsetAccuracy == 1 && measures.answers == 1)
  }

  @Test func theTableHasALineForEachLabelAndAverage() {
    #expect(
      Self.measures.table(names: ["a", "long name", "c"]) == """
        label           precision      recall specificity          F1     support
        a                  66.7 %      66.7 %      50.0 %      66.7 %           3
        long name         100.0 %      66.7 %     100.0 %      80.0 %           3
        c                   0.0 %           –      75.0 %       0.0 %           0
        micro average      66.7 %      66.7 %      75.0 %      66.7 %           6
        macro average      55.6 %           –      75.0 %      48.9 %           6
        """)
  }
}
