package import Units

/// Where the time of a step goes: terms that add up to it.
package struct StepBreakdown: Hashable, Sendable, Codable {
  package enum Term: String, CaseIterable, Hashable, Sendable, Codable {
    case products, attention, memory, recomputation, dispatch, tensorParallel, shardGathers, pipelineTransfers
    case pipelineBubble, gradientReduction, optimizer, microBatchOverhead, stepOverhead, software, expertExchange
  }

  package private(set) var seconds: [Double]

  init() { seconds = Array(repeating: 0, count: Term.allCases.count) }

  package subscript(_ term: Term) -> Double {
    get { seconds[term.position] }
    set { seconds[term.position] = newValue }
  }

  package var total: Seconds { Seconds(seconds.reduce(0, +)) }
}

extension StepBreakdown.Term {
  var position: Int {
    switch self {
    case .products: 0
    case .attention: 1
    case .memory: 2
    case .recomputation: 3
    case .dispatch: 4
    case .tensorParallel: 5
    case .shardGathers: 6
    case .pipelineTransfers: 7
    case .pipelineBubble: 8
    case .gradientReduction: 9
    case .optimizer: 10
    case .microBatchOverhead: 11
    case .stepOverhead: 12
    case .software: 13
    case .expertExchange: 14
    }
  }
}

/// Times of one stage's kernels for one micro-batch, by class.
package struct StageTimes: Hashable, Sendable {
  var products = 0.0
  var attention = 0.0
  var memory = 0.0
  /// Of `products`, `attention` and `memory` together.
  var forward = 0.0
  var backward = 0.0

  package init(_ kernels: [Kernel], batch: Double, times: KernelTimes) {
    for kernel in kernels {
      let seconds = times.seconds(kernel, batch: batch)
      switch kernel.work {
      case .product: products += seconds
      case .attention: attention += seconds
      case .traffic: memory += seconds
      }
      if kernel.pass == .forward { forward += seconds } else { backward += seconds }
    }
  }
}

extension StepShape {
  package func breakdown(_ c: borrowing Constants) -> StepBreakdown {
    let times = KernelTimes(self, constants: c)
    return breakdown(
      c, block: StageTimes(block, batch: batch, times: times), edge: StageTimes(edge, batch: batch, times: times))
  }

  /// The step around stages whose kernels are timed.
  ///
  /// T = m · stage + (p − 1)/v · stage + transfers + edge + exposed reduction + optimizer + overheads. Formulas: the terms
  /// below. Units: seconds.
  package func breakdown(_ c: borrowing Constants, block: StageTimes, edge: StageTimes) -> StepBreakdown {
    var result = StepBreakdown()
    let m = microBatches
    let link = network.linkRate(c)
    let host = network.hostRate(c)

    // Compute, and the host's floor under it.
    let dispatchForward = dispatches * c[.dispatch] * (dispatchConstant.map { c[$0] } ?? 1)
    let detection = detections * c[.detection] / 3
    let forward = norm(fourNorm(block.forward, dispatchForward), detection, 3)
    let backward = norm(fourNorm(block.backward, 2 * dispatchForward), 2 * detection, 3)
    result[.products] = m * (block.products + edge.products)
    result[.attention] = m * (block.attention + edge.attention)
    result[.memory] = m * (block.memory + edge.memory)
    result[.dispatch] = m * (forward + backward - block.forward - block.backward)
    let again: Double =
      switch recomputation {
      case .none: 0
      case .selective: 0.3 * block.attention
      case .full: forward
      }
    result[.recomputation] = m * again

    // Tensor parallelism: an all-reduce behind each pair of products, forward, backward and again when recomputed.
    let reductions = tensorReductions * (recomputation == .full ? 3 : 2)
    let tensorSeconds = reductions * tensorReduction(c, link: link, host: host)
    result[.tensorParallel] = m * tensorSeconds
    let exchange = expertExchange(c, link: link, host: host)
    result[.expertExchange] = m * exchange
    result[.microBatchOverhead] = m * c[.perMicroBatch]
    let alone = forward + backward + again + tensorSeconds + exchange + c[.perMicroBatch]

    // Weights gathered shard by shard, forward and backward.
    let gathered = zeroStage == 3 ? norm(alone, 2 * gather(c, link: link, host: host), c[.shardedOverlap]) : alone
    result[.shardGathers] = m * (gathered - alone)

    // Pipeline.
    let transfer = pipeline > 1 ? transferSeconds(c, link: link, host: host) : 0
    let stage = pipeline > 1 ? norm(gathered, transfer, c[.pipelineOverlap]) : gathered
    result[.pipelineTransfers] = m * (stage - gathered) + (pipeline - 1) * transfer
    result[.pipelineBubble] = (pipeline - 1) / virtualStages * stage

    // Gradients, behind and beside the last backward.
    let last = backward + tensorSeconds / 2
    let reduction = reductionSeconds(c, link: link, host: host)
    let exponent = zeroStage == 3 ? c[.shardedOverlap] : c[.overlap]
    result[.gradientReduction] = data > 1 ? norm(last, reduction, exponent) - last : 0

    let held = zeroStage >= 1 ? parameters / data : parameters
    result[.optimizer] = held * 20 / (device.memoryBandwidth.count * 0.8) * c[.optimizer]
    result[.stepOverhead] = c[.perStep]
    return result
  }

  /// One all-reduce of tensor parallelism: a ring, over the network where the group is larger than a host.
  private func tensorReduction(_ c: borrowing Constants, link: Double, host: Double) -> Double {
    guard tensor > 1 else { return 0 }
    let crosses = tensor > network.ranksPerHost
    let rate = crosses ? min(link, host) : link
    return 2 * (tensor - 1) / tensor * tensorBytes / rate + c[.tensorLatency] * (crosses ? 4 : 1)
  }

  /// Tokens on their way to the experts' ranks and back, forward and backward, and forward again when recomputed: pairwise
  /// all-to-alls of (e − 1)/e of the bytes, over the network where the group is larger than a host.
  private func expertExchange(_ c: borrowing Constants, link: Double, host: Double) -> Double {
    guard experts > 1 else { return 0 }
    let ways: Double = recomputation == .full ? 6 : 4
    let perHost = max(1, network.ranksPerHost)
    let rate = experts > perHost ? min(link, host / perHost) : link
    return ways * (routedBytes * (experts - 1) / experts / rate + c[.tensorLatency])
  }

  /// Data-parallel ranks of one group in one host, of those that tensor parallelism leaves.
  private var dataPerHost: Double { max(1, min(data, network.ranksPerHost / tensor)) }
  private var dataCrosses: Bool { network.hosts > 1 && data > dataPerHost }

  private func gather(_ c: borrowing Constants, link: Double, host: Double) -> Double {
    let shards = shardsWithinHost ? min(network.ranksPerHost, data) : data
    guard shards > 1 else { return 0 }
    let crosses = dataCrosses && !shardsWithinHost
    let rate = crosses ? min(link, host / network.efficiency(c) * c[.sharded]) : link
    return (shards - 1) / shards * parameters * gradientBytes / rate
  }

  private func transferSeconds(_ c: borrowing Constants, link: Double, host: Double) -> Double {
    guard network.hosts > 1 else { return 2 * boundaryBytes / (link * c[.pointToPoint]) }
    let rate =
      network.interconnect == .shaped && network.ranksPerHost == 1
      ? network.hostBandwidth.count * c[.pointToPoint] : min(link, host / dataPerHost)
    return 2 * (boundaryBytes / max(rate, 1) + network.delay.count)
  }

  private func reductionSeconds(_ c: borrowing Constants, link: Double, host: Double) -> Double {
    guard data > 1 else { return 0 }
    var rate = link
    if dataCrosses {
      let share = host / max(1, network.ranksPerHost / dataPerHost)
      rate = min(link, share)
      if zeroStage == 3 { rate = min(link, share / network.efficiency(c) * c[.sharded]) }
    }
    var seconds = 2 * (data - 1) / data * parameters * gradientBytes / rate
    if reducesAtServer { seconds /= c[.serverReduction] }
    if zeroStage == 3 { seconds /= 2 }
    let rounds = dataCrosses ? 2 * data.squareRoot() : 2
    return seconds + 10 * c[.bucketLatency] * rounds + 20 * network.delay.count
  }
}
