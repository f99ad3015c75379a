package import Catalog
package import Units

/// The links of a cluster as its data sheet or the report of a run has them: what is known before anything is measured.
/// `Fabric.init(_:constants:)` makes constants of it, measured ones where there are some.
package struct FabricDescription: Hashable, Sendable {
  /// Between the accelerators of a node.
  package struct NodeLinks: Hashable, Sendable {
    package var topology: NodeLink.Topology
    package var accelerators: Int
    /// Of all links of an accelerator together, one direction. Nil if not known.
    package var perDirection: Bandwidth?
    /// Between accelerators without a common link.
    package var betweenUnlinked: Bandwidth?

    package init(
      _ topology: NodeLink.Topology, accelerators: Int, perDirection: Bandwidth? = nil,
      betweenUnlinked: Bandwidth? = nil
    ) {
      self.topology = topology
      self.accelerators = accelerators
      self.perDirection = perDirection
      self.betweenUnlinked = betweenUnlinked
    }
  }

  package enum Transport: String, CaseIterable, Codable, Hashable, Sendable {
    /// Elastic Fabric Adapter.
    case efa
    case infiniband
    /// RDMA over Ethernet.
    case roce
    /// Sockets, through the host's memory.
    case tcp
    /// A link that is limited on purpose, by `tc` or by a wide area.
    case shaped
  }

  /// Between nodes.
  package struct NetworkLinks: Hashable, Sendable {
    package var transport: Transport
    /// Of all interfaces of a node, one direction.
    package var perNode: Bandwidth
    package var interfaces: Int
    /// Of one small message across the network, rated; nil if not known.
    package var latency: Seconds?
    /// Added to each message on purpose, or by distance.
    package var delay: Seconds
    /// Whether the interfaces read and write the accelerators' memory. Nil if not known.
    package var directMemoryAccess: Bool?

    package init(
      _ transport: Transport, perNode: Bandwidth, interfaces: Int = 1, latency: Seconds? = nil, delay: Seconds = .zero,
      directMemoryAccess: Bool? = nil
    ) {
      self.latency = latency
      self.transport = transport
      self.perNode = perNode
      self.interfaces = max(1, interfaces)
      self.delay = delay
      self.directMemoryAccess = directMemoryAccess
    }
  }

  package var node: NodeLinks
  package var network: NetworkLinks?
  package var library: Fabric.Library
  /// Keys of measured constants for this very system, where there are some.
  package var measuredNode: String?
  package var measuredNetwork: String?

  package init(node: NodeLinks, network: NetworkLinks?, library: Fabric.Library = .nccl) {
    self.node = node
    self.network = network
    self.library = library
  }

  /// Of an instance type of the catalog. Bandwidth "up to" some rate counts as the baseline.
  ///
  /// - Returns: a description without network where the catalog has no rate for it.
  package init(_ instance: InstanceType) {
    let link = instance.link
    node = NodeLinks(
      link.topology?.value ?? (instance.acceleratorCount.value > 1 ? .pcie : .none),
      accelerators: instance.acceleratorCount.value, perDirection: link.planned?.bandwidth,
      betweenUnlinked: link.betweenUnlinked?.value)
    let network = instance.network
    let isEFA = network.hasEFA
    if let rate = isEFA ? network.efaBandwidth?.value ?? network.baseline?.value : network.baseline?.value {
      self.network = NetworkLinks(
        isEFA ? .efa : .tcp, perNode: rate, interfaces: (isEFA ? network.efaInterfaces : network.cards)?.value ?? 1,
        latency: isEFA ? network.efaLatency?.value : nil, directMemoryAccess: network.gpuDirectRDMA?.value)
    }
    let neuron: Set<NodeLink.Topology> = [.torus2D, .neuronLink]
    library =
      neuron.contains(node.topology) || ["trn1", "trn1n", "trn2", "inf2"].contains(instance.family) ? .neuron : .nccl
    measuredNode = Self.measuredNodes[instance.name]
    measuredNetwork = Self.measuredNetworks[instance.name]
  }

  /// The systems on which constants were measured, or which have the same parts.
  private static let measuredNodes = [
    "p3.16xlarge": "nvlink-cube-mesh-v100", "p3dn.24xlarge": "nvlink-cube-mesh-v100", "p4d.24xlarge": "nvswitch-a100",
    "p4de.24xlarge": "nvswitch-a100", "p5.48xlarge": "nvswitch-h100",
  ]

  /// p4d takes what p4de has: the same interfaces, and the library of today. p4d's own points are of 2021.
  private static let measuredNetworks = [
    "p3dn.24xlarge": "efa-p3dn", "p4d.24xlarge": "efa-p4de", "p4de.24xlarge": "efa-p4de", "p5.48xlarge": "efa-p5",
    "p6-b200.48xlarge": "efa-p6", "trn1.32xlarge": "efa-trn1",
  ]
}
