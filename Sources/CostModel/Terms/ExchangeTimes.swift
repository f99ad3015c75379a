import Units

/// What the exchanges of a step take, in seconds: what `StepShape.breakdown` puts together with the kernels.
///
/// There are two sources of them. Published runs say of their fabric a word and a rating, if anything: `ratedExchanges` prices
/// them by what rings reach of it in training, constants of the calibration. Of some instance types collectives themselves were
/// measured: `FabricExchanges` prices a plan on those by their curves.
package struct ExchangeTimes: Hashable, Sendable {
  /// One all-reduce of tensor parallelism.
  package var tensorReduction = 0.0
  /// Tokens of a micro-batch to their experts and back, of a stage, forward and backward.
  package var experts = 0.0
  /// All weights of a stage, once.
  package var weightGather = 0.0
  /// What a micro-batch's crossing of one stage costs, forward and backward, with all its pieces.
  package var transfer = 0.0
  /// Gradients of a step, as far as backward can hide it; and what follows the optimizer under ZeRO-1 and 2.
  package var reduction = 0.0
  package var redistribution = 0.0

  package init() {}
}

extension StepShape {
  /// By achieved rates of links and hosts.
  package func ratedExchanges(_ c: borrowing Constants) -> ExchangeTimes {
    let link = network.linkRate(c)
    let host = network.hostRate(c)
    var times = ExchangeTimes()
    times.tensorReduction = tensorReduction(c, link: link, host: host)
    times.experts = expertExchange(c, link: link, host: host)
    if zeroStage == 3 { times.weightGather = gather(c, link: link, host: host) }
    if pipeline > 1 { times.transfer = transferSeconds(c, link: link, host: host) }
    let reduction = reductionSeconds(c, link: link, host: host)
    let isSplit = zeroStage == 1 || zeroStage == 2
    times.reduction = isSplit ? reduction / 2 : reduction
    times.redistribution = isSplit ? reduction / 2 : 0
    return times
  }

  /// A ring, over the network where the group is larger than a host.
  private func tensorReduction(_ c: borrowing Constants, link: Double, host: Double) -> Double {
    guard tensor > 1 else { return 0 }
    let crosses = tensor > network.ranksPerHost
    let rate = crosses ? min(link, host) : link
    return 2 * (tensor - 1) / tensor * tensorBytes / rate + c[.tensorLatency] * (crosses ? 4 : 1)
  }

  /// How often tokens of a layer are on their way: forward and backward, to the experts and back, and forward again when
  /// recomputed.
  var expertWays: Double { recomputation == .full ? 6 : 4 }

  /// Pairwise all-to-alls of (e − 1)/e of the bytes, over the network where the group is larger than a host.
  private func expertExchange(_ c: borrowing Constants, link: Double, host: Double) -> Double {
    guard experts > 1 else { return 0 }
    let perHost = max(1, network.ranksPerHost)
    let rate = experts > perHost ? min(link, host / perHost) : link
    return expertWays * (routedBytes * (experts - 1) / experts / rate + c[.tensorLatency])
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

  /// Each of the v pieces hands on its output, and each message starts anew. Neighbours in the pipeline are the ranks that
  /// lie furthest apart, so replicas whose stages share a host send over its network at the same time (`dataPerHost` of them).
  private func transferSeconds(_ c: borrowing Constants, link: Double, host: Double) -> Double {
    guard network.hosts > 1 else {
      return 2 * virtualStages * (boundaryBytes / (link * c[.pointToPoint]) + c[.tensorLatency])
    }
    let rate =
      network.interconnect == .shaped && network.ranksPerHost == 1
      ? network.hostBandwidth.count * c[.pointToPoint] : min(link, host / dataPerHost)
    return 2 * virtualStages * (boundaryBytes / max(rate, 1) + 4 * c[.tensorLatency] + network.delay.count)
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
