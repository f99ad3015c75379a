package import Collectives

/// The times of a group's collectives over the size: some additions, a square root and a minimum a call.
package struct FabricCoefficients: Hashable, Sendable {
  /// The algorithms for one operation; the fastest at a size is taken.
  package struct Choice: Hashable, Sendable {
    let first: TransferCurve
    let firstAlgorithm: ScheduleAlgorithm
    var second: TransferCurve?
    var secondAlgorithm = ScheduleAlgorithm.direct
    var third: TransferCurve?
    var thirdAlgorithm = ScheduleAlgorithm.direct

    init(_ curve: TransferCurve, _ algorithm: ScheduleAlgorithm) {
      first = curve
      firstAlgorithm = algorithm
    }

    mutating func add(_ curve: TransferCurve, _ algorithm: ScheduleAlgorithm) {
      if second == nil {
        second = curve
        secondAlgorithm = algorithm
      } else {
        third = curve
        thirdAlgorithm = algorithm
      }
    }

    @inline(__always)
    func seconds(_ bytes: Double) -> Double {
      var best = first.seconds(bytes)
      if let second { best = min(best, second.seconds(bytes)) }
      if let third { best = min(best, third.seconds(bytes)) }
      return best
    }

    /// Every algorithm that the library has for it, the fastest first.
    func times(_ bytes: Double) -> [CollectiveTime] {
      var all = [time(first, firstAlgorithm, bytes)]
      if let second { all.append(time(second, secondAlgorithm, bytes)) }
      if let third { all.append(time(third, thirdAlgorithm, bytes)) }
      return all.sorted { $0.seconds < $1.seconds }
    }

    private func time(_ curve: TransferCurve, _ algorithm: ScheduleAlgorithm, _ bytes: Double) -> CollectiveTime {
      let parts = curve.parts(bytes)
      return CollectiveTime(
        seconds: curve.seconds(bytes), algorithm: algorithm, latency: parts.latency, transfer: parts.transfer,
        pipelining: parts.pipelining)
    }
  }

  package let group: RankGroup
  let reduction: Choice
  let scatter: Choice
  let gather: Choice
  private let broadcasting: Choice
  let exchange: Choice
  let message: Choice

  init(_ fabric: Fabric, _ group: RankGroup) {
    self.group = group
    reduction = Self.choice(.allReduce, fabric, group)
    scatter = Self.choice(.reduceScatter, fabric, group)
    gather = Self.choice(.allGather, fabric, group)
    broadcasting = Self.choice(.broadcast, fabric, group)
    exchange = Self.choice(.allToAll, fabric, group)
    message = Self.choice(.pointToPoint, fabric, group)
  }

  /// Seconds for S bytes on every rank.
  @inline(__always) package func allReduce(_ bytes: Double) -> Double { reduction.seconds(bytes) }
  /// Seconds for S bytes in all, of which each rank ends with its n-th.
  @inline(__always) package func reduceScatter(_ bytes: Double) -> Double { scatter.seconds(bytes) }
  /// Seconds for S bytes in all, of which each rank brings its n-th.
  @inline(__always) package func allGather(_ bytes: Double) -> Double { gather.seconds(bytes) }
  @inline(__always) package func broadcast(_ bytes: Double) -> Double { broadcasting.seconds(bytes) }
  /// Seconds for S bytes of every rank, an n-th of them to each.
  @inline(__always) package func allToAll(_ bytes: Double) -> Double { exchange.seconds(bytes) }
  /// Seconds for a message to the next rank of the group: on another node if the group has several and one rank a node.
  @inline(__always) package func pointToPoint(_ bytes: Double) -> Double { message.seconds(bytes) }

  /// What an operation costs and why, the fastest algorithm first.
  package func times(_ collective: Collective, bytes: Double) -> [CollectiveTime] { choice(collective).times(bytes) }

  /// The fastest algorithm's time in its parts.
  package func time(_ collective: Collective, bytes: Double) -> CollectiveTime { times(collective, bytes: bytes)[0] }

  private func choice(_ collective: Collective) -> Choice {
    switch collective {
    case .allReduce: reduction
    case .reduceScatter: scatter
    case .allGather: gather
    case .broadcast: broadcasting
    case .allToAll: exchange
    case .pointToPoint: message
    }
  }

  /// Of one operation alone, where the others are not asked for.
  static func choice(_ collective: Collective, _ fabric: Fabric, _ group: RankGroup) -> Choice {
    let node = fabric.node
    guard group.size > 1 else { return Choice(.none, .direct) }
    guard group.nodes > 1 else {
      let curve = node.curve(collective, ranks: group.size)
      if collective == .pointToPoint { return Choice(curve, .direct) }
      var choice = Choice(curve, .ring)
      if fabric.library != .nccl { choice.add(node.mesh(collective, ranks: group.size), .mesh) }
      return choice
    }
    guard let network = fabric.network else {
      preconditionFailure("\(group.size) ranks on \(group.nodes) nodes need a network, and this fabric has none")
    }
    switch collective {
    case .pointToPoint:
      // Neighbours on one node talk inside it, but a pipeline goes at the pace of the hop between nodes.
      return Choice(network.message(group), .direct)
    case .allToAll: return Choice(network.exchange(group, inside: node), .direct)
    case .allReduce, .reduceScatter, .allGather, .broadcast:
      var choice = Choice(network.ring(collective, group, inside: node), .ring)
      if collective == .allReduce || collective == .broadcast {
        choice.add(network.tree(collective, group, inside: node), .doubleTree)
      }
      if fabric.library != .nccl { choice.add(network.hierarchical(collective, group, inside: node), .hierarchical) }
      return choice
    }
  }
}
