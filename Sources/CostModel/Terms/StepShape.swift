package import Units

/// Everything about a training step but the constants: what one stage of one replica computes, how the ranks share it, and
/// over what they talk. `breakdown` prices it.
package struct StepShape: Sendable {
  // What computes.
  package var device: Device
  /// Peak of the arithmetic that attention runs in: that of 16 bits where products are in FP8.
  package var attentionPeak: FLOPRate
  package var isHopperOrLater: Bool
  /// Whether scores stay on the chip (Dao et al. 2022) rather than being written out.
  package var fusesAttention: Bool
  /// Positions of the constants of this accelerator and this framework; nil where none was fitted.
  package var acceleratorConstant: Int?
  package var dispatchConstant: Int?
  package var trafficConstant: Int?
  package var attentionConstant: Int?

  // What is computed, by one rank.
  /// The repeated layers of one stage, forward and backward, of one rank.
  package var block: [Kernel]
  /// What stands before and behind them, on the first and the last stage.
  package var edge: [Kernel]
  /// Samples of a micro-batch, over the ranks that share a sequence.
  package var batch: Double
  /// Kernels that the host starts for one forward pass of a stage.
  package var dispatches: Double
  /// Images of a micro-batch whose proposals the host matches and samples; 0 for other models.
  package var detections: Double = 0

  // How ranks share it.
  package var microBatches: Double
  package var tensor: Double = 1
  package var pipeline: Double = 1
  package var virtualStages: Double = 1
  package var data: Double = 1
  package var zeroStage: Int = 0
  /// Shards lie within a host and are replicated over hosts.
  package var shardsWithinHost = false
  package var recomputation: Recomputation = .none
  /// All-reduces of one forward pass of a stage under tensor parallelism, and the bytes of each.
  package var tensorReductions: Double = 0
  package var tensorBytes: Double = 0
  /// Ranks that share the experts, and the bytes that forward of a stage hands to them for one micro-batch.
  package var experts: Double = 1
  package var routedBytes: Double = 0
  /// What crosses a stage boundary for one micro-batch.
  package var boundaryBytes: Double = 0
  /// Parameters that a rank holds before ZeRO shards them, and bytes of each in a gradient message.
  package var parameters: Double
  package var gradientBytes: Double
  package var reducesAtServer = false
  /// Whether buckets of gradients leave while backward still runs (Li et al. 2020), rather than all behind it.
  package var reducesBesideBackward = true
  package var network: NetworkShape
}

/// What a rank talks over.
package struct NetworkShape: Hashable, Sendable {
  package enum Interconnect: Hashable, Sendable { case rdma, tcp, shaped, dapl }

  /// Constant of the links between accelerators of a host, or nil with the bandwidth that is assumed of them.
  package var link: General?
  package var assumedLink: Bandwidth?
  package var interconnect: Interconnect = .rdma
  /// Of all interfaces of a host.
  package var hostBandwidth = Bandwidth(0)
  /// Added to each message on purpose.
  package var delay = Seconds(0)
  package var hosts: Double = 1
  package var ranksPerHost: Double = 1

  /// Bytes per second of one rank to its neighbours in a host.
  func linkRate(_ c: borrowing Constants) -> Double {
    if let link { return c[link] * 1e9 }
    return assumedLink?.count ?? 1e10
  }

  /// Share of the nominal bandwidth that collectives reach.
  func efficiency(_ c: borrowing Constants) -> Double {
    switch interconnect {
    case .rdma: c[.rdma]
    case .tcp: c[.tcp]
    case .shaped: c[.shaped]
    case .dapl: c[.dapl]
    }
  }

  /// Bytes per second of a host: sockets reach a ceiling where several ranks share them.
  func hostRate(_ c: borrowing Constants) -> Double {
    let rate = hostBandwidth.count * efficiency(c)
    guard interconnect == .tcp, ranksPerHost > 1 else { return max(rate, 1) }
    let ceiling = c[.tcpCeiling] * 0.125e9
    let ratio = rate / ceiling
    return max(rate / (1 + ratio * ratio).squareRoot(), 1)
  }
}

extension StepShape {
  /// What every step has; how ranks share it is set beside.
  package init(
    device: Device, attentionPeak: FLOPRate, isHopperOrLater: Bool, fusesAttention: Bool, block: [Kernel],
    edge: [Kernel], samples: Double, dispatches: Double, microBatches: Double, parameters: Double,
    gradientBytes: Double, network: NetworkShape
  ) {
    self.init(
      device: device, attentionPeak: attentionPeak, isHopperOrLater: isHopperOrLater, fusesAttention: fusesAttention,
      block: block, edge: edge, batch: samples, dispatches: dispatches, microBatches: microBatches,
      parameters: parameters, gradientBytes: gradientBytes, network: network)
  }
}

extension StepShape {
  /// Points the step at the constants that were fitted for its accelerator and framework.
  mutating func resolve(_ constants: borrowing Constants, framework: String) {
    acceleratorConstant = constants.index(of: "accelerator \(device.constantKey)")
    dispatchConstant = constants.index(of: "dispatch \(framework)")
    trafficConstant = constants.index(of: "traffic \(framework)")
    attentionConstant = constants.index(of: "attention \(framework)")
  }
}

extension NetworkShape {
  /// One host whose accelerators talk over `link`.
  package init(oneHostOver link: General) { self.init(link: link) }
}
