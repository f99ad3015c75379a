import Collectives
import Datasets
import Execution
import Foundation
package import Jobs
import Kernels
import ModelGraph
import Models

/// A learning-rate range test (Smith 2017, "Cyclical Learning Rates", §3.3): a job's network is trained for a few hundred
/// steps while the rate grows by the same factor at each, until the loss leaps.
package struct LearningRateTest: Codable, Sendable {
  package struct Point: Codable, Sendable {
    package let learningRate: Double
    package let loss: Double
    /// Mean of the losses so far, of which each weighs 0.95 of the next, corrected for its beginning.
    package let smoothedLoss: Double
  }

  /// What a loss is of the mean before it.
  private static let memory = 0.95
  /// The test ends at a smoothed loss this many times the least one.
  private static let leap = 4.0
  /// Losses that the mean takes to stand for anything.
  private static let warmup = 10

  package let job: String
  package let optimizer: String
  package let batch: Int
  package private(set) var points: [Point] = []
  /// Whether the loss leapt before the last rate was reached.
  package private(set) var hasDiverged = false

  /// Trains on one rank; nothing is kept.
  ///
  /// - Parameters:
  ///   - rates: the first and the last.
  ///   - steps: how many rates lie between, both counted.
  /// - Throws: `InvalidJob` for a wrong job or data.
  package init(_ file: JobFile, rates: ClosedRange<Double>, steps: Int, threads: Int) throws {
    precondition(steps > 1 && rates.lowerBound > 0)
    Threads.use(threads)
    let training = file.job.training
    job = file.job.name
    optimizer = training.optimizer.name.rawValue
    batch = training.batch
    let data = try JobData(file)
    let order = try data.order(file)
    let trainer = Trainer(file, group: InProcessGroup.solo(), options: TrainingOptions(threads: threads)) { _ in }
    let graph = try file.trainingGraph(for: data.description)
    let phase = Phase(file: file, steps: 0..<steps, trainedLayers: nil, title: nil)
    let gradient = try trainer.gradient(
      Trainer.Network(phase: phase, graph: graph, evaluationGraph: nil, fields: data.training.fields),
      shards: 0..<training.shards)
    try gradient.replica.initialise { graph.initialParameterValues($0, seed: file.job.seed) }
    let loader = try BatchLoader(
      source: data.training, order: order, shards: 0..<training.shards)
    defer { loader.close() }
    let growth = rates.upperBound / rates.lowerBound
    for step in 0..<steps {
      let rate = rates.lowerBound * pow(growth, Double(step) / Double(steps - 1))
      let loss = try Self.loss(of: gradient, loader, order, file.job, step: step + 1)
      guard add(rate, loss) else { return }
      let store = gradient.replica.store
      if let limit = training.clipValue { store.clipGradientValues(to: Float(limit)) }
      if let limit = training.clipNorm { store.clipGradientNorm(to: limit) }
      training.optimizer.optimizer.update(
        store, step: step + 1, learningRate: Float(rate),
        over: UpdateRanges(store, decaysBiases: training.optimizer.decayBias))
      store.updateStatistics(shards: training.shards)
      gradient.replica.states.endStep(endsEpoch: (step + 1) % order.stepsPerEpoch == 0)
    }
  }

  private static func loss(
    of gradient: BatchGradient, _ loader: BatchLoader, _ order: DataOrder, _ job: Job, step: Int
  ) throws -> Double {
    try loader.withNext { loaded, buffer in
      for entry in gradient.schedule.steps {
        try gradient.compute(
          entry, buffer, loaded.places(ofShard: entry.shard),
          dropout: DropoutState(
            seed: job.seed, step: UInt32(step), firstSample: UInt32(entry.shard * order.samplesPerShard)))
      }
    }
    try gradient.reduce()
    return gradient.loss
  }

  /// Takes a step's loss.
  /// - Returns: false if the loss has leapt.
  private mutating func add(_ rate: Double, _ loss: Double) -> Bool {
    let last = points.last.map { $0.smoothedLoss * (1 - pow(Self.memory, Double(points.count))) } ?? 0
    let mean = (Self.memory * last + (1 - Self.memory) * loss) / (1 - pow(Self.memory, Double(points.count + 1)))
    let least = points.map(\.smoothedLoss).min() ?? mean
    guard mean.isFinite, points.count < Self.warmup || mean <= Self.leap * least else {
      hasDiverged = true
      return false
    }
    points.append(Point(learningRate: rate, loss: loss, smoothedLoss: mean))
    return true
  }

  /// The rate around which the least smoothed loss so far falls fastest, over a twentieth of the rates (after fast.ai's
  /// `steep` rule; what a leap comes down from is no fall); nil if the loss never fell by a twentieth.
  package var suggested: Double? {
    var least: [Double] = []
    for point in points.dropFirst(Self.warmup) { least.append(min(point.smoothedLoss, least.last ?? .infinity)) }
    let width = max(1, least.count / 20)
    guard let first = least.first, let last = least.last, last < 0.95 * first, least.count > width else { return nil }
    let falls = (0..<least.count - width).map { least[$0] - least[$0 + width] }
    return falls.indices.max { falls[$0] < falls[$1] }.map {
      points[Self.warmup + $0 + width / 2].learningRate
    }
  }
}
