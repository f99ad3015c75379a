import CostModel
import ModelGraph
import Models
import TestSupport
import Testing
import Units

@Suite struct WorkloadTests {
  private static func gpt(layers: Int = 3) throws -> Workload {
    let model = TransformerSpecification(layers: layers, hidden: 96, heads: 6, vocabulary: 300, sequence: 40)
    let specification = ModelSpecification(name: "gpt", transformer: model)
    let graph = try specification.trainingGraph(
      sampleShape: model.sampleShape, shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    return Workload(graph, samples: 2)
  }

  private static func productFLOPs(_ kernels: [Kernel]) -> Double {
    kernels.reduce(0) { sum, kernel in
      guard case .product(let product) = kernel.work else { return sum }
      return sum + kernel.count * 2 * product.rows * product.columns * product.depth * product.groups
    }
  }

  @Test func productsCountWhatTheGraphCounts() throws {
    let specification = Zoo.lenet5.model()
    let shape = Zoo.lenet5.sampleShape()
    let graph = try specification.trainingGraph(
      sampleShape: shape, shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    let workload = Workload(graph, samples: 2)
    // Biases are the one addition an output that products leave out.
    let counted = graph.cost { node in
      switch node.operation {
      case .dense, .denseBackwardInput, .denseBackwardWeights, .convolution, .convolutionBackwardInput,
        .convolutionBackwardWeights:
        true
      default: false
      }
    }
    let perSample = counted.flops.count / 2
    #expect(Self.productFLOPs(workload.kernels) <= perSample)
    #expect(Self.productFLOPs(workload.kernels) > 0.97 * perSample)
    #expect(workload.parameterCount == Double(graph.parameterCount))
    #expect(!workload.isTransformer)
  }

  @Test func aTransformersBlocksAreOneSectionAndItsEdgesTheOthers() throws {
    let workload = try Self.gpt()
    #expect(workload.isTransformer)
    #expect(workload.blocks.count == 3 && workload.blocks.kinds == [.plain])
    #expect(workload.boundaryElements(stages: 3) == 96 * 40)
    #expect(workload.positions == 40)
    // The sums of attention's output and of the feed-forward part's, in each pass.
    #expect(workload.inBlocks.reductions[0] == 6 && workload.inBlocks.reducedElements[0] == 6 * 96 * 40)
    // 12 h² and 13 h of biases and norms a block.
    #expect(workload.inBlocks.parameters[0] == Double(3 * (12 * 96 * 96 + 13 * 96)))
    let forward = workload.kernels([.block]).filter { $0.pass == .forward }
    #expect(Self.productFLOPs(forward) == Double(3 * 24 * 40 * 96 * 96))
    let head = workload.kernels([.head]).filter { $0.pass == .forward }
    #expect(Self.productFLOPs(head) == Double(2 * 40 * 96 * 300))
  }

  @Test(arguments: [2, 3, 6]) func tensorParallelSharesAddUp(ranks: Int) throws {
    let kernels = try Self.gpt().kernels([.block])
    let shares = kernels.map { $0.shared(by: ranks, sequenceParallel: false) }
    expectClose(Self.productFLOPs(shares) * Double(ranks), Self.productFLOPs(kernels), relative: 1e-12)
    func traffic(_ kernels: [Kernel]) -> Double {
      kernels.reduce(0) { sum, kernel in
        if case .traffic = kernel.work { sum + kernel.count * kernel.activations } else { sum }
      }
    }
    // Norms, dropouts and residual sums are repeated by every rank unless the sequence is shared too.
    let sequence = kernels.map { $0.shared(by: ranks, sequenceParallel: true) }
    #expect(traffic(shares) > traffic(kernels) / Double(ranks) * 1.2)
    expectClose(traffic(sequence) * Double(ranks), traffic(kernels), relative: 1e-12)
  }

  @Test func equalKernelsAreCountedNotListed() throws {
    let three = try Self.gpt(layers: 3)
    let nine = try Self.gpt(layers: 9)
    #expect(three.kernels([.block]).count == nine.kernels([.block]).count)
    expectClose(
      Self.productFLOPs(nine.kernels([.block])), 3 * Self.productFLOPs(three.kernels([.block])), relative: 1e-12)
  }

  private static func workload(_ large: TransformerSpecification) throws -> Workload {
    var model = large
    model.hidden = 96
    model.feedForward = 120
    model.vocabulary = 300
    model.sequence = 40
    model.targetSequence = 24
    model.experts?.feedForward = 36
    let graph = try ModelSpecification(name: "model", transformer: model).trainingGraph(
      sampleShape: model.sampleShape, shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    return Workload(graph, samples: 2)
  }

  @Test("of two stacks, experts and latent attention counts what ranks that share a layer sum, pass by pass")
  func reductions() throws {
    let t5 = try Self.workload(Known.t5)
    #expect(t5.blocks == Known.t5.blockSequence)
    // An encoder's block two each way; a decoder's three forward, and backward one of the encoder's output besides.
    let (source, target) = (40.0 * 96, 24.0 * 96)
    #expect(t5.inBlocks.reductions == 24 * .init(2, 0, 3.5, 0))
    #expect(t5.inBlocks.reducedElements == 24 * .init(2 * source, 0, 3 * target + source / 2, 0))
    #expect(t5.boundaryElements(stages: 2) == source && t5.boundaryElements(stages: 3) == source + target)
    // Its keys and values, and those of the encoder's output: 128 heads of 128.
    let kv = 2.0 * 128 * 128
    #expect(t5.inBlocks.keyValueElements == 24 * .init(kv * 40, 0, kv * (24 + 40), 0))
    // One sum of routed and shared experts.
    let mixed = try Self.workload(Known.mixed)
    #expect(mixed.blocks.total == .init(5, 3, 0, 0))
    #expect(mixed.inBlocks.reductions == .init(10, 6, 0, 0))
    #expect(mixed.inBlocks.reducedElements == .init(10 * source, 6 * source, 0, 0))
    #expect(mixed.inBlocks.routedElements == .init(0, 3 * 2 * source, 0, 0))
    // Backward the narrow vectors of queries and of keys and values.
    let latent = try Self.workload(Known.latent)
    #expect(latent.inBlocks.reductions == .init(2.5, 5, 0, 0))
    #expect(latent.inBlocks.reducedElements[0] == 1.5 * source + 40 * (1536 + 512) / 2)
  }

  @Test(
    "of two stacks, experts and latent attention is whole again when its shares are put together", arguments: [2, 4])
  func sharesOfKinds(ranks: Int) throws {
    for model in [Known.t5, Known.mixed, Known.latent] {
      let workload = try Self.workload(model)
      for kind in workload.blocks.kinds {
        let kernels = workload.kernels(of: kind)
        let shares = kernels.map { $0.shared(by: ranks, sequenceParallel: true) }
        expectClose(Self.productFLOPs(shares) * Double(ranks), Self.productFLOPs(kernels), relative: 1e-12)
      }
      let kinds = workload.blocks.kinds.map { workload.kernels(of: $0).count }
      #expect(kinds.reduce(0, +) == workload.kernels([.block]).count)
    }
  }
}
