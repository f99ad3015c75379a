import Foundation
import TestSupport
import Testing
import Training

/// Probabilities of the next token by what was written so far: padding 0, start 1, end 2, x 3, y 4.
private final class TableScorer: TokenScorer {
  let rowCount: Int
  let vocabularyCount = 5
  private let table: ([Int32]) -> [Double]
  private var histories: [[Int32]]
  private(set) var stepCount = 0

  init(rowCount: Int, _ table: @escaping ([Int32]) -> [Double]) {
    self.rowCount = rowCount
    self.table = table
    histories = Array(repeating: [], count: rowCount)
  }

  func scores(after tokens: [Int32], parents: [Int]) -> [Float] {
    stepCount += 1
    histories = zip(tokens, parents).map { histories[$1] + [$0] }
    return histories.flatMap { table($0).map { Float(log($0)) } }
  }
}

@Suite("Writing token by token")
struct BeamSearchTests {
  private static let (end, x, y): (Int32, Int32, Int32) = (2, 3, 4)
  private static let rules = WritingRules(prefix: [1], end: end, forbidden: [0, 1], lengthLimit: 4)

  /// x is likelier than y at first, but what follows y is sure: P(x …) ≤ 0.55 · 0.4, P(y) = 0.45 · 0.8 = 0.36.
  private static func misleading(_ history: [Int32]) -> [Double] {
    switch history.dropFirst().first {
    case nil: [0, 0, 0, 0.55, 0.45]
    case x: history.count == 2 ? [0, 0, 0.25, 0.4, 0.35] : [0, 0, 0.9, 0.06, 0.04]
    default: [0, 0, 0.8, 0.15, 0.05]
    }
  }

  @Test("Greedy search takes the likeliest token, a beam of two finds the likelier sequence behind the other")
  func greedyIsBeaten() throws {
    let greedy = try TableScorer(rowCount: 1, Self.misleading).writeGreedily(Self.rules)[0]
    #expect(greedy.tokens == [Self.x, Self.x] && greedy.isEnded)
    expectClose([greedy.logProbability], [log(0.55 * 0.4 * 0.9)], relative: 1e-6)
    let found = try BeamSearch(width: 2, lengthPenalty: 0).write(TableScorer(rowCount: 2, Self.misleading), Self.rules)
    #expect(found.count == 1 && found[0].map(\.tokens) == [[Self.y], [Self.x, Self.x]])
    expectClose(found[0].map(\.logProbability), [log(0.45 * 0.8), log(0.55 * 0.4 * 0.9)], relative: 1e-6)
    #expect(found[0].allSatisfy(\.isEnded) && found[0].map(\.length) == [2, 3])
  }

  @Test("A length penalty ranks by log P / ((5 + length) / 6)^α: a large one puts the longer sequence first")
  func lengthPenalty() throws {
    // log 0.36 = −1.0217 over (7/6)^α, log 0.198 = −1.6195 over (8/6)^α: level at α = log(1.5851) / log(8/7) = 3.45.
    for (α, first) in [(0.6, [Self.y]), (3.4, [Self.y]), (3.5, [Self.x, Self.x])] {
      let found = try BeamSearch(width: 2, lengthPenalty: α)
        .write(TableScorer(rowCount: 2, Self.misleading), Self.rules)
      #expect(found[0].first?.tokens == first, "α \(α)")
      expectClose(
        [found[0].first?.score(lengthPenalty: α) ?? 0],
        [first.count == 1 ? log(0.36) / pow(7.0 / 6, α) : log(0.198) / pow(8.0 / 6, α)], relative: 1e-6)
    }
  }

  /// Any probabilities, by the history.
  private static func scattered(_ seed: UInt64) -> ([Int32]) -> [Double] {
    { history in
      var state = seed
      for token in history { state = (state ^ UInt64(token + 7)) &* 0x9E37_79B9_7F4A_7C15 }
      let weights = (0..<5).map { token -> Double in
        let mixed = (state ^ (state >> 29)) &* (2 * UInt64(token) + 0xBF58_476D_1CE4_E5B9)
        return Double(mixed >> 40) + 1
      }
      return weights.map { $0 / weights.reduce(0, +) }
    }
  }

  @Test("A beam of one is greedy, to the bit", arguments: 1...20)
  func beamOfOne(seed: UInt64) throws {
    let rules = WritingRules(prefix: [1, 4], end: Self.end, forbidden: [0, 1], lengthLimit: 6)
    let greedy = try TableScorer(rowCount: 3, Self.scattered(seed)).writeGreedily(rules)
    let beams = try BeamSearch(width: 1, lengthPenalty: 0.6)
      .write(TableScorer(rowCount: 3, Self.scattered(seed)), rules)
    #expect(beams.map { $0[0] } == greedy && beams.allSatisfy { $0.count == 1 })
  }

  @Test("A beam as wide as there are sequences finds the likeliest of all", arguments: 1...10)
  func wholeBeam(seed: UInt64) throws {
    // Three tokens that may be written and a limit of 3: 1 + 2 + 2·2·3 sequences.
    let rules = WritingRules(prefix: [1], end: Self.end, forbidden: [0, 1], lengthLimit: 3)
    let table = Self.scattered(seed)
    var all: [(tokens: [Int32], sum: Double)] = []
    func visit(_ tokens: [Int32], _ sum: Double, length: Int) {
      guard length < 3 else { return all.append((tokens, sum)) }
      let scores = table([1] + tokens).map { Double(Float(log($0))) }
      all.append((tokens + [Self.end], sum + scores[2]))
      for token in [Self.x, Self.y] { visit(tokens + [token], sum + scores[Int(token)], length: length + 1) }
    }
    visit([], 0, length: 0)
    let best = try #require(all.max { $0.sum < $1.sum })
    let found = try BeamSearch(width: 16, lengthPenalty: 0).write(TableScorer(rowCount: 32, table), rules)
    #expect(found.count == 2 && found[0] == found[1])
    #expect(found[0].count == all.count)
    func key(_ sequence: WrittenSequence) -> [Int32] { sequence.tokens + (sequence.isEnded ? [Self.end] : []) }
    #expect(key(found[0][0]) == best.tokens)
    for sequence in found[0] {
      let expected = try #require(all.first { $0.tokens == key(sequence) })
      expectClose([sequence.logProbability], [expected.sum], relative: 1e-12, "\(expected.tokens)")
    }
  }

  @Test("Writing ends when every sequence has ended, and never writes what is forbidden")
  func ends() throws {
    let scorer = TableScorer(rowCount: 2) { history in
      history.count < 3 ? [0.5, 0.3, 0.05, 0.1, 0.05] : [0.5, 0.3, 0.15, 0.01, 0.04]
    }
    let rules = WritingRules(prefix: [1], end: Self.end, forbidden: [0, 1], lengthLimit: 50)
    let written = try scorer.writeGreedily(rules)
    #expect(written.allSatisfy { $0.tokens == [Self.x, Self.x] && $0.isEnded })
    #expect(scorer.stepCount == 3)
    expectClose([written[1].logProbability], [log(0.1 * 0.1 * 0.15)], relative: 1e-6)
    let cut = try BeamSearch(width: 2, lengthPenalty: 1).write(
      TableScorer(rowCount: 2) { _ in [0, 0, 0.01, 0.6, 0.39] }, Self.rules)
    #expect(cut[0][0].tokens == [Self.x, Self.x, Self.x, Self.x] && !cut[0][0].isEnded && cut[0][0].length == 4)
  }
}
