/// Collectives between nodes.
///
/// Two nodes, all-reduce of S bytes (α, B and κ are fitted):
///
///     large(S) = α + S w / B + 2 √(κ α w S / B)
///     small(S) = α₀ + S w / B₀ (NCCL's LL protocol: flat below some KiB)
///
/// The √ is the price of pipelining with the best chunks over the hops that α counts; κ is near 1. For X nodes:
/// - tree: α(X) = α (½ + ½ ⌈lg X⌉), half of α being there whatever the tree's height (on p5, 2 · 20 µs of 71 µs are the
///   network: aws-ofi-nccl, src/tuner/nccl_ofi_model.cpp); w = 1 for two nodes, each of which sends the sum of its own ranks
///   once, and 2 above, where inner nodes of the tree send up and down;
/// - ring: α(X) = α/2 + 2(X−1) α/4 and a step inside nodes for each other rank; w = 2(n−1)/n;
/// - hierarchical (not in NCCL): reduce-scatter and all-gather inside the nodes, ring or tree between them on each rail, w = 2(X−1)/X.
///
/// A byte moves through nodes and network in one pipeline, so the slower of the two counts, not their sum, but for hierarchical.
///
/// Units: seconds, bytes, B/s. Validity: 2 nodes and 8 B to 16 GiB where measured; 3, 4 and 16 nodes at one size each.
package struct NetworkFabric: Hashable, Sendable {
  package var isMeasured = false
  /// Standard deviation of ln(measured / modelled).
  package var residual = 0.3
  /// α of two nodes.
  package var latency = 0.0
  /// B of a node, one direction, all interfaces.
  package var bandwidth = 0.0
  /// κ.
  package var rootFactor = 1.0
  /// α₀ of two nodes; infinite without such a protocol. B₀ in B/s.
  package var smallLatency = Double.infinity
  package var smallBandwidth = Double.infinity
  /// Added to every message on purpose or by distance, beside α.
  package var delay = 0.0
  /// What one rank alone can get of a node's interfaces.
  package var rankBandwidth = Double.infinity

  package init() {}

  /// The same fabric with links `factor` times as wide.
  mutating func scale(by factor: Double) {
    bandwidth *= factor
    smallBandwidth *= factor
    rankBandwidth *= factor
  }

  /// B/s that a group has of its node.
  func share(_ group: RankGroup) -> Double {
    min(bandwidth / Double(group.concurrentPerNode), rankBandwidth * Double(group.ranksPerNode))
  }

  /// One message across the network.
  var hop: Double { latency / 4 + delay }

  /// Times are measured at two nodes: `height` 1, and `hops` 2.
  func treeLatency(_ latency: Double, nodes: Int) -> Double {
    let height = Double((nodes - 1).bitWidth - (nodes - 1).leadingZeroBitCount)
    return latency * (0.5 + 0.5 * height) + 2 * height * delay
  }

  func ringLatency(hops: Double) -> Double { latency / 2 + hops * hop }
}
