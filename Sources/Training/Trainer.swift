package import Collectives
import Datasets
import Execution
import Foundation
package import Jobs
import Kernels
import ModelGraph
import Models
import Units

/// A rank's work, from the job to the report. Rank 0 is the coordinator: it keeps the records and tells the story;
/// gradients never pass through it alone.
package final class Trainer {
  let file: JobFile
  let group: any Group
  let options: TrainingOptions
  let tell: (TrainingEvent) -> Void
  let stopRequest: () -> Int32?
  /// Of a traced run.
  private(set) var timelines: Timelines?

  var job: Job { file.job }
  var isCoordinator: Bool { group.rank == 0 }

  /// - Parameters:
  ///   - stopRequest: the signal that asks for a stop, asked once a step; one rank's is enough.
  ///   - tell: called on the coordinator only.
  package init(
    _ file: JobFile, group: any Group, options: TrainingOptions,
    stopRequest: @escaping () -> Int32? = { StopSignal.requested }, tell: @escaping (TrainingEvent) -> Void
  ) {
    self.file = file
    self.group = group
    self.options = options
    self.stopRequest = stopRequest
    self.tell = tell
  }

  /// Trains to the end of the job, or to the step at which a signal asks for a stop. Collective.
  /// - Throws: `InvalidJob`, `TrainingError`, `GroupError`, `PeerFailed`; see README.md for the exit codes.
  package func run() throws -> RunOutcome {
    group.limitWaits(to: options.collectiveTimeout)
    Threads.use(options.threads)
    try Agreement.alike(group, exitCode: Self.exitCode) { try checkJob() }
    let shards = try together { try shardsOfThisRank() }
    try together { try requirePrecision() }
    let data = try together { try JobData(file) }
    let order = try together { try data.order(file) }
    let networks = try together { try self.networks(data, order) }
    if isCoordinator, let graph = networks.last?.graph {
      for warning in graph.warnings { tell(.warning(warning.description)) }
    }
    try Agreement.alike(group, exitCode: Self.exitCode) { try Agreement.same(data.fingerprint, "data", group) }
    let trace = try options.trace.map { try Trace(path: $0, group: group) }
    try onCoordinator { try trace?.claim() }
    timelines = trace?.timelines
    let run = try RunState(trainer: self, data: data, order: order, networks: networks, shards: shards)
    let outcome = try run.train()
    let missing = try trace?.end(onCoordinator: onCoordinator) ?? 0
    if missing > 0, isCoordinator {
      tell(.warning("the trace lacks \(missing) spans of later steps, for which it keeps no room; trace fewer steps"))
    }
    return outcome
  }

  /// - Throws: `InvalidJob` if this rank's processor cannot compute as the job asks.
  private func requirePrecision() throws {
    guard !job.training.precision.isSupported else { return }
    throw InvalidJob([
      file.problem(
        at: "training.precision",
        "the processor has no instructions for bfloat16 (AVX512_BF16); use 'precision: float32'")
    ])
  }

  /// What is trained in each phase of the run, as graphs: nothing is allocated.
  private func networks(_ data: JobData, _ order: DataOrder) throws -> [Network] {
    let graph = try file.trainingGraph(for: data.description)
    try refuseToLearnNothing(graph)
    let isEvaluated = data.test != nil || data.validation != nil
    return try Phase.all(file, data.description, graph: graph, stepsPerEpoch: order.stepsPerEpoch).map { phase in
      Network(
        phase: phase, graph: try phase.file.trainingGraph(for: data.description),
        evaluationGraph: isEvaluated ? try phase.file.evaluationGraph(for: data.description) : nil,
        fields: data.training.fields)
    }
  }

  struct Network {
    let phase: Phase
    let graph: Graph
    let evaluationGraph: Graph?
    /// Of the samples.
    let fields: [SampleField]
  }

  /// Allocates what a rank needs to train a phase's network. Collective.
  func gradient(_ network: Network, shards: Range<Int>) throws -> BatchGradient {
    let slotCount = gradientSettings.schedule(shards).slotCount
    let compiled = try together {
      try CompiledNetwork(
        network.graph, evaluationGraph: network.evaluationGraph, precision: job.training.precision)
    }
    let slots = try compiled.sharedSlots(slotCount, group)
    let replica = try together {
      try Replica(
        compiled, fields: network.fields, optimizer: job.training.optimizer.optimizer, slotCount: slotCount,
        slots: slots, shards: shards, share: gradientSettings.share(group))
    }
    if job.training.earlyStopping?.restoreBest == true { replica.countBestParameters() }
    try Agreement.alike(group, exitCode: Self.exitCode) {
      try Agreement.same(
        replica.store.fingerprint, "layout of the parameters (another processor or oneDNN)", group)
    }
    return try BatchGradient(replica, gradientSettings, group: group, shards: shards, timelines: timelines)
  }

  /// Runs what only the coordinator does, and ends on all ranks if it fails.
  func onCoordinator(_ body: () throws -> Void) throws {
    try together { if isCoordinator { try body() } }
  }

  /// Runs a phase that all ranks do, and ends on all if it fails on one.
  func together<Result>(_ body: () throws -> Result) throws -> Result {
    try Agreement.together(group, exitCode: Self.exitCode, body)
  }

  /// The exit code of an error, as README.md lists them.
  static func exitCode(_ error: any Error) -> Int32 {
    switch error {
    case is KernelError, is ExecutionError: 1
    case let error as TrainingError where error.code == .storage: 1
    case let error as TrainingError where error.code == .numerical: 7
    default: 3
    }
  }

  private func refuseToLearnNothing(_ graph: Graph) throws {
    guard graph.blockedParameters.count == graph.parameters.count, let warning = graph.warnings.first else { return }
    throw InvalidJob([
      file.problem(
        for: GraphError(.notDifferentiable, layer: warning.layer, "nothing can be trained: \(warning.message)"))
    ])
  }

  private func shardsOfThisRank() throws -> Range<Int> {
    let count = job.training.shards
    guard group.rankCount <= count else {
      throw InvalidJob([
        file.problem(
          at: "training.shards",
          "\(group.rankCount) ranks cannot share \(count) shards; use at most \(count) ranks or more shards")
      ])
    }
    guard let shares = options.shares else {
      return Datasets.shards(of: group.rank, rankCount: group.rankCount, shardCount: count)
    }
    guard shares.count == group.rankCount, shares.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      let text = shares.map { String(format: "%g", $0) }.joined(separator: ",")
      throw TrainingError(
        .invalidInput,
        "the shares \(text) are not one number above 0 for each of \(group.rankCount) ranks; give as many as ranks")
    }
    return Datasets.shards(weights: shares, shardCount: count)[group.rank]
  }

  private var gradientSettings: GradientSettings {
    var settings = GradientSettings(shardCount: job.training.shards)
    settings.reduction = job.training.reduction
    settings.bucket = job.training.bucket
    settings.precision = job.training.gradientPrecision
    settings.algorithm = job.training.allReduce
    settings.sharesStates = job.training.zeroStage > 0
    settings.timeout = options.collectiveTimeout
    settings.overlaps = options.overlaps
    settings.communicationCores = options.communicationCores
    return settings
  }

  /// Every rank must run the same job. The data's paths may differ from host to host.
  private func checkJob() throws {
    var shared = job
    shared.data.source = job.data.source.withoutPaths
    try Agreement.same(Fingerprint.of(shared.yaml()), "job file", group)
  }
}
