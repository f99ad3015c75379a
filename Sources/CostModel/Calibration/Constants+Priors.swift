extension Constants {
  /// Share of the spreads below that left-out clusters of runs are predicted best with.
  private static let trust = 0.6

  /// Before any fit: priors of the general constants, and of one factor for each accelerator and framework named.
  ///
  /// - Parameters:
  ///   - accelerators: keys such as "v100 matrix" (`StepShape.acceleratorKey`).
  ///   - frameworks: keys of `Software`.
  package static func priors(accelerators: [String], frameworks: [String]) -> Constants {
    var list = General.allCases.map(general)
    for key in accelerators {
      let (prior, spread) = knownEfficiency[key] ?? (1, 0.15)
      list.append(
        Constant(
          name: "accelerator \(key)", unit: "", prior: prior, spread: spread * trust, lower: 0.25, upper: 2,
          value: prior,
          meaning: "rate of products against the peak, beside that of other accelerators"))
    }
    for key in frameworks {
      for (kind, spread, meaning) in [
        ("dispatch", 0.7, "time to start a kernel, beside other frameworks'"),
        ("traffic", 0.12, "passes over memory, beside other frameworks'"),
        ("attention", 0.3, "rate of attention cores, beside other frameworks'"),
      ] {
        let prior = fusedSoftmax.contains(key) && kind == "attention" ? 1.6 : 1
        list.append(
          Constant(
            name: "\(kind) \(key)", unit: "", prior: prior, spread: spread * trust, lower: 0.1, upper: 10, value: prior,
            meaning: meaning))
      }
    }
    return Constants(list)
  }

  /// Data sheets give boost clocks; these parts are known not to hold them under load (base clock of the GK210 562 MHz of
  /// 875; the T4 has 70 W).
  private static let knownEfficiency: [String: (prior: Double, spread: Double)] = [
    "k80 vector": (0.64, 0.12), "t4 matrix": (0.58, 0.15), "t4 vector": (0.6, 0.15), "m60 vector": (0.9, 0.12),
    "h100 matrix": (0.86, 0.12), "trainium matrix": (0.8, 0.3),
  ]

  /// Frameworks whose softmax, mask and scale are one kernel (Megatron-LM since 2020).
  private static let fusedSoftmax: Set = ["megatron", "megatron-deepspeed", "nemo"]

  // swift-format-ignore
  private static func general(_ constant: General) -> Constant {
    func make(
      _ name: String, _ unit: String, _ prior: Double, _ spread: Double, _ lower: Double, _ upper: Double,
      _ meaning: String
    ) -> Constant {
      Constant(
        name: name, unit: unit, prior: prior, spread: spread * trust, lower: lower, upper: upper, value: prior, meaning: meaning)
    }
    return switch constant {
    case .productMatrixUnits: make("product matrix units", "of peak", 0.8, 0.15, 0.4, 0.98, "large matrix products in 16 bits")
    case .productVector: make("product vector", "of peak", 0.9, 0.15, 0.5, 1, "large matrix products on vector units")
    case .productTensorFloat: make("product TF32", "of peak", 0.75, 0.15, 0.4, 0.98, "large matrix products in TF32")
    case .convolutionMatrixUnits: make("convolution matrix units", "of peak", 0.55, 0.25, 0.2, 0.95, "large convolutions in 16 bits")
    case .convolutionVector: make("convolution vector", "of peak", 0.8, 0.2, 0.4, 1, "large convolutions on vector units")
    case .convolutionTensorFloat: make("convolution TF32", "of peak", 0.55, 0.25, 0.2, 0.95, "large convolutions in TF32")
    case .attention: make("attention", "of peak", 0.5, 0.2, 0.15, 0.9, "both products of an attention core")
    case .attentionHopper: make("attention on Hopper", "", 0.6, 0.4, 0.2, 1.2, "kernels made for earlier parts, on Hopper and later")
    case .eightBit: make("8-bit products", "", 0.7, 0.25, 0.3, 1, "scaling and casts beside products in FP8")
    case .winograd: make("Winograd", "", 0.5, 0.35, 0.25, 1, "products that remain of a 3×3 convolution in FP32")
    case .depthMatrixUnits: make("depth, matrix units", "elements", 60, 0.5, 5, 400, "depth at which half the rate is lost")
    case .columnsMatrixUnits: make("columns, matrix units", "elements", 30, 0.5, 1, 300, "columns at which half the rate is lost")
    case .depthVector: make("depth, vector", "elements", 20, 0.5, 1, 200, "depth at which half the rate is lost")
    case .columnsVector: make("columns, vector", "elements", 10, 0.5, 1, 200, "columns at which half the rate is lost")
    case .waveProduct: make("wave of products", "waves", 0.5, 0.5, 0.05, 2, "part of a wave of tiles lost at the end of a product")
    case .waveConvolution: make("wave of convolutions", "waves", 0.5, 0.5, 0.05, 2, "part of a wave of tiles lost at the end of a product")
    case .normalisation: make("normalisation", "passes", 1.5, 0.3, 0.7, 4, "traffic beside reading inputs and writing outputs once")
    case .activation: make("activation", "passes", 1.3, 0.4, 0.3, 8, "")
    case .addition: make("addition", "passes", 1, 0.3, 0.3, 4, "")
    case .pooling: make("pooling", "passes", 1.2, 0.3, 0.4, 5, "")
    case .softmax: make("softmax", "passes", 1.5, 0.3, 0.5, 5, "losses over a vocabulary among them")
    case .copy: make("copy", "passes", 1, 0.3, 0.3, 4, "")
    case .recurrence: make("recurrence", "passes", 1.5, 0.3, 0.5, 5, "")
    case .depthwise: make("depthwise", "passes", 4, 0.5, 1, 30, "depthwise convolutions, as passes over memory")
    case .scores: make("scores", "passes", 7, 0.3, 3, 16, "over the scores of an attention that writes them out")
    case .backwardTraffic: make("backward traffic", "", 1, 0.2, 0.6, 1.6, "passes of backward beside those of forward")
    case .dispatch: make("dispatch", "s", 3e-5, 0.8, 3e-6, 2e-4, "host time to start one kernel")
    case .perMicroBatch: make("per micro-batch", "s", 1e-3, 0.8, 1e-6, 1e-2, "")
    case .perStep: make("per step", "s", 2e-3, 0.8, 1e-5, 2e-2, "")
    case .detection: make("detection", "s/image", 3e-2, 0.5, 2e-3, 0.1, "proposals, matching and sampling of two-stage detectors")
    case .linkPCIe: make("link PCIe", "GB/s", 6, 0.4, 0.5, 30, "achieved per direction in training, by a rank")
    case .linkNVLink1: make("link NVLink 1", "GB/s", 30, 0.4, 5, 80, "")
    case .linkNVLink2: make("link NVLink 2", "GB/s", 50, 0.4, 8, 150, "")
    case .linkNVSwitch2: make("link NVSwitch 1", "GB/s", 100, 0.4, 15, 150, "")
    case .linkNVSwitch3: make("link NVSwitch 2", "GB/s", 200, 0.3, 40, 300, "")
    case .linkNVSwitch4: make("link NVSwitch 3", "GB/s", 300, 0.3, 60, 450, "")
    case .linkNeuron: make("link NeuronLink", "GB/s", 60, 0.4, 8, 200, "")
    case .rdma: make("RDMA network", "of nominal", 0.75, 0.3, 0.1, 1.5, "InfiniBand, RoCE and EFA")
    case .tcp: make("TCP network", "of nominal", 0.85, 0.2, 0.3, 1, "")
    case .tcpCeiling: make("TCP ceiling", "Gbit/s", 10, 0.5, 2, 60, "what a host's sockets reach however wide its link")
    case .shaped: make("shaped network", "of nominal", 0.85, 0.2, 0.3, 1, "links limited on purpose")
    case .dapl: make("MPI over DAPL", "of nominal", 0.4, 0.5, 0.02, 1, "")
    case .pointToPoint: make("point to point", "of nominal", 0.9, 0.1, 0.3, 1, "")
    case .sharded: make("sharded collectives", "of nominal", 1, 0.2, 0.3, 1.3, "gathers of ZeRO-3 across hosts")
    case .serverReduction: make("server reduction", "", 0.7, 0.3, 0.1, 1.5, "gradients summed by one server")
    case .contention: make("contention", "", 0.3, 0.5, 0.01, 1, "share of a reduction by which backward beside it is slower: 1 hides nothing")
    case .shardedOverlap: make("overlap of gathers", "", 1.5, 0.5, 1, 8, "")
    case .pipelineOverlap: make("overlap of transfers", "", 2, 0.5, 1, 8, "")
    case .bucketLatency: make("bucket latency", "s", 1e-4, 0.8, 1e-6, 2e-3, "")
    case .tensorLatency: make("tensor-parallel latency", "s", 2e-5, 0.8, 1e-6, 5e-4, "")
    case .optimizer: make("optimizer", "", 1, 0.5, 0.3, 6, "beside 20 bytes a parameter at 80 % of the memory's rate")
    }
  }
}
