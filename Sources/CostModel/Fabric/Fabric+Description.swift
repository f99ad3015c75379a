import Catalog
import Units

/// Constants of fabrics that nobody measured: a rated bandwidth times what the nearest measured kin reached of its own, with the
/// kin's latencies.
///
/// Shares reached of the rating by the fitted constants: cube mesh 22.65 of 25 GB/s a link, NVSwitch 3 320 of 300 (and 1 / 482 GB/s
/// a byte beside it), NVSwitch 4 286 of 450 (the switch reduces), EFA 49.9 of 50 and 394 of 400, EFA of 2020 8.4 of 12.5,
/// sockets 4.7 of 12.5 (NVIDIA/nccl issue 398). What is not of these is an assumption, and says so in `sources`.
extension Fabric {
  /// - Parameter constants: the measured fabrics.
  package init(_ description: FabricDescription, constants: FabricConstants) {
    var sources: [String] = []
    let node = Self.node(description, constants, &sources)
    let network = description.network.map { links in
      var network = Self.network(links, description.measuredNetwork, constants, &sources)
      network.delay = links.delay.count
      let perAccelerator = network.bandwidth / Double(max(1, description.node.accelerators))
      network.rankBandwidth = max(perAccelerator, network.bandwidth / Double(links.interfaces))
      return network
    }
    self.init(
      node: node, network: network, library: description.library, acceleratorsPerNode: description.node.accelerators,
      sources: sources)
  }

  private static func node(
    _ description: FabricDescription, _ constants: FabricConstants, _ sources: inout [String]
  ) -> NodeFabric {
    let links = description.node
    let structure = structure(links)
    if let key = description.measuredNode, let entry = constants[key] {
      sources.append("\(key), measured")
      return entry.node(structure: structure)
    }
    var node = NodeFabric()
    let rated = links.perDirection?.count
    switch links.topology {
    case .none: return node
    case .nvSwitch:
      let isReducing = (rated ?? 300e9) > 400e9
      let kin = isReducing ? "nvswitch-h100" : "nvswitch-a100"
      node = constants[kin]?.node() ?? node
      let scale = (rated ?? 300e9) / (isReducing ? 450e9 : 300e9)
      node.bandwidth *= scale
      node.localPerByte /= scale
      node.small?.bandwidth *= scale
      node.switchBandwidth = node.switchBandwidth.map { $0 * scale }
      sources.append("unmeasured NVSwitch: constants of \(kin) times \(fixedPoint(scale, decimals: 2))")
    case .hybridCubeMesh, .nvLinkMesh:
      node = constants["nvlink-cube-mesh-v100"]?.node(structure: structure) ?? node
      let count = Double(structure?.links.first?.reduce(0, +) ?? 6)
      let scale = (rated ?? 25e9 * count) / count / 25e9
      node.bandwidth *= scale
      node.small?.bandwidth *= scale
      sources.append(
        "unmeasured NVLink mesh: a link's constants of nvlink-cube-mesh-v100 times \(fixedPoint(scale, decimals: 2))")
    case .torus2D, .neuronLink:
      node.bandwidth = (rated ?? 192e9) * 0.7
      node.launch = 15e-6
      node.step = 1.5e-6
      sources.append("unmeasured NeuronLink: 0.7 of the rating, 1.5 µs a hop (Neuron SDK documentation: 1 to 2)")
    case .pcie:
      // A ring crosses each accelerator's lanes once, but switches share those of the host.
      node.bandwidth = (rated ?? 15.75e9) * 0.6
      node.launch = 20e-6
      node.step = 10e-6
      sources.append("unmeasured PCIe: 0.6 of the rating of 16 lanes")
    }
    node.isMeasured = false
    node.residual = 0.3
    node.fallbackBandwidth = (links.betweenUnlinked?.count ?? 10e9) * 0.8
    return node
  }

  private static func structure(_ links: FabricDescription.NodeLinks) -> LinkStructure? {
    switch links.topology {
    case .hybridCubeMesh:
      // Four links of 20 GB/s are a P100's, six of 25 GB/s a V100's.
      (links.perDirection?.count ?? 150e9) < 100e9 ? .hybridCubeMeshP100 : .hybridCubeMeshV100
    case .nvLinkMesh:
      // p3.8xlarge is half a cube mesh; four A100 have four links to each other.
      (links.perDirection?.count ?? 150e9) <= 150e9 && links.accelerators <= 4
        ? .hybridCubeMeshV100 : .mesh(ranks: max(2, links.accelerators), linksPerPair: 4)
    default: nil
    }
  }

  private static func network(
    _ links: FabricDescription.NetworkLinks, _ measured: String?, _ constants: FabricConstants,
    _ sources: inout [String]
  ) -> NetworkFabric {
    if let measured, let entry = constants[measured] {
      sources.append("\(measured), \(entry.isMeasured ? "measured" : "its bandwidth assumed")")
      return entry.network
    }
    var network = NetworkFabric()
    let rate = links.perNode.count
    switch links.transport {
    case .efa:
      let (kin, rated) = rate >= 150e9 ? ("efa-p5", 400e9) : rate > 20e9 ? ("efa-p4de", 50e9) : ("efa-p3dn", 12.5e9)
      network = constants[kin]?.network ?? network
      network.bandwidth *= rate / rated
      network.smallBandwidth *= min(1, rate / rated)
      sources.append("unmeasured EFA: constants of \(kin) times \(fixedPoint(rate / rated, decimals: 2))")
    case .infiniband, .roce:
      network = constants["efa-p4de"]?.network ?? network
      let isRoCE = links.transport == .roce
      let hop = isRoCE ? 8e-6 : 5e-6
      network.latency = 4 * hop + 20e-6
      network.smallLatency = network.latency
      network.smallBandwidth = rate / 8
      network.bandwidth = rate * (isRoCE ? 0.85 : 0.92)
      sources.append(
        "unmeasured \(isRoCE ? "RoCE, 0.85" : "InfiniBand, 0.92") of the rating, \(isRoCE ? 8 : 5) µs a hop")
    case .tcp:
      // 4.7 of 12.5 GB/s: the host's copies are a ceiling of 7.5 GB/s beside the wire; 228 µs a hop between T4 instances.
      network.bandwidth = 1 / (1 / rate + 1 / 7.5e9)
      network.latency = 4 * 228e-6
      sources.append("unmeasured sockets: a ceiling of 7.5 GB/s beside the rating, 228 µs a hop")
    case .shaped:
      network.bandwidth = rate * 0.95
      network.latency = 4 * 50e-6
      sources.append("unmeasured limited link: 0.95 of the limit, 50 µs a hop beside its delay")
    }
    // On p5 20 µs a message and 103 µs an all-reduce of two nodes: four messages and 20 µs.
    if let latency = links.latency { network.latency = 4 * latency.count + 20e-6 }
    if links.directMemoryAccess == false, links.transport != .tcp { network.latency *= 1.25 }
    network.isMeasured = false
    network.residual = 0.3
    return network
  }
}
