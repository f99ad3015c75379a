import Catalog
import CostModel
import ModelGraph
import Models
import TestSupport
import Testing
import Units

/// Figures that papers print of training large transformers, which an implementation meets or is wrong.
@Suite("Published figures") struct PublishedFigureTests {
  /// Narayanan et al. 2021, eq. 3; Korthikanti et al. 2022, appendix A: 6 FLOP a parameter and token, 8 recomputed.
  @Test(
    "of FLOP a token: forward, backward and forward again are 8Ψ within 3 %",
    arguments: [(96, 12_288, 96), (105, 20_480, 128)])
  func flops(layers: Int, hidden: Int, heads: Int) throws {
    let tokens = 2048
    let model = TransformerSpecification(
      layers: layers, hidden: hidden, heads: heads, vocabulary: 51_200, sequence: tokens)
    let graph = try ModelSpecification(name: "gpt", transformer: model).trainingGraph(
      sampleShape: model.sampleShape, shardSamples: 2, globalBatch: 2, loss: .crossEntropy)
    let kernels = Workload(graph, samples: 2).kernels
    func flops(_ kernels: [Kernel]) -> Double {
      kernels.reduce(0) { sum, kernel in
        switch kernel.work {
        case .product(let product):
          return sum + 2 * kernel.count * product.rows * product.columns * product.depth * product.groups
        case .attention(let core):
          let passes: Double = kernel.pass == .forward ? 2 : 4
          return sum + passes * kernel.count * core.heads * core.queries * core.keys
            * (core.queryWidth + core.valueWidth)
        case .traffic: return sum
        }
      }
    }
    let step = flops(kernels)
    let again = flops(kernels.filter { $0.pass == .forward && $0.section == .block })
    let parameters = Double(graph.parameterCount)
    expectClose((step + again) / Double(tokens), 8 * parameters, relative: 0.03)
    // To the digit: 72·s·L·h²·(1 + s/(6h) + V/(12Lh)), and 24·s·L·h²·(1 + s/(6h)) again.
    let (s, l, h, v) = (Double(tokens), Double(layers), Double(hidden), 51_200.0)
    expectClose(step, 72 * s * l * h * h * (1 + s / (6 * h) + v / (12 * l * h)), relative: 1e-12)
    expectClose(again, 24 * s * l * h * h * (1 + s / (6 * h)), relative: 1e-12)
  }

  /// Korthikanti et al. 2022, table 5, which no constant was fitted to: A100 of 80 GB, 8 in a DGX, HDR InfiniBand.
  @Test(
    "of step times on A100 lie within the model's interval",
    arguments: [
      ("22B", "48,6144,64,8,1,1,1,4,4", 1.42, 1.10), ("175B", "96,12288,96,8,8,3,1,1,64", 18.13, 13.75),
      ("530B", "105,20480,128,8,35,3,1,1,280", 49.05, 37.83), ("1T", "128,25600,160,8,64,1,1,1,512", 94.42, 71.49),
    ])
  func stepTimes(name: String, shape: String, full: Double, selective: Double) throws {
    let columns = "layers,hidden,heads,tp,pp,vpp,dp,micro_batch,global_batch"
    let nodes = try #require(["22B": 1, "175B": 8, "530B": 35, "1T": 64][name])
    let lines = [("no,full", full), ("yes,selective", selective)].map { option, seconds in
      "\(name) \(option.suffix(4)),Korthikanti et al. 2022,GPT \(name),A100,80,Megatron-LM,\(seconds),fp16,DGX A100,"
        + "NVSwitch,8x200 Gbit/s HDR InfiniBand,gpt-dense,8,\(nodes),\(8 * nodes),51200,2048,\(option),\(shape)"
    }
    let header =
      "id,source,model,accelerator,accel_mem_GB,framework,step_time_s,precision,instance_or_node,interconnect_intra,"
      + "interconnect_inter,model_family,gpus_per_node,nodes,total_accels,vocab,seq_len,seq_par,recompute,\(columns)"
    let folder = try TemporaryFolder()
    let path = try folder.write(([header] + lines).joined(separator: "\n"), "runs.csv")
    let validation = Validation(try PublishedRun.rows(path: path), catalog: try Catalog.shipped())
    #expect(validation.skipped.isEmpty)
    let calibration = try Calibration.shipped()
    for step in validation.steps {
      let time = calibration.predict(step)
      #expect(time.low <= step.published && step.published <= time.high, "\(step.run.id): \(time)")
      // Within a third either way, not by the interval's width alone.
      #expect(abs(time.seconds / step.published - 1) < 0.35, "\(step.run.id): \(time.seconds) for \(step.published)")
    }
    let times = validation.steps.map { calibration.predict($0).seconds }
    #expect(times.count == 2 && times[1] < times[0])
  }
}

/// A step of one rank, whose time is its rooflines and nothing else.
@Suite("One rank") struct OneRankTests {
  private static let device = Device(
    key: "a100", arithmetic: .bf16, peak: FLOPRate(312e12), memoryBandwidth: Bandwidth(gigabytesPerSecond: 1555),
    memory: Bytes(gibibytes: 40), units: 108, usesMatrixUnits: true)
  private static let samples = 4.0
  private static let microBatches = 6.0

  /// Five layers of a product forward, dX and dW of [4·320 × 640] · [640 × 1920], and passes over 4·320·640 elements.
  private static let shape: StepShape = {
    let product = Kernel.Product(rows: 320, columns: 1920, depth: 640)
    var kernels = [Kernel.Pass.forward, .backwardInput, .backwardWeights].map {
      Kernel(
        work: .product(product), pass: $0, role: .columnParallel, section: .block, activations: 320 * (640 + 1920),
        weights: 640 * 1920, count: 5)
    }
    kernels += [Kernel.Pass.forward, .backward].map {
      Kernel(
        work: .traffic(.activation), pass: $0, role: .replicated, section: .block, activations: 2 * 320 * 640,
        weights: 0,
        count: 5)
    }
    return StepShape(
      device: device, attentionPeak: device.peak, isHopperOrLater: false, fusesAttention: true, block: kernels,
      edge: [], samples: samples, dispatches: 10, microBatches: microBatches, parameters: 5 * 640 * 1920,
      gradientBytes: 2,
      network: NetworkShape(oneHostOver: .linkNVSwitch3))
  }()

  /// Constants under which nothing is lost beside the roofline: full peaks, one pass, no overheads.
  private static let ideal: Constants = {
    var constants = Constants.priors(accelerators: [], frameworks: [])
    for (constant, value) in [
      (General.productMatrixUnits, 1.0), (.depthMatrixUnits, 0), (.columnsMatrixUnits, 0), (.waveProduct, 0),
      (.activation, 1), (.backwardTraffic, 1), (.dispatch, 0), (.perMicroBatch, 0), (.perStep, 0), (.optimizer, 0),
      (.tensorLatency, 0),
    ] { constants[constant.rawValue] = value }
    return constants
  }()

  @Test("takes its kernels' rooflines when all degrees are 1, to the last digit")
  func roofline() {
    let arithmetic: Double = 2 * 4 * 320 * 1920 * 640 / 312e12
    let elements: Double = 4 * 320 * (640 + 1920) + 640 * 1920
    let moved: Double = 2 * elements / (0.85 * 1555e9)
    // The longer of two times that overlap nearly wholly: ‖·‖₄.
    let (a, b) = (arithmetic * arithmetic, moved * moved)
    let product = (a * a + b * b).squareRoot().squareRoot()
    let pass: Double = 2 * 4 * 2 * 320 * 640 / (0.85 * 1555e9)
    let step = Self.microBatches * 5 * (3 * product + 2 * pass)
    let breakdown = Self.shape.breakdown(Self.ideal)
    expectClose(breakdown.total.count, step, relative: 1e-12)
    expectClose(breakdown[.products], Self.microBatches * 15 * product, relative: 1e-12)
    expectClose(breakdown[.memory], Self.microBatches * 10 * pass, relative: 1e-12)
    // Nothing else is charged, and no link has a say.
    for term in StepBreakdown.Term.allCases where term != .products && term != .memory {
      #expect(abs(breakdown[term]) < 1e-15 * step, "\(term)")
    }
    var slow = Self.ideal
    for link in [General.linkNVSwitch3, .rdma, .tcp, .bucketLatency, .tensorLatency] { slow[link.rawValue] *= 1e-3 }
    #expect(Self.shape.breakdown(slow) == breakdown)
  }

  @Test("is the same under every ZeRO stage, alone or with all overheads", arguments: [1, 2, 3])
  func zero(stage: Int) {
    for constants in [Self.ideal, Constants.priors(accelerators: [], frameworks: [])] {
      var shape = Self.shape
      shape.zeroStage = stage
      #expect(shape.breakdown(constants) == Self.shape.breakdown(constants))
    }
  }

  @Test("of p = 1 is m times the stage; p stages of many micro-batches are as fast as one of them all")
  func pipeline() {
    var shape = Self.shape
    func total(_ microBatches: Double, stages: Double) -> Double {
      shape.microBatches = microBatches
      shape.pipeline = stages
      return shape.breakdown(Self.ideal).total.count
    }
    expectClose(total(21, stages: 1), 7 * total(3, stages: 1), relative: 1e-12)
    // (m + p − 1)/m of the ideal.
    expectClose(total(12, stages: 4), total(12, stages: 1) * 15 / 12, relative: 1e-12)
    expectClose(total(1e9, stages: 4), total(1e9, stages: 1), relative: 1e-8)
  }
}
