package import Collectives

/// Collectives between the accelerators of one node.
///
/// All-reduce of S bytes over n ranks with a ring or a chain:
///
///     large(S) = a + 2(n−1) l + S (γ + w / B(n)) + c √(w S)          w = 2(n−1)/n
///     small(S) = a₀ + 2(n−1) l₀ + (f(n)⁴ + (w S / B₀(n))⁴)^¼         S* = x* · n · rings
///
/// a is what starting costs, l a step of the ring, B the bus bandwidth, γ what each byte costs beside the links (it is read and
/// reduced in memory), c the filling of the pipeline. The other operations make the steps and the wire factor of their own
/// (`Collective`) and half of γ and c, as an all-reduce passes twice over the ranks.
///
/// Units: seconds, bytes. Validity: 2 to 8 ranks and 1 MiB to 1 GiB where measured on V100 and A100, 8 ranks and 8 B to 16 GiB
/// on H100; elsewhere the same form with the link's rated bandwidth (`isMeasured` is false).
/// Source: FABRIC measurements in Tests/CostModelTests/Golden; constants in Resources/fabrics.csv.
package struct NodeFabric: Hashable, Sendable {
  package var isMeasured = false
  /// Standard deviation of ln(measured / modelled), of the fit; an assumption where not measured.
  package var residual = 0.3
  /// a and l.
  package var launch = 0.0
  package var step = 0.0
  /// B/s: of the whole node's ring, or of one link of `structure`.
  package var bandwidth = Double.infinity
  /// γ in s/B, c in s/√B.
  package var localPerByte = 0.0
  package var perRoot = 0.0
  /// Nil if the bus bandwidth is the same for any ranks.
  package var structure: LinkStructure?
  /// Nil without protocols of low latency.
  package var small: Small?
  /// B/s of an all-reduce's buffer where the switch itself reduces (NVLS): each rank sends and receives S whatever n is, so the
  /// bus bandwidth of many ranks comes out above the link's. Taken where it beats the ring. Nil if it does not reduce.
  package var switchBandwidth: Double?
  /// What lies between ranks whose links make no ring.
  package var fallbackBandwidth = 8e9

  package struct Small: Hashable, Sendable {
    /// a₀, l₀.
    package var launch = 0.0
    package var step = 0.0
    /// B₀, of the ring or of one link.
    package var bandwidth = Double.infinity
    /// f(n) by n. Counts below the smallest have no such protocol, unless the table is empty: then the floor is 0.
    package var floors: [Int: Double] = [:]
    /// x*, bytes of a rank's part of one ring.
    package var switchChunk = 0.0
  }

  package init() {}

  /// The curve of an operation over the first n ranks of a node.
  ///
  /// - Returns: `.none` for one rank.
  package func curve(_ collective: Collective, ranks: Int) -> TransferCurve {
    guard ranks > 1 else { return .none }
    let n = Double(ranks)
    let steps = collective.ringSteps(ranks: ranks)
    let wire = collective.wireFactor(ranks: ranks)
    let paths = structure?.paths(ranks: ranks)
    let rings = rings(ranks: ranks, paths: paths)
    let bus = bus(rings: rings)
    let passes = collective.passes / 2
    var curve = TransferCurve(
      latency: launch + steps * step, perByte: localPerByte * passes + wire / bus,
      perRoot: perRoot * passes * Collective.allReduce.wireFactor(ranks: ranks).squareRoot())
    // The pair with the fewest links is what a pipeline must count on.
    if collective == .allReduce, let switchBandwidth { curve.perByte = min(curve.perByte, 1 / switchBandwidth) }
    if collective == .pointToPoint { curve.perByte = localPerByte / 2 + 1 / bandwidth }
    guard let small, paths?.isChain != true, collective != .pointToPoint else { return curve }
    let floor = small.floors.isEmpty ? 0 : floor(small, ranks: ranks)
    guard let floor else { return curve }
    curve.smallLatency = small.launch + steps * small.step
    curve.smallFloor = floor * passes
    curve.smallPerByte = wire / (small.bandwidth * (structure == nil ? 1 : max(rings, 1)))
    curve.switchBytes = small.switchChunk * n * max(rings, 1)
    return curve
  }

  /// B/s of a ring over the first n ranks.
  func busBandwidth(ranks: Int) -> Double { bus(rings: rings(ranks: ranks, paths: structure?.paths(ranks: ranks))) }

  private func rings(ranks: Int, paths: LinkStructure.Paths?) -> Double {
    structure == nil ? 1 : paths?.busLinks ?? 0
  }

  private func bus(rings: Double) -> Double { rings > 0 ? bandwidth * rings : fallbackBandwidth }

  /// Between the counts measured on a straight line, beyond the largest growing with the ranks; nil below the smallest.
  private func floor(_ small: Small, ranks: Int) -> Double? {
    if let measured = small.floors[ranks] { return measured }
    guard let below = small.floors.keys.filter({ $0 < ranks }).max(), let low = small.floors[below] else { return nil }
    guard let above = small.floors.keys.filter({ $0 > ranks }).min(), let high = small.floors[above] else {
      return low * Double(ranks - 1) / Double(below - 1)
    }
    return low + (high - low) * Double(ranks - below) / Double(above - below)
  }
}

extension NodeFabric {
  /// Every rank to every other at once: two rounds of an all-reduce, one of the others, for the bandwidth of a ring where the
  /// links do not block each other.
  func mesh(_ collective: Collective, ranks: Int) -> TransferCurve {
    var curve = curve(collective, ranks: ranks)
    guard ranks > 1 else { return curve }
    // All n−1 messages leave through one interface: a share of a step each.
    let rounds = collective.passes
    curve.latency = launch + rounds * step * (1 + 0.1 * Double(ranks - 2))
    // Over links that others use too: one hop of a torus or tree becomes about √n / 2.
    curve.perByte *= max(1, Double(ranks).squareRoot() / 2)
    return curve
  }
}
