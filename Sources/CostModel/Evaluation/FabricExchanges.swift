/// Exchanges of layouts on nodes whose collectives were measured, by curves that are prepared for every degree.
///
/// Ranks lie in the order tensor, data, pipeline: those that share a layer are neighbours, replicas come next, stages lie
/// furthest apart. So of n replicas min(n, r/t) share a host of r ranks, and r/min(n, r/t) groups of replicas its network; a
/// stage hands a micro-batch on from as many ranks of a host at once, each its 1/t of it. Formulas: `NodeFabric`,
/// `NetworkFabric`. Valid where `Fabric.isMeasured`.
struct FabricExchanges: Sendable {
  private struct Replicas {
    let reduce: FabricCoefficients.Choice
    let scatter: FabricCoefficients.Choice
    let gather: FabricCoefficients.Choice
    /// One message to the next stage.
    let message: FabricCoefficients.Choice
  }

  private let tensors: [FabricCoefficients.Choice]
  private let replicas: [Replicas]
  private let experts: [FabricCoefficients.Choice]
  private let tensorRow: [Int]
  private let replicaColumn: [Int]
  private let expertColumn: [Int]
  private let replicaColumns: Int
  private let expertColumns: Int
  private let crossesHosts: Bool

  /// - Parameters:
  ///   - tensors: degrees of tensor parallelism; likewise `experts`, and `replicas` that sum the same gradients.
  init(_ fabric: Fabric, hosts: Int, tensors: [Int], replicas: [Int], experts: [Int]) {
    let perHost = fabric.acceleratorsPerNode
    crossesHosts = hosts > 1
    tensorRow = positions(tensors)
    replicaColumn = positions(replicas)
    expertColumn = positions(experts)
    replicaColumns = replicas.count
    expertColumns = experts.count
    /// Degrees that are more together than there are ranks stand in the tables too, and are never asked for.
    func spread(_ degree: Int, beside t: Int) -> RankGroup {
      let ranks = max(1, min(degree, hosts * perHost / t))
      let local = max(1, min(ranks, perHost / t))
      return RankGroup(size: ranks, ranksPerNode: local, concurrentPerNode: max(1, perHost / local))
    }
    self.tensors = tensors.map { t in
      fabric.coefficients(RankGroup(size: t, ranksPerNode: min(t, perHost))).reduction
    }
    var table: [Replicas] = []
    var exchanges: [FabricCoefficients.Choice] = []
    for t in tensors {
      let shared = min(t, perHost)
      for n in replicas {
        let own = fabric.coefficients(spread(n, beside: t))
        let senders = min(perHost, shared * max(1, min(n, perHost / shared)))
        let pair =
          hosts > 1
          ? RankGroup(size: 2, ranksPerNode: 1, concurrentPerNode: senders) : RankGroup(size: 2, ranksPerNode: 2)
        table.append(
          Replicas(
            reduce: own.reduction, scatter: own.scatter, gather: own.gather,
            message: fabric.coefficients(pair).message))
      }
      exchanges += experts.map { fabric.coefficients(spread($0, beside: t)).exchange }
    }
    self.replicas = table
    self.experts = exchanges
  }

  /// Of a model under ZeRO-3: assumed.
  private static let leastParts = 16.0

  /// - Parameters:
  ///   - shape: how ranks share the step, with its bytes.
  ///   - blocks: repeated layers of a stage, and those of them that have experts.
  func times(
    _ shape: borrowing StepShape, _ layout: ParallelLayout, blocks: Double, withExperts: Double
  ) -> ExchangeTimes {
    var times = ExchangeTimes()
    let row = tensorRow[layout.tensor]
    let cell = row * replicaColumns + replicaColumn[layout.data * layout.context]
    if layout.tensor > 1 { times.tensorReduction = tensors[row].seconds(shape.tensorBytes) }
    if layout.expert > 1, withExperts > 0 {
      let exchange = experts[row * expertColumns + expertColumn[layout.expert]]
      times.experts = shape.expertWays * withExperts * exchange.seconds(shape.routedBytes / withExperts)
    }
    if layout.pipeline > 1 {
      let share = crossesHosts ? shape.boundaryBytes / shape.tensor : shape.boundaryBytes
      times.transfer = 2 * shape.virtualStages * replicas[cell].message.seconds(share)
    }
    guard shape.data > 1 else { return times }
    let bytes = shape.parameters * shape.gradientBytes
    let buckets = BucketTimeline.buckets(bytes)
    switch layout.zeroStage {
    case 0: times.reduction = buckets * replicas[cell].reduce.seconds(bytes / buckets)
    case 3:
      // Weights are gathered by what is wrapped alone: blocks, or as many parts of a model that has none.
      let parts = max(blocks, Self.leastParts)
      times.reduction = parts * replicas[cell].scatter.seconds(bytes / parts)
      times.weightGather = parts * replicas[cell].gather.seconds(bytes / parts)
    default:
      times.reduction = buckets * replicas[cell].scatter.seconds(bytes / buckets)
      times.redistribution = buckets * replicas[cell].gather.seconds(bytes / buckets)
    }
    return times
  }
}

/// The position of each value in `values`, by value; −1 for others.
func positions(_ values: [Int]) -> [Int] {
  var result = Array(repeating: -1, count: (values.max() ?? 0) + 1)
  for (position, value) in values.enumerated() { result[value] = position }
  return result
}
