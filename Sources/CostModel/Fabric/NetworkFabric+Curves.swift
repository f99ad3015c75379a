import Collectives

extension NetworkFabric {
  /// NCCL's double binary tree of an all-reduce, or one tree of a broadcast. Formula: `NetworkFabric`.
  func tree(_ collective: Collective, _ group: RankGroup, inside node: NodeFabric) -> TransferCurve {
    let wire: Double = collective == .allReduce && group.nodes > 2 ? 2 : 1
    let local = node.curve(collective, ranks: group.ranksPerNode)
    let start = treeLatency(latency, nodes: group.nodes)
    var curve = TransferCurve(
      latency: start, perByte: max(local.perByte, wire / share(group)),
      perRoot: 2 * (rootFactor * start * wire / share(group)).squareRoot())
    guard smallLatency.isFinite else { return curve }
    let scale = bandwidth / share(group) * wire
    curve.smallLatency = treeLatency(smallLatency, nodes: group.nodes)
    curve.smallPerByte = max(scale / smallBandwidth, curve.perByte)
    return curve
  }

  /// A ring over all ranks that crosses the network once a node; pairwise exchange for an all-to-all.
  func ring(_ collective: Collective, _ group: RankGroup, inside node: NodeFabric) -> TransferCurve {
    let n = group.size
    let steps = collective.ringSteps(ranks: n)
    let hops = steps * Double(group.nodes) / Double(n)
    let local = node.curve(collective, ranks: group.ranksPerNode)
    let wire = collective.wireFactor(ranks: n) / share(group)
    // What the ring adds to the node's bus: the wire factor of all ranks over the node's own.
    let own = collective.wireFactor(ranks: group.ranksPerNode)
    let inner = own > 0 ? local.perByte * collective.wireFactor(ranks: n) / own : 0
    return TransferCurve(
      latency: ringLatency(hops: hops) + (steps - hops) * node.step, perByte: max(inner, wire),
      perRoot: 2 * (rootFactor * latency * wire).squareRoot())
  }

  /// Every rank sends S / n to every rank; what leaves a node shares its interfaces.
  func exchange(_ group: RankGroup, inside node: NodeFabric) -> TransferCurve {
    let n = Double(group.size)
    let r = Double(group.ranksPerNode)
    let local = node.curve(.allToAll, ranks: group.ranksPerNode)
    let outside = r * (n - r) / n / share(group)
    let inside = r > 1 ? local.perByte * (r / n) : 0
    return TransferCurve(
      latency: ringLatency(hops: 2) + (n - 1) * node.step, perByte: max(outside, inside),
      perRoot: 2 * (rootFactor * latency * outside).squareRoot())
  }

  /// One rank to a rank of another node, while as many others of the node send as there are concurrent groups.
  func message(_ group: RankGroup) -> TransferCurve {
    let rate = min(bandwidth / Double(group.concurrentPerNode), rankBandwidth)
    return TransferCurve(latency: 2 * hop, perByte: 1 / rate, perRoot: (hop / rate).squareRoot())
  }

  /// Inside, between on every rail at once, inside (Neuron's and MPI libraries' two-level form).
  ///
  /// t = RS(r, S) + AR(X, S/r, B/r a rail) + AG(r, S); γ, floors and roots as each level has them.
  func hierarchical(_ collective: Collective, _ group: RankGroup, inside node: NodeFabric) -> TransferCurve {
    let r = group.ranksPerNode
    let between = RankGroup(size: group.nodes, ranksPerNode: 1)
    let local: TransferCurve
    switch collective {
    case .allReduce:
      var both = node.curve(.reduceScatter, ranks: r)
      both.latency *= 2
      both.perByte *= 2
      both.perRoot *= 2
      local = both
    default: local = node.curve(collective, ranks: r)
    }
    let wire = collective.wireFactor(ranks: between.size) / share(group)
    let steps = collective.ringSteps(ranks: group.nodes)
    let start = min(ringLatency(hops: steps), treeLatency(latency, nodes: group.nodes))
    return TransferCurve(
      latency: local.latency + start, perByte: local.perByte + wire,
      perRoot: local.perRoot + 2 * (rootFactor * latency * wire).squareRoot())
  }
}
