import CostModel
import Models
import Planner
import Testing
import Units

private let gpt175B = TransformerSpecification(
  layers: 96, hidden: 12_288, heads: 96, vocabulary: 51_200, sequence: 2048)

/// A small random job on small random hardware.
struct RandomCase {
  let space: LayoutSpace
  let evaluator: ClosedForm

  init(_ random: inout SplitMix) {
    let heads = random.pick([1, 2, 4, 6, 8, 12])
    let kv = random.pick((1...heads).filter(heads.isMultiple(of:)))
    let hidden = heads * random.pick([32, 64, 96])
    let experts: TransformerSpecification.Experts? =
      random.next() % 4 == 0 ? .init(count: random.pick([2, 4, 6]), topK: 2, feedForward: hidden) : nil
    var model = TransformerSpecification(
      kind: random.next() % 6 == 0 ? .encoderDecoder : .decoder, layers: random.pick([1, 2, 3, 4, 6, 8, 12]),
      hidden: hidden, heads: heads, keyValueHeads: kv, vocabulary: random.pick([500, 5000]),
      sequence: random.pick([32, 128, 384]), targetSequence: random.pick([16, 128]))
    model.experts = experts
    // Of some models every second block alone, or all but the first ones.
    model.experts?.every = random.pick([1, 2])
    model.experts?.first = model.layers > 3 ? random.pick([0, 0, 1]) : 0
    model.isGated = random.next() % 2 == 0
    model.dropout = random.pick([0, 0.1])
    let fuses = random.next() % 2 == 0
    let perNode = random.pick([1, 2, 3, 4, 8])
    let nodes = random.pick([1, 2, 3, 4])
    let batch = random.pick([1, 4, 6, 12, 16, 24, 32])
    let rules = LayoutRules(
      model: model.divisors, accelerators: perNode * nodes, acceleratorsPerNode: perNode, globalBatch: batch)
    space = LayoutSpace(rules: rules)
    var machine = ClosedForm.Machine()
    machine.network = random.pick([1e8, 1e9, 5e10])
    machine.link = random.pick([2e9, 2e11])
    machine.hostForward = random.pick([0, 1e-5, 1e-3])
    machine.halfRows = random.pick([0, 50, 400])
    let states = model.parameterCount * 18
    let memory = states * Double.random(in: 0.02...1.5, using: &random)
    evaluator = ClosedForm(
      model, machine: machine, globalBatch: batch, acceleratorsPerNode: perNode, usableBytes: memory,
      fusesAttention: fuses, runtime: RuntimeMemory(context: 0, contextOfTensorParallel: 1000, bucket: 1000))
  }
}

/// The fastest layout that fits by trying all; of equal ones the simplest.
func exhaustive(_ space: LayoutSpace, _ evaluator: some LayoutEvaluator) -> (layout: ParallelLayout, seconds: Double)? {
  var best: (layout: ParallelLayout, seconds: Double)?
  space.forEach { layout in
    guard evaluator.bytes(layout) <= evaluator.usableBytes else { return }
    let seconds = evaluator.seconds(layout)
    if let known = best, (seconds, layout.simplicity) >= (known.seconds, known.layout.simplicity) { return }
    best = (layout, seconds)
  }
  return best
}

@Suite("A search over layouts") struct SearchTests {
  @Test("finds what trying every layout finds, on 1,000 random cases")
  func equalsExhaustive() {
    var random = SplitMix(seed: 20_261_123)
    var (feasible, infeasible, pruned, evaluated, layouts) = (0, 0, 0, 0, 0)
    for number in 0..<1000 {
      let example = RandomCase(&random)
      var search = Search(example.space, example.evaluator)
      let found = search.run()
      let best = exhaustive(example.space, example.evaluator)
      #expect(found.best == best?.layout, "case \(number)")
      #expect(found.time?.count == best?.seconds, "case \(number)")
      #expect(found.gap ?? 0 == 0)
      if let time = found.time, let root = found.rootBound { #expect(root <= time) }
      if best == nil { infeasible += 1 } else { feasible += 1 }
      pruned += found.counts.prunedByTime + found.counts.prunedByMemory
      evaluated += found.counts.evaluated
      layouts += example.space.count
    }
    #expect(feasible > 500 && infeasible > 20, "\(feasible) feasible, \(infeasible) not")
    #expect(pruned > 1000 && evaluated < layouts, "\(evaluated) of \(layouts) evaluated, \(pruned) branches pruned")
  }

  @Test("finds it whatever times and sizes are, with ties everywhere")
  func equalsExhaustiveOfNonsense() {
    var random = SplitMix(seed: 4)
    for number in 0..<300 {
      let space = RandomCase(&random).space
      var layouts: [ParallelLayout] = []
      space.forEach { layouts.append($0) }
      let evaluator = Arbitrary(layouts, usableBytes: Double(random.next() % 60), random: &random)
      var search = Search(space, evaluator)
      #expect(search.run().best == exhaustive(space, evaluator)?.layout, "case \(number)")
      let smallest = layouts.min {
        (evaluator.bytes($0), $0.simplicity) < (evaluator.bytes($1), $1.simplicity)
      }
      #expect(search.smallest() == smallest, "case \(number)")
    }
  }

  @Test("enumerates each legal layout once, and no other")
  func enumeration() {
    var random = SplitMix(seed: 77)
    for _ in 0..<60 {
      let space = RandomCase(&random).space
      var seen: Set<ParallelLayout> = []
      var count = 0
      space.forEach {
        count += 1
        seen.insert($0)
      }
      #expect(count == seen.count && count == space.count)
      #expect(seen == brute(space.rules))
    }
  }

  /// All layouts with degrees up to what there is, asked one by one.
  private func brute(_ rules: LayoutRules) -> Set<ParallelLayout> {
    var result: Set<ParallelLayout> = []
    let n = rules.accelerators
    let degrees = (1...n).filter(n.isMultiple(of:))
    for t in degrees {
      for c in degrees {
        for p in degrees where n.isMultiple(of: t * c * p) {
          for e in 1...rules.model.experts {
            for v in 1...rules.model.layers {
              for b in 1...rules.globalBatch {
                for option in 0..<24 {
                  let layout = ParallelLayout(
                    tensor: t, context: c, pipeline: p, data: n / (t * c * p), expert: e, virtualStages: v,
                    microBatch: b, zeroStage: option % 4, recomputation: Recomputation.allCases[option / 8],
                    sequenceParallel: option / 4 % 2 == 1)
                  if option % 4 == 0, !rules.isLegal(layout), option == 0 { break }
                  if rules.isLegal(layout) { result.insert(layout) }
                }
              }
            }
          }
        }
      }
    }
    return result
  }

  @Test("keeps to the user's choices, each one")
  func choices() {
    let rules = LayoutRules(
      model: gpt175B.divisors, accelerators: 64, acceleratorsPerNode: 8, globalBatch: 48)
    let evaluator = ClosedForm(gpt175B, globalBatch: 48, acceleratorsPerNode: 8, usableBytes: 1e12)
    var free = Search(LayoutSpace(rules: rules), evaluator)
    let best = free.run().best
    let set: [(inout LayoutChoices) -> Void] = [
      { $0.tensor = 2 }, { $0.context = 4 }, { $0.pipeline = 8 }, { $0.data = 1 }, { $0.virtualStages = 3 },
      { $0.microBatch = 6 }, { $0.zeroStage = 1 }, { $0.recomputation = .full }, { $0.sequenceParallel = true },
    ]
    for change in set {
      var choices = LayoutChoices()
      change(&choices)
      let space = LayoutSpace(rules: rules, choices: choices)
      var search = Search(space, evaluator)
      let found = search.run().best
      #expect(found.map(choices.allows) == true, "\(choices)")
      #expect(found == exhaustive(space, evaluator)?.layout)
    }
    #expect(best != nil)
    var impossible = LayoutChoices()
    impossible.tensor = 5
    var search = Search(LayoutSpace(rules: rules, choices: impossible), evaluator)
    #expect(search.run().best == nil)
    #expect(search.smallest() == nil)
  }

  @Test("says how far the best may be from the fastest where it was cut short")
  func limit() throws {
    let rules = LayoutRules(
      model: gpt175B.divisors, accelerators: 128, acceleratorsPerNode: 8, globalBatch: 96)
    let evaluator = ClosedForm(gpt175B, globalBatch: 96, acceleratorsPerNode: 8, usableBytes: 75e9)
    var search = Search(LayoutSpace(rules: rules), evaluator)
    let whole = search.run()
    search.limit = 6
    let short = search.run()
    #expect(short.counts.evaluated < whole.counts.evaluated)
    let (proven, time) = (try #require(short.provenBound), try #require(whole.time))
    #expect(proven <= time)
    #expect(whole.gap == 0)
  }

  @Test("of GPT-3 175B over 512 accelerators is done in seconds, as its counts say")
  func large() throws {
    let rules = LayoutRules(
      model: gpt175B.divisors, accelerators: 512, acceleratorsPerNode: 8, globalBatch: 1536)
    let space = LayoutSpace(rules: rules)
    let evaluator = ClosedForm(gpt175B, globalBatch: 1536, acceleratorsPerNode: 8, usableBytes: 76e9)
    let clock = ContinuousClock()
    var sum = 0.0
    var count = 0
    let all = clock.measure {
      space.forEach {
        sum += evaluator.seconds($0) + evaluator.bytes($0)
        count += 1
      }
    }
    var result: SearchResult?
    let time = clock.measure {
      var search = Search(space, evaluator)
      result = search.run()
    }
    let best = try #require(result?.best)
    print(
      "175B on 512: \(count) layouts, time and memory of all in \(all) (\(Double(count) / Seconds(all).count) a second);",
      "search \(time): \(best) \(result?.time?.description ?? "") bound \(result?.rootBound?.description ?? "")",
      result?.counts ?? .init())
    #expect(count > 50_000 && sum > 0)
    #expect(best.tensor == 8 && best.recomputation != .full)
  }
}
