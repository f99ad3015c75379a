/// What a schedule takes on described links, by a virtual clock.
package struct Simulation: Hashable, Sendable {
  /// Until the last rank is done.
  package let seconds: Double
  /// Until each rank is done.
  package let finishes: [Double]
  package let messageCount: Int
  /// Bytes that leave a host, and that reach it, over its network interfaces, by host.
  package let bytesOut: [Int]
  package let bytesIn: [Int]

  /// nccl-tests' bandwidths: bytes of the buffer a second, and that times the bytes that a link carries for each of them.
  package func bandwidths(_ schedule: Schedule, elementSize: Int) -> (algorithm: Double, bus: Double) {
    let rate = seconds > 0 ? Double(schedule.count * elementSize) / seconds : 0
    return (rate, rate * schedule.collective.wireFactor(ranks: schedule.rankCount))
  }
}

extension Schedule {
  /// Runs the schedule on a virtual clock, message by message.
  ///
  /// A rank goes through its rounds in order. In a round its messages leave one after the other, when the port, interface or
  /// bus that they need is free; the round ends when they have left and what it receives has come and is taken in. A
  /// message does not wait for its receiver. Messages of a host to the network go first come, first served.
  ///
  /// Interfaces with a burst have been idle before. What several hosts send to one interface in a round shares its queue.
  ///
  /// - Precondition: `links` have a network if there are several hosts.
  /// - Complexity: a constant for each message: 33 million of a ring of 4,096 ranks in some seconds; memory of a few numbers a
  ///   rank.
  package func simulated(on links: LinkModel, elementSize: Int = 4) -> Simulation {
    var clock = Simulator(self, links, elementSize: elementSize)
    for round in 0..<roundCount { clock.run(round) }
    return clock.result
  }

  /// Seconds of a run of many, each right behind the one before it: interfaces are as the last run left them.
  package func simulatedInARow(on links: LinkModel, elementSize: Int = 4) -> Double {
    let runs = 3
    var clock = Simulator(self, links, elementSize: elementSize)
    var first = 0.0
    for run in 0...runs {
      for round in 0..<roundCount { clock.run(round) }
      if run == 0 { first = clock.result.seconds }
    }
    return (clock.result.seconds - first) / Double(runs)
  }
}

/// The clocks of all ranks and when each shared thing is free; parallel arrays of numbers.
private struct Simulator {
  private let schedule: Schedule
  private let links: LinkModel
  private let network: LinkModel.Link
  private let elementSize: Int
  /// Bytes for an element, stretched where the protocol has a smallest buffer.
  private let elementBytes: Double
  private let hostOfRank: [Int]
  private let localIndex: [Int]
  private let interfaceOfRank: [Int]
  /// Hosts whose ranks meet at an interface, whose messages are taken in the order of their clocks.
  private var orders: [[Int]]
  /// When each rank is done with the rounds so far, when its messages of this one have left, when those to it have come.
  private var ready: [Double]
  private var left: [Double]
  private var come: [Double]
  private var taking: [Double]
  private var portIn: [Double]
  /// When each rank has last begun a message.
  private var issued: [Double]
  /// When what an interface has sent, or taken in, has passed at its rate: up to `burst` seconds later than it has in fact.
  private var interfaceOut: [Double]
  private var interfaceIn: [Double]
  private let burst: Double
  /// What came to each interface in this round, and from whom; hosts.count where from several.
  private var incoming: [(bytes: Double, source: Int)]
  /// Bytes that several hosts have sent to each interface, round behind round.
  private var backlog: [Double]
  /// The last rank to which something came, by interface.
  private var receivers: [Int]
  private var bus: [Double]
  private var actions: [ScheduleAction] = []
  /// Second, third … messages of ranks in this round, by their number: they leave when everybody's first has.
  private var later: [[(source: Int, send: ScheduleAction)]] = []
  private var messageCount = 0
  private var bytesOut: [Int]
  private var bytesIn: [Int]

  init(_ schedule: Schedule, _ links: LinkModel, elementSize: Int) {
    self.schedule = schedule
    self.links = links
    let topology = schedule.topology
    let n = topology.rankCount
    precondition(topology.hosts.count == 1 || links.network != nil, "several hosts need a network")
    network = links.network ?? links.link
    self.elementSize = elementSize
    let buffer = Double(max(1, schedule.count * elementSize))
    elementBytes = Double(elementSize) * max(1, links.smallestBuffer / buffer)
    hostOfRank = topology.hostOfRank
    var localIndex = Array(repeating: 0, count: n)
    for host in topology.hosts { for (index, rank) in host.enumerated() { localIndex[rank] = index } }
    self.localIndex = localIndex
    let interfaces = links.interfaces
    interfaceOfRank = (0..<n).map { topology.hostOfRank[$0] * interfaces + localIndex[$0] % interfaces }
    orders = topology.hosts
    ready = Array(repeating: links.launch, count: n)
    left = ready
    come = ready
    taking = Array(repeating: 0, count: n)
    issued = ready
    portIn = ready
    burst = links.burst / network.bandwidth
    interfaceOut = Array(repeating: -burst, count: topology.hosts.count * interfaces)
    interfaceIn = interfaceOut
    incoming = Array(repeating: (0, -1), count: interfaceIn.count)
    backlog = Array(repeating: 0, count: interfaceIn.count)
    receivers = Array(repeating: 0, count: interfaceIn.count)
    bus = Array(repeating: 0, count: topology.hosts.count)
    bytesOut = Array(repeating: 0, count: topology.hosts.count)
    bytesIn = bytesOut
  }

  var result: Simulation {
    let isIdle = schedule.roundCount == 0 || schedule.count == 0
    return Simulation(
      seconds: isIdle ? 0 : ready.max() ?? 0, finishes: isIdle ? ready.map { _ in 0 } : ready,
      messageCount: messageCount, bytesOut: bytesOut, bytesIn: bytesIn)
  }

  mutating func run(_ round: Int) {
    for host in orders.indices {
      sort(host)
      for index in orders[host].indices {
        let rank = orders[host][index]
        actions.removeAll(keepingCapacity: true)
        schedule.append(rank: rank, round: round, to: &actions)
        var sent = 0
        for action in actions {
          switch action.kind {
          case .send:
            if sent == 0 {
              send(from: rank, to: action.peer, elements: action.range.count)
            } else {
              if later.count < sent { later.append([]) }
              later[sent - 1].append((rank, action))
            }
            sent += 1
          case .reduce: taking[rank] += Double(action.range.count) * elementBytes * links.reducePerByte
          case .receive: taking[rank] += Double(action.range.count) * elementBytes * links.copyPerByte
          }
        }
      }
    }
    for index in later.indices {
      for (source, action) in later[index] { send(from: source, to: action.peer, elements: action.range.count) }
      later[index].removeAll(keepingCapacity: true)
    }
    if links.contention > 1 { holdUp() }
    for rank in ready.indices {
      let end = max(ready[rank], left[rank], come[rank]) + taking[rank]
      ready[rank] = end
      left[rank] = end
      come[rank] = end
      taking[rank] = 0
    }
  }

  /// Ranks of a host by their clocks: few are out of order from one round to the next.
  private mutating func sort(_ host: Int) {
    guard orders[host].count > 1 else { return }
    for index in 1..<orders[host].count {
      var place = index
      while place > 0, ready[orders[host][place]] < ready[orders[host][place - 1]] {
        orders[host].swapAt(place, place - 1)
        place -= 1
      }
    }
  }

  private mutating func send(from source: Int, to destination: Int, elements: Int) {
    messageCount += 1
    let bytes = Double(elements) * elementBytes
    let (here, there) = (hostOfRank[source], hostOfRank[destination])
    if here == there {
      sendInside(source, destination, host: here, bytes)
      return
    }
    bytesOut[here] += elements * elementSize
    bytesIn[there] += elements * elementSize
    let (out, into) = (interfaceOfRank[source], interfaceOfRank[destination])
    let wire = network.wire(bytes)
    let issued = left[source]
    let start = max(issued - burst, interfaceOut[out]) + network.overhead
    interfaceOut[out] = start + wire
    left[source] = max(start + wire, issued)
    let begin = max(start, issued) + network.latency
    interfaceIn[into] = max(begin - burst, interfaceIn[into]) + wire
    come[destination] = max(come[destination], interfaceIn[into], left[source] + network.latency)
    if links.contention > 1 {
      let known = incoming[into]
      incoming[into] = (
        known.bytes + bytes, known.source < 0 || known.source == here ? here : orders.count
      )
      receivers[into] = destination
    }
  }

  /// Makes what several hosts sent to one interface in this round later, as far as it and what they have sent in the rounds
  /// right before it is more than the queue takes.
  private mutating func holdUp() {
    for into in incoming.indices {
      let (bytes, source) = incoming[into]
      incoming[into] = (0, -1)
      guard source == orders.count else {
        backlog[into] = 0
        continue
      }
      backlog[into] += bytes
      let excess = min(bytes, max(0, backlog[into] - links.queue))
      interfaceIn[into] += (links.contention - 1) * excess / network.bandwidth
      come[receivers[into]] = max(come[receivers[into]], interfaceIn[into])
    }
  }

  private mutating func sendInside(_ source: Int, _ destination: Int, host: Int, _ bytes: Double) {
    let link = links.link
    switch links.inside {
    case .ports:
      leave(from: source, to: destination, at: left[source] + link.overhead, wire: link.wire(bytes))
    case .bus(let bandwidth):
      let share = bytes / bandwidth
      let start = max(left[source] + link.overhead, bus[host])
      bus[host] = start + share
      leave(from: source, to: destination, at: start, wire: max(link.wire(bytes), share))
    case .mesh(let pairs, let fallback):
      // All links of a rank work at once: its messages of a round wait for each other's overheads alone.
      let rate = pairs[localIndex[source]][localIndex[destination]]
      let issue = max(issued[source], ready[source]) + link.overhead
      issued[source] = issue
      let start = rate > 0 ? issue : max(issue, bus[host])
      let end = start + bytes / (rate > 0 ? rate : fallback)
      if rate == 0 { bus[host] = end }
      left[source] = max(left[source], end)
      come[destination] = max(come[destination], end + link.latency)
    }
  }

  private mutating func leave(from source: Int, to destination: Int, at start: Double, wire: Double) {
    left[source] = start + wire
    let arrival = max(start + links.link.latency, portIn[destination]) + wire
    portIn[destination] = arrival
    come[destination] = max(come[destination], arrival)
  }
}
