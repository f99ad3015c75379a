import Glibc

extension LinkModel {
  /// Measures the links between the ranks of a group by messages alone: what the simulator then tells of schedules is
  /// compared with what schedules take. Collective; a second or so, longer over slow links.
  ///
  /// Ranks exchange in rings, sending and receiving at once, as schedules do: inside of each host all its ranks, between
  /// hosts the first rank of each.
  package static func measured(_ group: any Group, _ topology: Topology) throws(GroupError) -> LinkModel {
    let host = topology.hosts[topology.hostOfRank[group.rank]]
    let place = host.firstIndex(of: group.rank) ?? 0
    let inside = Ring(
      next: host[(place + 1) % host.count], previous: host[(place + host.count - 1) % host.count],
      takesPart: host.count > 1)
    let hosts = topology.hosts.count
    let index = topology.hostOfRank[group.rank]
    let outside = Ring(
      next: topology.hosts[(index + 1) % hosts][0], previous: topology.hosts[(index + hosts - 1) % hosts][0],
      takesPart: place == 0 && hosts > 1)
    let link = try inside.measure(group)
    let network = hosts > 1 ? try outside.measure(group) : nil
    let burst = try network.map { network throws(GroupError) in try outside.burst(group, network) } ?? 0
    var (queue, contention) = (0.0, 1.0)
    if let network, hosts > 2 {
      let first = topology.hosts.map { $0[0] }
      (queue, contention) = try Mesh(members: first, place: place == 0 ? index : nil).contention(group, network)
    }
    return LinkModel(
      link: link ?? network ?? Link(bandwidth: .infinity), network: network, burst: burst, queue: queue,
      contention: contention,
      reducePerByte: try group.allReduce(additionTime(), .maximum))
  }

  /// Seconds a byte of adding what was received.
  private static func additionTime() -> Double {
    let count = 1 << 18
    var first = [Float](repeating: 0, count: count)
    let second = [Float](repeating: 0, count: count)
    var times: [Duration] = []
    for _ in 0..<7 {
      let start = ContinuousClock.now
      unsafe first.withUnsafeMutableBufferPointer { target in
        unsafe second.withUnsafeBufferPointer { source in
          guard let target = target.baseAddress, let source = source.baseAddress else { return }
          unsafe addVectors(target, source, into: target, count: count)
        }
      }
      times.append(ContinuousClock.now - start)
    }
    times.sort()
    return times[3] / .nanoseconds(1) * 1e-9 / Double(count * MemoryLayout<Float>.stride)
  }
}

/// Where a rank sends to and receives from.
private struct Ring {
  let next: Int
  let previous: Int
  let takesPart: Bool

  /// Nil if no rank takes part. Collective.
  func measure(_ group: any Group) throws(GroupError) -> LinkModel.Link? {
    guard try group.allReduce(Int64(takesPart ? 1 : 0), .maximum) == 1 else { return nil }
    let one = try time(group, bytes: 4, messages: 1, turns: 200)
    let many = try time(group, bytes: 4, messages: 33, turns: 40)
    let overhead = max(0, (many - one) / 32)
    // Twice as far apart as caches and buckets of shapers reach; the first turns of each size are left out.
    let short = try time(group, bytes: 1 << 20, messages: 1, turns: 5)
    let long = try time(group, bytes: 1 << 22, messages: 1, turns: 5)
    let bandwidth = Double(3 << 20) / max(1e-9, long - short)
    return LinkModel.Link(latency: max(0, one - overhead), overhead: overhead, bandwidth: bandwidth)
  }

  /// Bytes that pass at once behind a pause: what of a message comes sooner than its bandwidth allows.
  func burst(_ group: any Group, _ link: LinkModel.Link) throws(GroupError) -> Double {
    let bytes = 1 << 19
    let seconds = try time(group, bytes: bytes, messages: 1, turns: 1, pause: 2 * Double(bytes) / link.bandwidth)
    let missing = Double(bytes) - (seconds - link.latency - link.overhead) * link.bandwidth
    // Less than a packet as network cards take it is no bucket.
    return missing > 32_768 ? min(missing, Double(bytes)) : 0
  }

  /// Seconds of a turn, of the slowest rank.
  /// - Parameter pause: seconds before the turns.
  private func time(
    _ group: any Group, bytes: Int, messages: Int, turns: Int, pause: Double = 0
  ) throws(GroupError) -> Double {
    let sent = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
    let received = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
    defer {
      unsafe sent.deallocate()
      unsafe received.deallocate()
    }
    unsafe sent.initializeMemory(as: UInt8.self, repeating: 1)
    unsafe received.initializeMemory(as: UInt8.self, repeating: 0)
    var times: [Double] = []
    for _ in 0..<3 {
      if pause > 0 { usleep(UInt32(min(1, pause) * 1e6)) }
      try group.barrier()
      let start = ContinuousClock.now
      if takesPart {
        for _ in 0..<turns { try unsafe turn(group, sent, received, messages) }
      }
      let own = (ContinuousClock.now - start) / .nanoseconds(1) * 1e-9 / Double(turns)
      times.append(try group.allReduce(takesPart ? own : 0, .maximum))
    }
    return times.sorted()[1]
  }

  private func turn(
    _ group: any Group, _ sent: UnsafeMutableRawBufferPointer, _ received: UnsafeMutableRawBufferPointer,
    _ messages: Int
  ) throws(GroupError) {
    var transfers: [Transfer] = []
    for _ in 0..<messages {
      transfers.append(unsafe Transfer(.send, next, sent))
      transfers.append(unsafe Transfer(.receive, previous, received))
    }
    try group.exchange(transfers.span, tag: MessageTag.schedule, timeout: .collectiveTimeout)
  }
}

/// Ranks of which each sends to all others at once.
private struct Mesh {
  let members: [Int]
  /// Of this rank among them; nil if it takes no part.
  let place: Int?

  /// What interfaces that several hosts send to at once take in before that costs time, in bytes, and how many times as long
  /// each byte beyond takes. Collective.
  func contention(_ group: any Group, _ link: LinkModel.Link) throws(GroupError) -> (queue: Double, factor: Double) {
    let sizes = [4 << 20, 12 << 20].map { $0 / (members.count - 1) }
    let times = try sizes.map { size throws(GroupError) in try time(group, size) }
    let came = sizes.map { Double($0 * (members.count - 1)) }
    let factor = (times[1] - times[0]) / (came[1] - came[0]) * link.bandwidth
    // What is in the noise of the measurement is none.
    guard factor > 1.05 else { return (0, 1) }
    return (max(0, (factor * came[0] - times[0] * link.bandwidth) / (factor - 1)), factor)
  }

  /// Seconds, of the slowest rank.
  private func time(_ group: any Group, _ bytes: Int) throws(GroupError) -> Double {
    let sent = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
    let received = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes * members.count, alignment: 64)
    defer {
      unsafe sent.deallocate()
      unsafe received.deallocate()
    }
    unsafe sent.initializeMemory(as: UInt8.self, repeating: 1)
    unsafe received.initializeMemory(as: UInt8.self, repeating: 0)
    var transfers: [Transfer] = []
    for distance in 1..<members.count {
      guard let place else { break }
      let (to, from) = ((place + distance) % members.count, (place + members.count - distance) % members.count)
      let room = unsafe UnsafeMutableRawBufferPointer(rebasing: received[distance * bytes..<(distance + 1) * bytes])
      transfers.append(unsafe Transfer(.send, members[to], sent))
      transfers.append(unsafe Transfer(.receive, members[from], room))
    }
    var times: [Double] = []
    for _ in 0..<5 {
      try group.barrier()
      let start = ContinuousClock.now
      try group.exchange(transfers.span, tag: MessageTag.schedule, timeout: .collectiveTimeout)
      let own = (ContinuousClock.now - start) / .nanoseconds(1) * 1e-9
      times.append(try group.allReduce(place == nil ? 0 : own, .maximum))
    }
    return times.sorted()[2]
  }
}
