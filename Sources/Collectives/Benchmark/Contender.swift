/// One algorithm with all it needs for one size.
@safe final class Contender {
  let algorithm: CollectiveBenchmark.Algorithm
  private let values: UnsafeMutableBufferPointer<Float>
  /// The owner of the values if ranks share them; else this is.
  private let memory: SharedMemory?
  private let group: any Group
  private var reducer: (any ShardReducer)?
  private var executor: ScheduleExecutor?

  /// Collective.
  init(
    _ algorithm: CollectiveBenchmark.Algorithm, group: any Group, topology: Topology, count: Int,
    timeout: Duration
  ) throws {
    self.algorithm = algorithm
    self.group = group
    let own = group.rank..<group.rank + 1
    let shares = algorithm == .canonical || algorithm == .fastest || algorithm == .memory
    memory = shares ? try group.sharedMemory(byteCount: count * MemoryLayout<Float>.stride) : nil
    unsafe values = unsafe memory?.floats ?? .allocate(capacity: count)
    switch algorithm {
    case .canonical, .copied:
      reducer = try ReproducibleReducer(
        group: group, shardCount: group.rankCount, range: own, maximumCount: count, timeout: timeout)
    case .messages:
      reducer = try ReproducibleReducer(
        group: group, shardCount: group.rankCount, range: own, maximumCount: count, algorithm: .messages,
        timeout: timeout)
    case .fastest: reducer = try FastestReducer(group: group, range: own, timeout: timeout)
    case .schedule(let algorithm):
      executor = try ScheduleExecutor(
        VerifiedSchedule(Schedule(.allReduce, algorithm, topology, count: count)), group: group, timeout: timeout)
    case .flatRing:
      let flat = Topology(ranksPerHost: group.rankCount)
      executor = try ScheduleExecutor(
        VerifiedSchedule(Schedule(.allReduce, .ring, flat, count: count)), group: group, timeout: timeout)
    case .transport, .memory: break
    }
    if let memory { reducer?.adopt(memory) }
  }

  deinit { if memory == nil { unsafe values.deallocate() } }

  /// What it runs by messages; nil for what is no schedule.
  var schedule: Schedule? { executor?.schedule }

  /// Runs once on known values, compares the sums, and leaves zeros, which stay zeros.
  func check(_ group: any Group) throws {
    // Sums of small whole numbers: the same in any order.
    for index in unsafe values.indices { unsafe values[index] = Float((group.rank + 1) * (index % 1009)) }
    try group.barrier()
    try run()
    if algorithm != .memory {
      let scale = group.rankCount * (group.rankCount + 1) / 2
      for index in unsafe values.indices where unsafe values[index] != Float(scale * (index % 1009)) {
        throw GroupError(
          .failed, "\(algorithm) of \(unsafe values.count) elements: sum \(index) is \(unsafe values[index])",
          remedy: "report it with the command and the number of ranks")
      }
    }
    try group.barrier()
    unsafe values.update(repeating: 0)
    try group.barrier()
  }

  func run() throws(GroupError) {
    if let reducer {
      var span = unsafe values.mutableSpan
      try reducer.allReduce(&span, stride: unsafe values.count, elements: 0..<(unsafe values.count))
    } else if let executor {
      var span = unsafe values.mutableSpan
      try executor.run(&span)
    } else if algorithm == .transport {
      var span = unsafe values.mutableSpan
      try group.sumByTransport(&span)
    } else if let base = unsafe values.baseAddress {
      unsafe addVectors(base, base, into: base, count: values.count)
      // Ranks may take turns on a core: all are done when the last is. It does not count beside a long pass.
      if unsafe values.count >= 1 << 20 { try group.barrier() }
    }
  }
}
