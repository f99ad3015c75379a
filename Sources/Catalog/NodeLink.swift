package import Units

/// How the accelerators of one instance reach each other.
package struct NodeLink: Hashable, Sendable {
  package enum Topology: String, CaseIterable, Codable, Sendable {
    /// One accelerator.
    case none
    /// Through PCIe switches or the host's root complex.
    case pcie
    /// NVLink between each two of four GPUs.
    case nvLinkMesh = "nvlink-mesh"
    /// NVLink between some pairs of eight GPUs; others cross PCIe and the CPU.
    case hybridCubeMesh = "hybrid-cube-mesh"
    /// Any pair at full speed at once.
    case nvSwitch = "nvswitch"
    /// Each chip has four neighbours.
    case torus2D = "torus-2d"
    /// NeuronLink whose topology AWS does not publish.
    case neuronLink = "neuronlink"
  }

  /// Nil if not known.
  package let topology: Sourced<Topology>?
  /// Such as "NVLink 3".
  package let name: Sourced<String>?
  /// Of all links of an accelerator together, per direction.
  package let perDirection: Sourced<Bandwidth>?
  /// Per direction between accelerators that have no common link.
  package let betweenUnlinked: Sourced<Bandwidth>?
  /// Of an accelerator, where the source does not say whether it is one direction or the sum of both.
  package let directionNotStated: Sourced<Bandwidth>?
  package let pcieLanes: Sourced<Int>?

  /// What a plan may count on per direction, and what is assumed in that: a bandwidth of unstated direction is taken as
  /// the sum of both. Nil if nothing is known.
  package var planned: (bandwidth: Bandwidth, assumption: String?)? {
    if let perDirection { return (perDirection.value, nil) }
    guard let both = directionNotStated else { return nil }
    let half = both.value * 0.5
    return (half, "\(both.value) a chip is taken as the sum of both directions, \(half) each: its source does not say")
  }

  init(_ sheet: FactSheet) {
    topology = sheet.text("link").flatMap { text in
      Topology(rawValue: text.value).map { kind in text.map { _ in kind } }
    }
    name = sheet.text("link_name")
    perDirection = sheet.bandwidth("link_bandwidth")
    betweenUnlinked = sheet.bandwidth("link_bandwidth_far")
    directionNotStated = sheet.bandwidth("link_bandwidth_undirected")
    pcieLanes = sheet.count("pcie_lanes")
  }
}

/// How instances reach each other.
package struct Network: Hashable, Sendable {
  /// As the EC2 API has it: "4x 100 Gigabit", "Up to 25 Gigabit", "High".
  package let performance: Sourced<String>?
  /// What may be counted on for as long as one likes, of all cards together; nil where AWS gives no number.
  package let baseline: Sourced<Bandwidth>?
  /// For minutes, on credits, where it is more than the baseline. Never plan on it.
  package let peak: Sourced<Bandwidth>?
  package let cards: Sourced<Int>?
  /// 0 if the instance has no Elastic Fabric Adapter.
  package let efaInterfaces: Sourced<Int>?
  /// Of all interfaces together.
  package let efaBandwidth: Sourced<Bandwidth>?
  /// Whether EFA reads and writes the accelerators' memory without a copy in the host; nil if not known.
  package let gpuDirectRDMA: Sourced<Bool>?
  package let efaLatency: Sourced<Seconds>?
  /// What one flow gets over plain ENA, and inside a cluster placement group.
  package let flow: Sourced<Bandwidth>?
  package let flowInGroup: Sourced<Bandwidth>?

  package var hasEFA: Bool { (efaInterfaces?.value ?? 0) > 0 }
  package var bursts: Bool {
    guard let baseline, let peak else { return false }
    return peak.value > baseline.value
  }

  init(_ sheet: FactSheet) {
    performance = sheet.text("network_performance")
    baseline = sheet.bandwidth("network_baseline")
    peak = sheet.bandwidth("network_peak")
    cards = sheet.count("network_cards")
    efaInterfaces = sheet.count("efa_interfaces")
    efaBandwidth = sheet.bandwidth("efa_bandwidth")
    gpuDirectRDMA = sheet.flag("gpudirect_rdma")
    efaLatency = sheet.time("efa_latency")
    flow = sheet.bandwidth("flow_bandwidth")
    flowInGroup = sheet.bandwidth("flow_bandwidth_in_group")
  }
}
