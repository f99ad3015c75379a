import CostModel
import ModelGraph
import TestSupport
import Testing
import Units

@Suite struct StepBreakdownTests {
  private static let constants = Constants.priors(accelerators: ["a100 matrix"], frameworks: ["pytorch"])

  private static let device = Device(
    key: "a100", arithmetic: .bf16, peak: FLOPRate(312e12), memoryBandwidth: Bandwidth(gigabytesPerSecond: 1555),
    memory: Bytes(gibibytes: 40), units: 108, usesMatrixUnits: true)

  /// 24 layers of one product forward and its two backward, of 4096 × 2048 × 8192, and a norm.
  private static func shape(microBatches: Double = 6) -> StepShape {
    let product = Kernel.Product(rows: 1024, columns: 8192, depth: 2048)
    let passes: [Kernel.Pass] = [.forward, .backwardInput, .backwardWeights]
    var kernels = passes.map {
      Kernel(
        work: .product(product), pass: $0, role: .columnParallel, section: .block, activations: 1024 * 10_240,
        weights: 8192 * 2048, count: 24)
    }
    for pass in [Kernel.Pass.forward, .backward] {
      kernels.append(
        Kernel(
          work: .traffic(.normalisation), pass: pass, role: .replicated, section: .block, activations: 4096 * 2048,
          weights: 2048, count: 24))
    }
    return StepShape(
      device: device, attentionPeak: device.peak, isHopperOrLater: false, fusesAttention: true, block: kernels,
      edge: [], samples: 4, dispatches: 48, microBatches: microBatches, parameters: 4e8, gradientBytes: 2,
      network: NetworkShape(oneHostOver: .linkNVSwitch3))
  }

  @Test func termsAddUpToTheStep() {
    var shape = Self.shape()
    shape.pipeline = 4
    shape.data = 8
    shape.tensor = 2
    shape.tensorReductions = 12
    shape.tensorBytes = 1e7
    shape.boundaryBytes = 1e7
    shape.recomputation = .full
    let breakdown = shape.breakdown(Self.constants)
    expectClose(breakdown.seconds.reduce(0, +), breakdown.total.count, relative: 1e-12)
    for term in [
      StepBreakdown.Term.products, .memory, .recomputation, .tensorParallel, .pipelineTransfers, .pipelineBubble,
      .gradientReduction, .optimizer,
    ] { #expect(breakdown[term] > 0, "\(term)") }
  }

  @Test func oneStageHasNoBubble() {
    let breakdown = Self.shape().breakdown(Self.constants)
    #expect(breakdown[.pipelineBubble] == 0)
    #expect(breakdown[.pipelineTransfers] == 0)
    #expect(breakdown[.gradientReduction] == 0)
  }

  @Test func theBubbleVanishesWithMicroBatches() {
    func share(_ microBatches: Double) -> Double {
      var shape = Self.shape(microBatches: microBatches)
      shape.pipeline = 8
      let breakdown = shape.breakdown(Self.constants)
      return breakdown[.pipelineBubble] / breakdown.total.count
    }
    #expect(share(8) > 0.4)
    #expect(share(1e6) < 1e-4)
  }

  /// Without what each message and each piece of a stage costs whatever its size, and nothing hidden.
  private static let frictionless: Constants = {
    var constants = Self.constants
    for constant in [General.perMicroBatch, .tensorLatency] { constants[constant.rawValue] = 0 }
    constants[General.pipelineOverlap.rawValue] = 1
    return constants
  }()

  @Test func interleavingDividesTheBubble() {
    var shape = Self.shape()
    shape.pipeline = 4
    let plain = shape.breakdown(Self.frictionless)[.pipelineBubble]
    shape.virtualStages = 3
    expectClose(shape.breakdown(Self.frictionless)[.pipelineBubble] * 3, plain, relative: 1e-12)
  }

  @Test func interleavingCostsTheHostAndTheNetworkOfEachPiece() {
    var shape = Self.shape()
    shape.pipeline = 4
    shape.boundaryBytes = 3e7
    shape.network.hosts = 4
    shape.network.hostBandwidth = Bandwidth(gigabitsPerSecond: 100)
    let plain = shape.breakdown(Self.constants)
    shape.virtualStages = 3
    let pieces = shape.breakdown(Self.constants)
    expectClose(pieces[.microBatchOverhead], 3 * plain[.microBatchOverhead], relative: 1e-12)
    // Six micro-batches cross every boundary of every piece; filling the pipeline takes the first piece alone.
    let rate = shape.network.hostBandwidth.count * Self.constants[.rdma]
    let transfers = shape.breakdown(Self.frictionless)[.pipelineTransfers]
    expectClose(transfers, (6 * 3 + 3) * 2 * 3e7 / rate, relative: 1e-12)
  }

  @Test(arguments: [(1.0, 8.0), (2.0, 4.0), (8.0, 1.0)])
  func replicasThatShareAHostShareItsNetworkBetweenStages(tensor: Double, together: Double) {
    var shape = Self.shape()
    shape.pipeline = 4
    shape.tensor = tensor
    shape.data = 16
    shape.boundaryBytes = 3e7
    shape.network.hosts = 8 * tensor
    shape.network.ranksPerHost = 8
    shape.network.hostBandwidth = Bandwidth(gigabitsPerSecond: 400)
    let rate = shape.network.hostBandwidth.count * Self.constants[.rdma]
    let transfers = shape.breakdown(Self.frictionless)[.pipelineTransfers]
    expectClose(transfers, (6 + 3) * 2 * 3e7 * together / rate, relative: 1e-12)
  }

  @Test(arguments: [1, 2, 3]) func shardsOfOneRankAreTheWhole(zeroStage: Int) {
    var shape = Self.shape()
    let plain = shape.breakdown(Self.constants).total
    shape.zeroStage = zeroStage
    expectClose(shape.breakdown(Self.constants).total.count, plain.count, relative: 1e-12)
  }

  @Test func oneRankIsItsRoofline() {
    // 2·4096·8192·2048 FLOP three times in 24 layers: no faster than the peak, no slower than a third of it.
    let flops = 2.0 * 4096 * 8192 * 2048 * 3 * 24 * 6
    let seconds = Self.shape().breakdown(Self.constants)[.products]
    #expect(seconds > flops / 312e12)
    #expect(seconds < 3 * flops / 312e12)
  }

  @Test func fullRecomputationIsOneMoreForward() {
    var shape = Self.shape()
    let plain = shape.breakdown(Self.constants)
    shape.recomputation = .full
    let again = shape.breakdown(Self.constants)
    let compute = plain[.products] + plain[.memory] + plain[.dispatch]
    #expect(again[.recomputation] > 0.25 * compute)
    #expect(again[.recomputation] < 0.45 * compute)
  }

  @Test func slowerLinksExposeMoreOfTheReduction() {
    var shape = Self.shape()
    shape.data = 8
    shape.network.ranksPerHost = 8
    let inside = shape.breakdown(Self.constants)[.gradientReduction]
    shape.network.link = .linkPCIe
    let overPCIe = shape.breakdown(Self.constants)[.gradientReduction]
    shape.network.link = .linkNVSwitch3
    shape.network.hosts = 8
    shape.network.ranksPerHost = 1
    shape.network.interconnect = .tcp
    shape.network.hostBandwidth = Bandwidth(gigabitsPerSecond: 10)
    let overTCP = shape.breakdown(Self.constants)[.gradientReduction]
    #expect(inside < overPCIe)
    #expect(overPCIe < overTCP)
    // Ring bound: 2·(7/8)·0.8 GB over 1.25 GB/s.
    #expect(overTCP > 1.12)
  }
}
