package import Collectives

/// The links of the simulator from the constants of the closed forms.
///
/// | closed form | links |
/// |---|---|
/// | a, c √(w S) inside a node; α/2, 2 √(κ α w S/B) of a ring across nodes | `launch`: the library cuts a message finer than a schedule does |
/// | l, l₀: a step inside a node | overhead of a message |
/// | B(n), B₀ · rings | bandwidth of a rank's port; the rings over NVLink are one ring as wide as all |
/// | γ: s a byte of the buffer, for w bytes received | γ / w a byte received |
/// | f(n) | floor of a message, f over the steps |
/// | α/4: a hop between nodes | latency of a message; under the tree, which cuts its messages itself, the overhead of an interface |
/// | B of a node | bandwidth of an interface: one as wide as all where the library stripes, a share for each rail of a hierarchical one |
/// | S* | smallest buffer |
///
/// The closed forms claim to agree with the simulator within 2 %: the ring inside a node, the ring of one rank a node, and
/// the hierarchical form (its rings, or halving, for powers of two of nodes) at every size; the tree of two nodes from 2
/// GiB up and to 256 B. Between, the tree's √ is a smooth envelope of what whole chunks cost. A ring of several ranks a node
/// hides its latencies behind the narrow link; its closed form adds them, and is above the simulator for it.
extension Fabric {
  /// Whether the operation's messages follow a schedule; not where the switch itself reduces (NVLS).
  package func hasSchedules(_ group: RankGroup) -> Bool { group.ranksPerNode == 1 || node.switchBandwidth == nil }

  /// The links of each protocol of the library for a buffer of `bytes`; the fastest is taken.
  ///
  /// - Precondition: a group of several nodes needs a network.
  package func links(
    _ collective: Collective, _ algorithm: ScheduleAlgorithm, _ group: RankGroup, bytes: Double
  ) -> [LinkModel] {
    guard group.nodes > 1 else { return nodeLinks(collective, group, bytes) }
    guard let network else { preconditionFailure("\(group.size) ranks on \(group.nodes) nodes need a network") }
    switch algorithm {
    case .doubleTree: return treeLinks(group, network)
    case .hierarchical, .hierarchicalHalving: return [railLinks(collective, group, network, bytes)]
    default: return [ringLinks(collective, group, network, bytes)]
    }
  }

  private func nodeLinks(_ collective: Collective, _ group: RankGroup, _ bytes: Double) -> [LinkModel] {
    let n = group.size
    let curve = node.curve(collective, ranks: n)
    let steps = collective.ringSteps(ranks: n)
    let wire = collective.wireFactor(ranks: n)
    let bandwidth = node.busBandwidth(ranks: n)
    let taking = (curve.perByte - wire / bandwidth) / wire
    let sized = max(bytes, curve.switchBytes)
    var all = [
      LinkModel(
        launch: node.launch + curve.perRoot * sized.squareRoot(),
        link: .init(overhead: node.step, bandwidth: bandwidth), reducePerByte: taking, copyPerByte: taking,
        smallestBuffer: curve.switchBytes)
    ]
    if let small = node.small, curve.smallLatency.isFinite {
      all.append(
        LinkModel(
          launch: small.launch,
          link: .init(overhead: small.step, bandwidth: wire / curve.smallPerByte, floor: curve.smallFloor / steps)))
    }
    return all
  }

  /// A port of a node under a network, and what a byte costs to take in.
  private func inside(_ group: RankGroup) -> (link: LinkModel.Link, taking: Double) {
    let r = group.ranksPerNode
    guard r > 1 else { return (.init(bandwidth: .infinity), 0) }
    let wire = Collective.allReduce.wireFactor(ranks: r)
    return (.init(overhead: node.step, bandwidth: node.busBandwidth(ranks: r)), node.localPerByte / wire)
  }

  private func ringLinks(
    _ collective: Collective, _ group: RankGroup, _ network: NetworkFabric, _ bytes: Double
  ) -> LinkModel {
    let curve = network.ring(collective, group, inside: node)
    let port = inside(group)
    return LinkModel(
      launch: network.latency / 2 + curve.perRoot * bytes.squareRoot(), link: port.link,
      network: .init(latency: network.hop, bandwidth: network.share(group)))
  }

  private func railLinks(
    _ collective: Collective, _ group: RankGroup, _ network: NetworkFabric, _ bytes: Double
  ) -> LinkModel {
    let curve = network.hierarchical(collective, group, inside: node)
    let port = inside(group)
    let rails = group.ranksPerNode
    let launches = group.ranksPerNode > 1 ? collective.passes * node.launch : 0
    return LinkModel(
      launch: launches + network.latency / 2 + curve.perRoot * bytes.squareRoot(), link: port.link,
      network: .init(latency: network.hop, bandwidth: network.share(group) / Double(rails)), interfaces: rails,
      reducePerByte: port.taking, copyPerByte: port.taking)
  }

  private func treeLinks(_ group: RankGroup, _ network: NetworkFabric) -> [LinkModel] {
    let port = inside(group)
    // Up the chain of one node, across, down the chain of the other.
    let chains = 2 * Double(group.ranksPerNode - 1)
    let rate = network.share(group)
    func links(_ latency: Double, start: Double, overhead: Double, rate: Double) -> LinkModel {
      var link = port.link
      let step = chains > 0 ? min(node.step, latency / 2 / chains) : 0
      // The large protocol waits for each message, the small one sends flags along and goes on.
      (link.overhead, link.latency) = overhead > 0 ? (step, 0) : (0, step)
      return LinkModel(
        launch: max(0, latency / 2 - chains * step) + start, link: link,
        network: .init(latency: latency / 4 - overhead + network.delay, overhead: overhead, bandwidth: rate),
        reducePerByte: port.taking, copyPerByte: port.taking)
    }
    guard network.smallLatency.isFinite else {
      return [links(network.latency, start: 0, overhead: network.latency / 4, rate: rate)]
    }
    // The protocol for large buffers starts where the library changes to it, and no cheaper.
    let curve = network.tree(.allReduce, RankGroup(size: 2, ranksPerNode: 1), inside: node)
    let change = curve.changeover
    return [
      links(
        network.latency, start: curve.perRoot * change.squareRoot(), overhead: network.latency / 4, rate: rate),
      links(
        network.smallLatency, start: 0, overhead: 0,
        rate: min(rate, network.smallBandwidth * rate / network.bandwidth)),
    ]
  }

  /// The time of a schedule on these links, in the number of chunks that is fastest.
  ///
  /// - Returns: nil where the algorithm has no schedule for the group.
  package func simulated(
    _ collective: Collective, _ algorithm: ScheduleAlgorithm, _ group: RankGroup, bytes: Double
  ) -> SimulatedTime? {
    guard hasSchedules(group), group.size > 1, bytes >= 1 else { return nil }
    let size = bytes >= 4 ? 4 : 1
    return try? SimulatedTime(
      collective, algorithm, group.topology, count: max(1, Int((bytes / Double(size)).rounded())), elementSize: size,
      on: links(collective, algorithm, group, bytes: bytes))
  }

  /// The schedules that the library has for an operation, the fastest first.
  package func simulated(_ collective: Collective, _ group: RankGroup, bytes: Double) -> [SimulatedTime] {
    var algorithms: [ScheduleAlgorithm] = [.ring]
    if group.nodes > 1 {
      algorithms.append(.doubleTree)
      if library != .nccl { algorithms += [.hierarchical, .hierarchicalHalving] }
    } else if library != .nccl {
      algorithms.append(.mesh)
    }
    return algorithms.compactMap { simulated(collective, $0, group, bytes: bytes) }.sorted { $0.seconds < $1.seconds }
  }

  /// Which algorithm takes an operation of `bytes` on this fabric, and the others' times.
  ///
  /// - Parameter forced: what the job names.
  /// - Throws: `ScheduleProblem` if the forced algorithm has no schedule for the group, or none has.
  package func choice(
    _ collective: Collective, _ group: RankGroup, bytes: Double, among algorithms: [ScheduleAlgorithm]? = nil,
    forced: ScheduleAlgorithm? = nil
  ) throws(ScheduleProblem) -> AlgorithmChoice {
    let count = max(1, Int((bytes / 4).rounded()))
    return try AlgorithmChoice(collective, group.topology, count: count, among: algorithms, forced: forced) {
      links(collective, $0, group, bytes: bytes)
    }
  }
}

extension RankGroup {
  /// Its ranks node by node.
  package var topology: Topology { Topology(hostOfRank: (0..<size).map { $0 / ranksPerNode }) }
}
