package import Units

/// Where the time of a step goes: terms that add up to it.
package struct StepBreakdown: Hashable, Sendable, Codable {
  package enum Term: String, CaseIterable, Hashable, Sendable, Codable {
    case products, attention, memory, recomputation, dispatch, tensorParallel, shardGathers, pipelineTransfers
    case pipelineBubble, gradientReduction, optimizer, microBatchOverhead, stepOverhead, expertExchange
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
    case .expertExchange: 13
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
      c, block: StageTimes(block, batch: batch, times: times), edge: StageTimes(edge, batch: batch, times: times),
      exchanges: ratedExchanges(c))
  }

  /// The step around stages whose kernels are timed.
  ///
  /// T = m · stage + (p − 1)/v · stage + transfers + edge + exposed reduction + optimizer + overheads. Formulas: the terms
  /// below. Units: seconds.
  package func breakdown(
    _ c: borrowing Constants, block: StageTimes, edge: StageTimes, exchanges: ExchangeTimes
  ) -> StepBreakdown {
    var result = StepBreakdown()
    let m = microBatches

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
    let tensorSeconds = tensorReductions * (recomputation == .full ? 3 : 2) * exchanges.tensorReduction
    result[.tensorParallel] = m * tensorSeconds
    result[.expertExchange] = m * exchanges.experts
    // The host drives each piece of an interleaved stage as it would a stage.
    let overhead = virtualStages * c[.perMicroBatch]
    result[.microBatchOverhead] = m * overhead
    let alone = forward + backward + again + tensorSeconds + exchanges.experts + overhead

    // Weights gathered shard by shard, forward and backward.
    let gathered = zeroStage == 3 ? norm(alone, 2 * exchanges.weightGather, c[.shardedOverlap]) : alone
    result[.shardGathers] = m * (gathered - alone)

    // Pipeline.
    let transfer = pipeline > 1 ? exchanges.transfer : 0
    let stage = pipeline > 1 ? norm(gathered, transfer, c[.pipelineOverlap]) : gathered
    result[.pipelineTransfers] = m * (stage - gathered) + (pipeline - 1) * transfer / virtualStages
    result[.pipelineBubble] = (pipeline - 1) / virtualStages * stage

    // Gradients, behind and beside the last backward; what shards became is gathered when all is done.
    if data > 1 {
      let last = backward + tensorSeconds / 2
      result[.gradientReduction] =
        exchanges.redistribution + exposed(exchanges.reduction, beside: last, c)
    }

    let held = zeroStage >= 1 ? parameters / data : parameters
    result[.optimizer] = held * 20 / (device.memoryBandwidth.count * 0.8) * c[.optimizer]
    result[.stepOverhead] = c[.perStep]
    return result
  }

  private func exposed(_ reduction: Double, beside backward: Double, _ c: borrowing Constants) -> Double {
    guard reducesBesideBackward else { return reduction }
    return BucketTimeline.exposed(
      reduction, beside: backward, buckets: BucketTimeline.buckets(parameters * gradientBytes),
      contention: c[.contention])
  }
}
