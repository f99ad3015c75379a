package import Collectives
import Datasets
package import Execution
package import Jobs
import Kernels
package import ModelGraph
import Models
import Randomness
package import Units

/// The training speed of a known network on inputs held in memory: forward, loss, backward, all-reduce, update, and
/// nothing else; what `scripts/bench` compares with PyTorch.
package struct TrainingBenchmark {
  /// What `bench train` prints, one line of JSON; keys as in the PyTorch side of `scripts/bench`.
  package struct Result: Codable, Sendable {
    package let workload: String
    package let mode: String
    package let procs: Int
    package let threads: Int
    package let batchPerProc: Int
    package let params: Int
    package let stepMilliseconds: Double
    package let bestMilliseconds: Double
    package let steps: Int
    package let samplesPerSecond: Double
    package let loss: Double
    package let memoryPlanned: Bytes
    package let memoryMeasured: Bytes?
    package let reduction: String
    package let buckets: Int
    package let isOverlapped: Bool
    /// Medians over the steps: in all-reduces; what compute threads waited behind backward, the mean of the ranks; and what
    /// the last rank behind its backward waited, which is the communication's own: the others wait for that rank too.
    package let reductionMilliseconds: Double
    package let waitMilliseconds: Double
    package let exposedMilliseconds: Double
    /// Nil where they were not asked for.
    package let parts: Parts?

    enum CodingKeys: String, CodingKey {
      case workload, mode, procs, threads, params, steps, loss, reduction, buckets, parts
      case batchPerProc = "batch_per_proc"
      case stepMilliseconds = "step_ms"
      case bestMilliseconds = "best_ms"
      case samplesPerSecond = "samples_per_s"
      case memoryPlanned = "memory_planned_bytes"
      case memoryMeasured = "memory_measured_bytes"
      case isOverlapped = "overlapped"
      case reductionMilliseconds = "reduction_ms"
      case waitMilliseconds = "wait_ms"
      case exposedMilliseconds = "exposed_ms"
    }
  }

  /// A step taken apart, each part measured in turn with whole steps; medians.
  package struct Parts: Codable, Sendable {
    /// A step without its all-reduce.
    package let computeMilliseconds: Double
    /// The all-reduces with nothing beside them.
    package let communicationMilliseconds: Double
    /// What a whole step is longer by than its compute: what waits, and what the communication takes of the cores.
    package let longerMilliseconds: Double
    /// What of the communication a whole step does not wait for: 1 − exposed / communication.
    package let hiddenShare: Double

    enum CodingKeys: String, CodingKey {
      case computeMilliseconds = "compute_ms"
      case communicationMilliseconds = "communication_ms"
      case longerMilliseconds = "longer_ms"
      case hiddenShare = "hidden_share"
    }
  }

  /// What is measured, besides the workload.
  package struct Settings: Sendable {
    package var threads: Int
    package var precision = Precision.float32
    /// Samples a rank; nil for the workload's own.
    package var batch: Int?
    package var reduction = Reduction.reproducible
    package var bucket: Bytes?
    /// Of gradients on their way to other ranks.
    package var gradientPrecision = Precision.float32
    /// Whether each rank keeps a share of the optimizer states only.
    package var sharesStates = false
    package var overlaps = false
    package var communicationCores: [Int] = []
    /// Whether the parts of a step are measured too.
    package var takesApart = false

    package init(threads: Int) { self.threads = threads }
  }

  private let workload: Workload
  private let group: any Group
  private let settings: Settings
  private let gradient: BatchGradient
  private let samples: SampleBuffer
  private let shardSamples: Int
  private let shardCount: Int
  private var memoryMeasured: Bytes?

  /// Samples a rank.
  private var batch: Int { samples.capacity }

  /// Builds the network and runs its first steps. Collective.
  package init(_ workload: Workload, group: any Group, settings: Settings) throws {
    self.workload = workload
    self.group = group
    self.settings = settings
    Threads.use(settings.threads)
    let batch = settings.batch ?? workload.batch
    // The largest piece that is as fast as a workload's own and divides the batch.
    shardSamples = (1...min(batch, workload.shardSamples)).last { batch.isMultiple(of: $0) } ?? 1
    let shardsPerRank = batch / shardSamples
    shardCount = shardsPerRank * group.rankCount
    let range = group.rank * shardsPerRank..<(group.rank + 1) * shardsPerRank
    let graph = try workload.model.trainingGraph(
      sampleShape: SampleShape(fields: [workload.input]), shardSamples: shardSamples,
      globalBatch: batch * group.rankCount, loss: .crossEntropy)
    var gradients = GradientSettings(shardCount: shardCount)
    gradients.reduction = settings.reduction
    gradients.bucket = settings.bucket
    gradients.precision = settings.gradientPrecision
    gradients.sharesStates = settings.sharesStates
    gradients.overlaps = settings.overlaps
    gradients.communicationCores = settings.communicationCores
    let slotCount = gradients.schedule(range).slotCount
    let network = try CompiledNetwork(graph, precision: settings.precision)
    let slots = try network.sharedSlots(slotCount, group)
    let replica = try Replica(
      network, fields: workload.fields, optimizer: workload.optimizer, slotCount: slotCount, slots: slots,
      shards: range,
      share: gradients.share(group))
    let store = replica.store
    gradient = try BatchGradient(replica, gradients, group: group, shards: range)
    var random = RandomStream(seed: 1, purpose: .test, stream: UInt64(group.rank))
    samples = workload.samples(batch, &random)
    let values = graph.stored.map { graph.initialParameterValues($0, seed: 1) }
    try Threads.start()
    // All is compiled and no tensor is touched: what comes on top is what the plan counts.
    let baseline = ProcessMemory.anonymous
    for (index, value) in values.enumerated() { try store.write(value, to: index) }
    memoryMeasured = nil
    for step in 1...3 { _ = try self.step(step) }
    guard let baseline, let resident = ProcessMemory.anonymous else { return }
    // The baseline holds `values`, so what it is compared with must too.
    // Memory that ranks share is theirs from the beginning, and not counted as the process's own.
    let shared = replica.sharedByteCount
    withExtendedLifetime(values) { memoryMeasured = Bytes(resident.count - baseline.count) + shared }
  }

  /// Runs steps for `seconds` and at least five. Collective: every rank does as many.
  package func run(seconds: Double) throws -> Result {
    let clock = ContinuousClock()
    let begin = clock.now
    var (times, computing, reducing) = ([Double](), [Double](), [Double]())
    var waits: [BatchGradient.Times] = []
    var loss = 0.0
    var isOver: Int32 = 0
    func time(_ body: () throws -> Void) throws -> Double {
      let start = clock.now
      try body()
      return Seconds(clock.now - start).count
    }
    while isOver == 0 {
      times.append(try time { loss = try step(times.count + 4) })
      waits.append(gradient.times)
      if settings.takesApart {
        try group.barrier()
        computing.append(try time { _ = try step(times.count + 4, sends: false) })
        try group.barrier()
        reducing.append(try time { try gradient.reduce() })
      }
      isOver = times.count >= 5 && clock.now - begin >= .seconds(seconds) ? 1 : 0
      // Untimed: the ranks agree on the end.
      if group.rankCount > 1 { isOver = try group.allReduce(isOver, .maximum) }
    }
    let median = times.median
    let whole = waits.map(\.communication.count).median
    let waited = waits.map(\.exposed.count)
    let exposed = try overRanks(waited, .minimum).median
    let mean = try overRanks(waited, .sum).median / Double(group.rankCount)
    var parts: Parts?
    if settings.takesApart {
      parts = Parts(
        computeMilliseconds: computing.median.milliseconds, communicationMilliseconds: reducing.median.milliseconds,
        longerMilliseconds: (median - computing.median).milliseconds,
        hiddenShare: ((1 - exposed / max(reducing.median, 1e-9)) * 1e4).rounded() / 1e4)
    }
    return Result(
      workload: workload.rawValue, mode: settings.precision == .float32 ? "apus" : "apus+bf16",
      procs: group.rankCount, threads: settings.threads, batchPerProc: batch,
      params: gradient.replica.store.graph.parameterCount, stepMilliseconds: median.milliseconds,
      bestMilliseconds: (times.min() ?? 0).milliseconds, steps: times.count,
      samplesPerSecond: (Double(group.rankCount * batch) / median * 10).rounded() / 10, loss: loss,
      memoryPlanned: gradient.replica.memory.total, memoryMeasured: memoryMeasured,
      reduction: settings.reduction.rawValue, buckets: gradient.buckets.ranges.count,
      isOverlapped: gradient.isOverlapped, reductionMilliseconds: whole.milliseconds,
      waitMilliseconds: mean.milliseconds,
      exposedMilliseconds: exposed.milliseconds, parts: parts)
  }

  /// Of values that each rank has as many of. Collective.
  private func overRanks(_ values: [Double], _ reduction: Collectives.Reduction) throws -> [Double] {
    var values = values
    if group.rankCount > 1 { try group.allReduce(&values, reduction) }
    return values
  }

  /// Median times of each kernel of a shard.
  package func profile() throws -> [KernelProfile] {
    try gradient.replica.program.profile(repetitions: workload.profileRepetitions)
  }

  /// Operations a second of a product of square matrices, on the same cores in the same precision.
  package func matrixProductSpeed() throws -> Double {
    try gradient.replica.program.matrixProductSpeed(precision: settings.precision)
  }

  /// - Parameter sends: false for a step that stays on its rank; the same on all.
  private func step(_ number: Int, sends: Bool = true) throws -> Double {
    for entry in gradient.schedule.steps {
      let first = (entry.shard % (batch / shardSamples)) * shardSamples
      try gradient.compute(entry, samples, first..<first + shardSamples, dropout: .none, sends: sends)
    }
    if sends { try gradient.reduce() }
    try workload.optimizer.update(gradient.replica.store, step: number, learningRate: workload.learningRate) { sums in
      try group.allReduce(&sums, .sum)
    }
    gradient.replica.store.updateStatistics(shards: shardCount)
    if sends { try gradient.gatherParameters() }
    return gradient.loss
  }
}

extension [Double] {
  fileprivate var median: Double { sorted()[count / 2] }
}

extension Double {
  /// Seconds as milliseconds, to the microsecond.
  fileprivate var milliseconds: Double { (self * 1e6).rounded() / 1e3 }
}
