package import Collectives
import Datasets
package import Execution
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

    enum CodingKeys: String, CodingKey {
      case workload, mode, procs, threads, params, steps, loss
      case batchPerProc = "batch_per_proc"
      case stepMilliseconds = "step_ms"
      case bestMilliseconds = "best_ms"
      case samplesPerSecond = "samples_per_s"
      case memoryPlanned = "memory_planned_bytes"
      case memoryMeasured = "memory_measured_bytes"
    }
  }

  private let workload: Workload
  private let group: any Group
  private let threads: Int
  private let precision: Precision
  private let gradient: BatchGradient
  private let samples: SampleBuffer
  private var memoryMeasured: Bytes?

  /// Builds the network and runs its first steps. Collective.
  package init(_ workload: Workload, group: any Group, threads: Int, precision: Precision = .float32) throws {
    self.workload = workload
    self.group = group
    self.threads = threads
    self.precision = precision
    Threads.use(threads)
    let shardsPerRank = workload.batch / workload.shardSamples
    let shardCount = shardsPerRank * group.rankCount
    let range = group.rank * shardsPerRank..<(group.rank + 1) * shardsPerRank
    let graph = try workload.model.trainingGraph(
      sampleShape: SampleShape(fields: [workload.input]), shardSamples: workload.shardSamples,
      globalBatch: workload.batch * group.rankCount,
      loss: .crossEntropy)
    let schedule = AccumulationSchedule(tree: CanonicalTree(shardCount: shardCount), range: range)
    let replica = try Replica(
      graph, evaluationGraph: nil, fields: workload.fields, optimizer: workload.optimizer,
      slotCount: schedule.slotCount, shards: range, precision: precision)
    let store = replica.store
    gradient = BatchGradient(
      replica,
      try ReproducibleReducer(
        group: group, shardCount: shardCount, range: range, maximumCount: store.slotElementCount))
    var random = RandomStream(seed: 1, purpose: .test, stream: UInt64(group.rank))
    samples = workload.samples(&random)
    let values = graph.stored.map { graph.initialParameterValues($0, seed: 1) }
    try Threads.start()
    // All is compiled and no tensor is touched: what comes on top is what the plan counts.
    let baseline = ProcessMemory.anonymous
    for (index, value) in values.enumerated() { try store.write(value, to: index) }
    memoryMeasured = nil
    for step in 1...3 { _ = try self.step(step) }
    guard let baseline, let resident = ProcessMemory.anonymous else { return }
    // The baseline holds `values`, so what it is compared with must too.
    withExtendedLifetime(values) { memoryMeasured = Bytes(resident.count - baseline.count) }
  }

  /// Runs steps for `seconds` and at least five. Collective: every rank does as many.
  package func run(seconds: Double) throws -> Result {
    let clock = ContinuousClock()
    let begin = clock.now
    var times: [Double] = []
    var loss = 0.0
    var isOver: Int32 = 0
    while isOver == 0 {
      let start = clock.now
      loss = try step(times.count + 4)
      times.append(Seconds(clock.now - start).count)
      isOver = times.count >= 5 && clock.now - begin >= .seconds(seconds) ? 1 : 0
      // Untimed: the ranks agree on the end.
      if group.rankCount > 1 { isOver = try group.allReduce(isOver, .maximum) }
    }
    times.sort()
    let median = times[times.count / 2]
    return Result(
      workload: workload.rawValue, mode: precision == .float32 ? "apus" : "apus+bf16", procs: group.rankCount,
      threads: threads,
      batchPerProc: workload.batch, params: gradient.replica.store.graph.parameterCount,
      stepMilliseconds: (median * 1e6).rounded() / 1e3, bestMilliseconds: (times[0] * 1e6).rounded() / 1e3,
      steps: times.count, samplesPerSecond: (Double(group.rankCount * workload.batch) / median * 10).rounded() / 10,
      loss: loss, memoryPlanned: gradient.replica.memory.total, memoryMeasured: memoryMeasured)
  }

  /// Median times of each kernel of a shard.
  package func profile() throws -> [KernelProfile] {
    try gradient.replica.program.profile(repetitions: workload.profileRepetitions)
  }

  /// Operations a second of a product of square matrices, on the same cores in the same precision.
  package func matrixProductSpeed() throws -> Double {
    try gradient.replica.program.matrixProductSpeed(precision: precision)
  }

  private func step(_ number: Int) throws -> Double {
    let count = workload.shardSamples
    for entry in gradient.schedule.steps {
      let first = (entry.shard % (workload.batch / count)) * count
      try gradient.compute(entry, samples, first..<first + count, dropout: .none)
    }
    try gradient.reduce()
    workload.optimizer.update(gradient.replica.store, step: number, learningRate: workload.learningRate)
    gradient.replica.store.updateStatistics(
      shards: workload.batch / workload.shardSamples * group.rankCount)
    return gradient.loss
  }
}
