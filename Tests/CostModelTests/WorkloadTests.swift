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
    #expect(workload.blocks == 3)
    #expect(workload.width == 96)
    #expect(workload.positions == 40)
    // 12 h² and 13 h of biases and norms a block.
    #expect(workload.parameters[.block] == Double(3 * (12 * 96 * 96 + 13 * 96)))
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
}
