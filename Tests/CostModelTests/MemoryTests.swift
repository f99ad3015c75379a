import CostModel
import ModelGraph
import Models
import TestSupport
import Testing
import Units

@Suite("Memory") struct MemoryTests {
  /// Bytes a parameter: of ZeRO stages 0 to 3 a whole part, and one that d data-parallel ranks share.
  typealias Row = (scheme: StateScheme, whole: [Double], shared: [Double])
  static let table: [Row] = [
    (.sgd, [8, 8, 4, 0], [0, 0, 4, 8]),
    (.momentum, [12, 8, 4, 0], [0, 4, 8, 12]),
    (.adam, [16, 8, 4, 0], [0, 8, 12, 16]),
    (.mixedSGD, [8, 4, 2, 0], [0, 4, 6, 8]),
    (.mixedMomentum, [12, 4, 2, 0], [0, 8, 10, 12]),
    (.mixedAdam, [16, 4, 2, 0], [0, 12, 14, 16]),
    (.mixedAdamMainGradients, [18, 6, 2, 0], [0, 12, 16, 18]),
    (.adam8Bit, [10, 4, 2, 0], [0, 6, 8, 10]),
  ]

  @Test("of states follows the published table by scheme and ZeRO stage", arguments: table)
  func states(row: Row) {
    let scheme = row.scheme
    for stage in 0...3 {
      let part = scheme.perParameter(zeroStage: stage, ranks: 5)
      expectClose(
        [part.weights + part.gradients + part.optimizer], [row.whole[stage] + row.shared[stage] / 5], relative: 1e-15,
        "\(scheme.name)")
      let alone = scheme.perParameter(zeroStage: stage, ranks: 1)
      #expect(alone.weights + alone.gradients + alone.optimizer == scheme.total, "one rank shares nothing")
    }
  }

  @Test(
    "of a transformer's parameters counts them as published",
    arguments: [
      // 12Lh²(1 + 13/(12h) + (V+s)/(12Lh)) and the final norm's 2h; Narayanan et al. 2021, eq. 2.
      (Known.gpt175B, 174.6e9, 0.0005), (Known.mtNLG, 529.6e9, 0.0005), (Known.gpt22B, 22.1e9, 0.005),
      (Known.llama70B, 68_976_648_192, 0), (Known.mixtral, 46_702_792_704, 0),
    ])
  func parameters(model: TransformerSpecification, count: Double, tolerance: Double) {
    #expect(abs(model.parameterCount / count - 1) <= tolerance, "\(model.parameterCount)")
  }

  @Test(
    "of GPT's parameters is the closed form to the last one", arguments: [Known.gpt22B, Known.gpt175B, Known.mtNLG])
  func closedForm(model: TransformerSpecification) {
    let (l, h) = (Double(model.layers), Double(model.hidden))
    let tables = Double(model.vocabulary + model.sequence)
    #expect(model.parameterCount == l * (12 * h * h + 13 * h) + tables * h + 2 * h)
  }

  /// Korthikanti et al. 2022, Figure 1: analytic, so to the last digit.
  @Test(
    "of activations is Korthikanti's, to the last digit",
    arguments: [
      (Known.gpt175B, 8, 3, 1, false, Recomputation.none, 66.84375),
      (Known.gpt175B, 8, 3, 1, true, .selective, 12.3515625),
      (Known.gpt22B, 1, 1, 4, false, .none, 59.25),
      (Known.gpt22B, 1, 1, 4, true, .selective, 9.5625),
    ])
  func activations(
    model: TransformerSpecification, p: Int, v: Int, b: Int, sequenceParallel: Bool, recomputation: Recomputation,
    gibibytes: Double
  ) {
    let layout = ParallelLayout(
      tensor: 8, pipeline: p, virtualStages: v, microBatch: b, recomputation: recomputation,
      sequenceParallel: sequenceParallel)
    let memory = TransformerMemory(model, scheme: .mixedAdamMainGradients, globalBatch: 64)
    let stage = memory.components(stage: 0, layout)
    #expect(stage.activations / GiB == gibibytes)
    #expect(stage.recomputedLayer == 0)
  }

  @Test("of 22B's parameters and optimizer is 12Lh² · 18/t bytes, 45.5625 GiB, beside biases, norms and tables")
  func parametersAndOptimizer() {
    let model = Known.gpt22B
    let (l, h) = (Double(model.layers), Double(model.hidden))
    let products = ParameterShares(dense: 12 * l * h * h)
    let states = products.states(.mixedAdamMainGradients, ParallelLayout(tensor: 8))
    #expect(states.total / GiB == 45.5625)
  }

  @Test(
    "of parameters is what a graph of the model has, experts' and all",
    arguments: [
      "gpt2", "bert-base", "distilbert", "roberta-base", "t5-small", "llama-2-7b",
    ])
  func graphs(name: String) throws {
    let zoo = try #require(Zoo(rawValue: name))
    let model = try #require(zoo.model().transformer)
    #expect(model.parameterCount == Double(try Self.graph(model).parameterCount))
  }

  @Test(
    "of parameters is what a graph of the model has for each kind of block",
    arguments: [Known.mixed, Known.latent, Known.t5], [false, true])
  func graphs(model: TransformerSpecification, hasBias: Bool) throws {
    var model = model
    model.hasBias = hasBias
    model.hidden /= 16
    model.feedForward /= 64
    model.vocabulary = 300
    model.sequence = 16
    model.targetSequence = 8
    let workload = Workload(try Self.graph(model), samples: 2)
    let blocks = model.blockSequence
    #expect(workload.blocks == blocks && blocks.kinds.count > 1)
    for kind in blocks.kinds {
      let shares = blocks.total[kind.rawValue] * model.parameters(of: kind)
      #expect(shares.total == workload.inBlocks.parameters[kind.rawValue], "\(kind)")
      #expect(shares.experts == workload.inBlocks.expertParameters[kind.rawValue], "\(kind)")
      let cut = workload.inBlocks.cutParameters[kind.rawValue]
      // Biases behind a sum over ranks are of a layer that is cut, but held by each rank.
      #expect(hasBias ? shares.dense < cut : shares.dense == cut, "\(kind)")
    }
    #expect(model.parameterCount == workload.parameterCount)
  }

  private static func graph(_ model: TransformerSpecification) throws -> Graph {
    try ModelSpecification(name: "model", transformer: model).trainingGraph(
      sampleShape: model.sampleShape, shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
  }

  @Test("of a pipeline's stage falls from the first to the last, and GPipe holds every micro-batch")
  func alive() {
    let layout = ParallelLayout(pipeline: 4)
    let taking = PipelineSchedule.oneForwardOneBackward
    #expect((0..<4).map { taking.alive(stage: $0, layout: layout, microBatches: 7) } == [4, 3, 2, 1])
    #expect((0..<4).map { taking.alive(stage: $0, layout: layout, microBatches: 2) } == [2, 2, 2, 1])
    #expect(PipelineSchedule.gpipe.alive(stage: 3, layout: layout, microBatches: 7) == 7)
    var interleaved = layout
    interleaved.virtualStages = 3
    let first = taking.alive(stage: 0, layout: interleaved, microBatches: 64)
    expectClose([first], [4 * (1 + 3.0 / 12)], relative: 1e-15)
    #expect(taking.alive(stage: 3, layout: interleaved, microBatches: 64) == 3)  // (2·0 + 2·4 + 1)/3
  }

  @Test("follows the table's columns with context, shared keys, gates, fused attention and full recomputation")
  func variants() {
    let s = 4096.0, h = 8192.0, a = 64.0, f = 28_672.0, b = 2.0, t = 4.0, c = 2.0
    let x = s * b * h / c
    var layout = ParallelLayout(tensor: 4, context: 2, microBatch: 2)
    let memory = TransformerActivations(Known.llama70B, fusesAttention: true)
    // Two norms 4, inputs 2 + 2; q 2, k and v 4/8, output 2, three of width f.
    let shared = x * (2 + 4 / 8.0 + 2 + 6 * f / h) + 4 * a * s * b / c
    expectClose([memory.layer(layout)], [x * 8 + shared / t], relative: 1e-14)
    layout.sequenceParallel = true
    expectClose([memory.layer(layout)], [(x * 8 + shared) / t], relative: 1e-14)
    let whole = memory.layer(layout)
    layout.recomputation = .full
    expectClose([memory.layer(layout)], [2 * x / t], relative: 1e-14)
    expectClose([memory.live(layout)], [whole], relative: 1e-14)
    layout.sequenceParallel = false
    expectClose([memory.layer(layout)], [2 * x], relative: 1e-14)
  }

  @Test("of experts is divided by their own ranks, of norms by none")
  func divisors() {
    let model = Known.mixtral
    let layer = model.parameters(of: .experts)
    let h = 4096.0
    #expect(layer.experts == 8 * 3 * h * 14_336)
    #expect(layer.replicated == 2 * h + 8 * h)
    #expect(layer.dense == 2 * h * h * (1 + 8 / 32.0))
    // N = 2·1·3·16 = 96; experts: 4 · 1 ranks, each with 8 replicas of its own.
    let layout = ParallelLayout(tensor: 2, pipeline: 3, data: 16, expert: 4, expertTensor: 1, zeroStage: 1)
    #expect(layout.expertData == 8)
    let states = layer.states(.mixedAdam, layout)
    let common = layer.dense / 2 + layer.replicated
    let experts = layer.experts / 4
    expectClose([states.weights], [2 * (common + experts)], relative: 1e-15)
    expectClose([states.optimizer], [12 * (common / 16 + experts / 8)], relative: 1e-15)
    let kept = TransformerActivations(model, .experts, fusesAttention: true).layer(layout)
    let x = 4096.0 * h
    let dense = x * 8 + (x * (2 + 4 / 4.0 + 2) + 4 * 32 * 4096) / 2
    expectClose([kept], [dense + x * (2 * 6 * 14_336 / h + 4)], relative: 1e-14)
  }

  @Test("of a decoder's second attention has the encoder's keys, of latent attention its narrow vectors")
  func kinds() {
    let (s, m, h, a, d) = (128.0, 512.0, 1024.0, 128.0, 128.0)
    let layout = ParallelLayout(tensor: 4, microBatch: 3)
    // Three norms' inputs and parts' inputs, a mask each; queries and outputs twice, keys and values of both; f twice.
    let replicated = 3 * s * h * (2 + 2 + 1)
    let cut = 2 * a * d * (2 * s + 2 * s) + 2 * a * d * (2 * s + 2 * m) + s * 4 * 65_536
    let scores = a * s * (s + m) * 5
    let decoder = TransformerActivations(Known.t5, .decoder)
    expectClose([decoder.layer(layout)], [3 * (replicated + (cut + scores) / 4)], relative: 1e-14)
    let fused = TransformerActivations(Known.t5, .decoder, fusesAttention: true)
    expectClose([fused.layer(layout)], [3 * (replicated + (cut + 2 * 4 * a * s) / 4)], relative: 1e-14)

    let (n, w) = (4096.0, 5120.0)
    let narrow = n * 2 * (2 * (1536 + 512) + 64)
    let heads = n * 2 * (2 * 128 * 192 + 2 * 128 * 128)
    let plain = TransformerActivations(Known.latent, fusesAttention: true)
    let own = n * w * 8 + narrow + (heads + 4 * 128 * n + 6 * n * 12_288) / 4
    expectClose([plain.layer(layout)], [3 * own], relative: 1e-14)
    let expert = TransformerActivations(Known.latent, .experts, fusesAttention: true)
    let routed = own + (6 * n * (2 * 1536 - 12_288) + n * (6 * 6 * 1536 + 4 * w)) / 4
    expectClose([expert.layer(layout)], [3 * routed], relative: 1e-14)
  }

  @Test("of a stage with blocks of a decoder has the encoder's output, and tokens where a stack starts")
  func decoderStages() {
    let memory = TransformerMemory(Known.t5, scheme: .mixedAdam, globalBatch: 12, fusesAttention: true)
    let layout = ParallelLayout(pipeline: 4, microBatch: 2)
    let stages = (0..<4).map { memory.components(stage: $0, layout) }
    let (source, target, h) = (512.0 * 2, 128.0 * 2, 1024.0)
    expectClose([stages[0].embeddings], [4 * source * (h + 8)], relative: 1e-14)
    #expect(stages[1].embeddings == 0)
    expectClose([stages[2].embeddings], [2 * (target * (h + 8) + source * h * 2)], relative: 1e-14)
    expectClose([stages[3].embeddings], [source * h * 2 + target * (4 * h + 4 * 32_128)], relative: 1e-14)
    let mixed = TransformerMemory(Known.mixed, scheme: .mixedAdam, globalBatch: 12, fusesAttention: true)
    // Pieces of one block: the first stage has blocks 0, 2, 4 and 6, and so all three with experts.
    let pieces = ParallelLayout(pipeline: 2, expert: 2, virtualStages: 4, microBatch: 2)
    #expect(mixed.blocks.blocks(ofStage: 0, pieces) == .init(1, 3, 0, 0))
    #expect(mixed.fullest(pieces) == mixed.components(stage: 0, pieces))
    // Of halves the second one has two of the three, and more parameters for fewer micro-batches.
    let halves = ParallelLayout(pipeline: 2, microBatch: 1)
    #expect(mixed.blocks.blocks(ofStage: 1, halves) == .init(2, 2, 0, 0))
    #expect(mixed.fullest(halves) == mixed.components(stage: 1, halves))
  }

  @Test("puts tables on the first stage, projection and logits on the last")
  func ends() {
    let model = Known.gpt175B
    let memory = TransformerMemory(model, scheme: .mixedAdam, globalBatch: 32)
    let layout = ParallelLayout(tensor: 8, pipeline: 4, microBatch: 2)
    let stages = (0..<4).map { memory.components(stage: $0, layout) }
    let (h, v, s) = (12_288.0, 51_200.0, 2048.0)
    expectClose([stages[0].weights - stages[1].weights], [2 * (v * h / 8 + s * h)], relative: 1e-9)
    expectClose([stages[3].weights - stages[2].weights], [2 * (v * h / 8 + 2 * h)], relative: 1e-9)
    expectClose([stages[0].embeddings], [s * 2 * 4 * (h + 8)], relative: 1e-14)
    #expect(stages[1].embeddings == 0 && stages[2].embeddings == 0)
    // 4·s·b·h·(1 + V/h)/t; Megatron-LM counts it on the one stage of p = 1.
    expectClose([stages[3].embeddings], [4 * s * 2 * h * (1 + v / h) / 8], relative: 1e-14)
    #expect(memory.fullest(layout) == stages[0])
  }

  @Test("of a tied projection is held twice where first and last stage differ, an untied one always")
  func tied() {
    let total = { (model: TransformerSpecification, p: Int) in
      let memory = TransformerMemory(model, scheme: .mixedAdam, globalBatch: 8)
      return (0..<p).map { memory.parameters(ofStage: $0, ParallelLayout(pipeline: p)).total }.reduce(0, +)
    }
    let table = 51_200.0 * 6144
    #expect(total(Known.gpt22B, 1) == Known.gpt22B.parameterCount)
    #expect(total(Known.gpt22B, 3) == Known.gpt22B.parameterCount + table)
    #expect(total(Known.llama70B, 5) == Known.llama70B.parameterCount)
    // Of two stacks also where the decoder starts, on the second stage or on the third.
    let shared = 32_128.0 * 1024
    #expect(total(Known.t5, 1) == Known.t5.parameterCount)
    #expect(total(Known.t5, 2) == Known.t5.parameterCount + shared)
    #expect(total(Known.t5, 4) == Known.t5.parameterCount + 2 * shared)
    #expect(total(Known.mixed, 4) == Known.mixed.parameterCount)
  }

  @Test("fits or is short by what it says, each component told")
  func fit() throws {
    let memory = TransformerMemory(Known.gpt22B, scheme: .mixedAdamMainGradients, globalBatch: 64)
    var layout = ParallelLayout(tensor: 8, data: 2, microBatch: 4)
    let budget = MemoryBudget(capacity: Bytes(gibibytes: 80), reserve: 0.1)
    let large = MemoryFit(memory.fullest(layout), in: budget)
    #expect(!large.fits && large.components.largest == .activations)
    #expect(large.missing == large.components.total - Bytes(gibibytes: 72))
    layout.recomputation = .selective
    layout.sequenceParallel = true
    let small = MemoryFit(memory.fullest(layout), in: budget)
    #expect(small.fits && small.missing == .zero)
    #expect(small.free + small.components.total == Bytes(gibibytes: 72))
    #expect(small.components[.context] == Bytes(gigabytes: 3) && small.components[.buffers] == Bytes(megabytes: 25))
  }

  @Test("gathers two layers under ZeRO-3 and holds one layer's gradients whole under ZeRO-2")
  func buffers() {
    let runtime = RuntimeMemory()
    let layout = { ParallelLayout(data: $1, zeroStage: $0) }
    #expect(runtime.buffers(layout(0, 4), layer: 1000, scheme: .mixedAdam) == 25e6)
    #expect(runtime.buffers(layout(2, 4), layer: 1000, scheme: .mixedAdam) == 2000)
    #expect(runtime.buffers(layout(3, 4), layer: 1000, scheme: .mixedAdam) == 6000)
    #expect(runtime.buffers(layout(3, 1), layer: 1000, scheme: .mixedAdam) == 0)
  }

  @Test(
    "is bounded from below by what a part of a layout decides",
    arguments: [Known.gpt22B, Known.mixtral, Known.mixed, Known.t5])
  func bounds(model: TransformerSpecification) {
    let memory = TransformerMemory(model, scheme: .mixedAdam, globalBatch: 48)
    for (t, p, v) in [(1, 1, 1), (4, 4, 1), (2, 4, 2), (8, 2, 4)] where v == 1 || model.divisors.canInterleave {
      for b in [1, 2, 3] {
        for recomputation in Recomputation.allCases {
          for stage in 0...(p > 1 ? 1 : 3) {
            for shares in [false, t > 1] {
              let layout = ParallelLayout(
                tensor: t, pipeline: p, data: 2, expert: model.experts == nil ? 1 : 2, virtualStages: v,
                microBatch: b, zeroStage: stage, recomputation: recomputation, sequenceParallel: shares)
              let bytes = memory.fullest(layout).totalBytes
              for depth in LayoutDepth.allCases {
                #expect(memory.leastBytes(layout, depth: depth) <= bytes, "\(layout) \(depth)")
              }
            }
          }
        }
      }
    }
  }

  @Test("of a network that ranks hold whole is what its graph keeps")
  func graph() throws {
    let samples = 6
    let graph = try Zoo.lenet5.model().trainingGraph(
      sampleShape: Zoo.lenet5.sampleShape(nil), shardSamples: samples, globalBatch: samples, loss: .crossEntropy)
    let memory = GraphMemory(graph, samples: samples, scheme: .momentum)
    let layout = ParallelLayout(data: 3, microBatch: 24, zeroStage: 1)
    let components = memory.fullest(layout)
    #expect(components.activations == Double(graph.savedBytes.count) / 6 * 24)
    #expect(components.weights == 4 * Double(graph.parameterCount))
    expectClose([components.optimizer], [4 * Double(graph.parameterCount) / 3], relative: 1e-14)
    #expect(components.buffers > 25e6 && components.buffers < 30e6)
    let half = GraphMemory(graph, samples: samples, scheme: .mixedMomentum, elementBytes: 2)
    #expect(half.fullest(layout).activations == components.activations / 2)
  }
}
