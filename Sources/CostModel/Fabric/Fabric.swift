/// The links of a cluster of equal nodes with the constants that price collectives on them. Cheap to copy and to ask; make
/// `coefficients` once a group and evaluate those.
package struct Fabric: Hashable, Sendable {
  /// Which algorithms the collective library has.
  package enum Library: String, CaseIterable, Codable, Hashable, Sendable {
    /// Ring and tree.
    case nccl
    /// Ring, mesh for small messages, hierarchical between instances.
    case neuron
    /// Every schedule that Apus and MPI libraries run: all of them.
    case mpi
  }

  package var node: NodeFabric
  /// Nil for one node alone.
  package var network: NetworkFabric?
  package var library: Library
  package var acceleratorsPerNode: Int
  /// Keys of the constants and what was assumed for lack of any.
  package var sources: [String]

  package init(
    node: NodeFabric, network: NetworkFabric?, library: Library = .nccl, acceleratorsPerNode: Int,
    sources: [String] = []
  ) {
    self.node = node
    self.network = network
    self.library = library
    self.acceleratorsPerNode = acceleratorsPerNode
    self.sources = sources
  }

  /// Whether all that a group uses was measured; if not, a plan prints "unmeasured fabric".
  package func isMeasured(_ group: RankGroup) -> Bool {
    (group.ranksPerNode == 1 || node.isMeasured) && (group.nodes == 1 || network?.isMeasured == true)
  }

  /// Standard deviation of ln(measured / predicted) for a group.
  package func residual(_ group: RankGroup) -> Double {
    group.nodes > 1 ? network?.residual ?? 0.3 : node.residual
  }

  /// Everything about a group that does not depend on the size of a message.
  ///
  /// - Precondition: a group of more than one node needs a network.
  package func coefficients(_ group: RankGroup) -> FabricCoefficients { FabricCoefficients(self, group) }

  package func coefficients(
    groupSize: Int, ranksPerNode: Int, concurrentGroupsPerNode: Int = 1
  ) -> FabricCoefficients {
    coefficients(RankGroup(size: groupSize, ranksPerNode: ranksPerNode, concurrentPerNode: concurrentGroupsPerNode))
  }
}
