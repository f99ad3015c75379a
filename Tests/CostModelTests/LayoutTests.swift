import CostModel
import Testing

@Suite("A parallel layout") struct LayoutTests {
  @Test(
    "prints what it is",
    arguments: [
      (
        ParallelLayout(tensor: 8, pipeline: 8, data: 2, zeroStage: 1, recomputation: .selective),
        "t8 p8 d2 b1 ZeRO-1 selective"
      ),
      (ParallelLayout(data: 5, microBatch: 3), "d5 b3"),
      (
        ParallelLayout(
          tensor: 4, context: 2, pipeline: 6, expert: 8, expertTensor: 1, virtualStages: 3, sequenceParallel: true),
        "t4 c2 p6 d1 e8×t1 v3 b1 seq"
      ),
    ])
  func description(layout: ParallelLayout, text: String) { #expect(layout.description == text) }

  @Test("counts accelerators, micro-batches and replicas of experts")
  func counts() {
    let layout = ParallelLayout(tensor: 2, context: 3, pipeline: 5, data: 8, expert: 4, expertTensor: 1, microBatch: 7)
    #expect(layout.accelerators == 240)
    #expect(layout.microBatches(globalBatch: 8 * 7 * 11) == 11)
    #expect(layout.expertData == 12)  // 240/(1·4·5)
    #expect((0..<5).map { layout.layers(ofStage: $0, of: 13) } == [3, 3, 3, 2, 2])
  }

  static let rules = LayoutRules(
    model: ModelDivisors(
      layers: 24, heads: 16, keyValueHeads: 4, sequence: 96, experts: 6, hasAttention: true, canRecompute: true),
    accelerators: 48, acceleratorsPerNode: 8, globalBatch: 72)
  static let legal = ParallelLayout(
    tensor: 4, pipeline: 3, data: 4, expert: 2, virtualStages: 2, microBatch: 3, zeroStage: 1,
    recomputation: .selective, sequenceParallel: true)

  @Test("of an encoder and a decoder shares both sequences, and holds one piece of each stage")
  func twoStacks() throws {
    let rules = LayoutRules(
      model: ModelDivisors(
        layers: 12, heads: 8, sequence: 48, targetSequence: 20, hasAttention: true, canRecompute: true,
        canInterleave: false), accelerators: 24, acceleratorsPerNode: 8, globalBatch: 72)
    #expect(rules.isLegal(ParallelLayout(tensor: 4, pipeline: 3, data: 2, sequenceParallel: true)))
    let shared = rules.problems(of: ParallelLayout(tensor: 8, pipeline: 3, sequenceParallel: true))
    #expect(shared.map(\.code) == [.sequenceParallel] && shared[0].message.contains("the 48 and 20 positions"))
    #expect(rules.isLegal(ParallelLayout(context: 2, pipeline: 3, data: 4)))
    let cut = rules.problems(of: ParallelLayout(context: 4, pipeline: 3, data: 2))
    #expect(cut.map(\.code) == [.sequence] && cut[0].message.contains("48 and 20"))
    let pieces = rules.problems(of: ParallelLayout(pipeline: 3, data: 8, virtualStages: 2))
    #expect(pieces.map(\.code) == [.virtualStages] && pieces[0].message.contains("decoder"))
  }

  @Test("of a model that is no transformer is told so, whatever is shared")
  func noTransformer() {
    let rules = LayoutRules(model: .whole, accelerators: 8, acceleratorsPerNode: 8, globalBatch: 72)
    #expect(rules.isLegal(ParallelLayout(data: 8)))
    let tensor = rules.problems(of: ParallelLayout(tensor: 8))
    #expect(tensor.map(\.code) == [.heads] && tensor[0].message.contains("this model is none"))
    let stages = rules.problems(of: ParallelLayout(pipeline: 8))
    #expect(stages.map(\.code) == [.layers] && stages[0].message.contains("the model has none"))
  }

  @Test(
    "cuts blocks of several kinds into stages that hold each once", arguments: [(1, 1), (4, 1), (2, 3), (3, 2), (5, 1)])
  func blocks(p: Int, v: Int) {
    let order: [BlockKind] = [
      .plain, .plain, .experts, .plain, .experts, .plain, .experts, .experts, .decoder, .decoderExperts, .decoder,
      .decoder,
    ]
    let blocks = BlockSequence(order)
    #expect(blocks.kinds == BlockKind.allCases && !blocks.isUniform)
    let layout = ParallelLayout(pipeline: p, virtualStages: v)
    let stages = (0..<p).map { blocks.blocks(ofStage: $0, layout) }
    #expect(stages.reduce(.zero, +) == blocks.total)
    #expect(stages.map { $0.sum() } == (0..<p).map { Double(layout.layers(ofStage: $0, of: 12)) })
    var held = Array(repeating: BlockSequence.ByKind.zero, count: p)
    for (block, kind) in order.enumerated() { held[blocks.stage(ofBlock: block, layout)][kind.rawValue] += 1 }
    #expect(held == stages)
    if (p, v) == (2, 3) {
      // Pieces of two blocks: 0, 1, 4, 5, 8, 9 and 2, 3, 6, 7, 10, 11.
      #expect(stages == [.init(3, 1, 1, 1), .init(1, 3, 2, 0)])
    }
  }

  @Test("is legal where every rule holds")
  func isLegal() {
    #expect(Self.rules.problems(of: Self.legal) == [])
    #expect(Self.rules.isLegal(Self.legal))
  }

  @Test(
    "is refused by the rule that it breaks",
    arguments: [
      (ParallelLayout(tensor: 0, data: 4), [LayoutProblem.Code.degreeBelowOne]),
      (ParallelLayout(data: 4), [.acceleratorCount]),
      (ParallelLayout(tensor: 3, pipeline: 4, data: 4), [.heads, .keyValueHeads]),
      (ParallelLayout(tensor: 16, data: 3), [.tensorAcrossNodes]),
      (ParallelLayout(tensor: 2, context: 16, pipeline: 1, data: 1), [.acceleratorCount]),
      (ParallelLayout(context: 32, pipeline: 1, data: 1), [.acceleratorCount, .sequence]),
      (ParallelLayout(tensor: 1, pipeline: 16, data: 3), [.layers]),
      (ParallelLayout(pipeline: 48), [.layers]),
      (ParallelLayout(tensor: 4, data: 12, virtualStages: 2), [.virtualStages]),
      (ParallelLayout(tensor: 4, pipeline: 3, data: 4, virtualStages: 3), [.virtualStages]),
      (ParallelLayout(tensor: 4, pipeline: 3, data: 4, microBatch: 5), [.batch]),
      (ParallelLayout(tensor: 4, pipeline: 3, data: 4, virtualStages: 2, microBatch: 9), [.microBatches]),
      (ParallelLayout(tensor: 4, pipeline: 3, data: 4, expert: 4), [.experts]),
      (ParallelLayout(tensor: 4, pipeline: 3, data: 4, expert: 3), [.expertGroup]),
      (ParallelLayout(tensor: 4, pipeline: 3, data: 4, zeroStage: 4), [.zeroStage]),
      (ParallelLayout(tensor: 4, pipeline: 3, data: 4, zeroStage: 2), [.zeroStage]),
      (ParallelLayout(pipeline: 12, data: 4, sequenceParallel: true), [.sequenceParallel]),
    ])
  func isRefused(layout: ParallelLayout, codes: [LayoutProblem.Code]) {
    #expect(Self.rules.problems(of: layout).map(\.code) == codes)
  }

  @Test("of a model that ranks hold whole has the data axis alone")
  func whole() {
    let rules = LayoutRules(model: .whole, accelerators: 6, acceleratorsPerNode: 3, globalBatch: 12)
    #expect(rules.isLegal(ParallelLayout(data: 6, microBatch: 2, zeroStage: 3)))
    #expect(rules.problems(of: ParallelLayout(tensor: 2, data: 3)).map(\.code) == [.heads])
    #expect(rules.problems(of: ParallelLayout(pipeline: 2, data: 3)).map(\.code) == [.layers])
    #expect(rules.problems(of: ParallelLayout(context: 2, data: 3)).map(\.code) == [.sequence])
    #expect(
      rules.problems(of: ParallelLayout(data: 6, recomputation: .full)).map(\.code) == [.recomputation])
    #expect(
      rules.problems(of: ParallelLayout(data: 6, recomputation: .selective)).map(\.code) == [.recomputation])
  }

  @Test("may have uneven stages and tensor parallelism across nodes where that is allowed")
  func allowances() {
    var rules = Self.rules
    rules.allowsUnevenStages = true
    rules.allowsTensorAcrossNodes = true
    #expect(rules.isLegal(ParallelLayout(pipeline: 16, data: 3, microBatch: 4)))
    #expect(rules.isLegal(ParallelLayout(tensor: 16, data: 3, microBatch: 4)))
    #expect(rules.problems(of: ParallelLayout(pipeline: 48)).map(\.code) == [.layers])
  }

  @Test("may not share sequences over more ranks than they are worth")
  func mostContext() {
    var rules = Self.rules
    let layout = ParallelLayout(context: 4, data: 12, microBatch: 3)
    #expect(rules.isLegal(layout))
    rules.mostContext = 2
    #expect(rules.problems(of: layout).map(\.code) == [.context])
  }
}
