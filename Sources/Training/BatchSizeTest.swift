import Collectives
import Datasets
import Execution
package import Jobs
import Kernels
import ModelGraph
import Models
package import Units

/// How many samples a second a job's network trains on in batches of several sizes: whole steps on samples in memory,
/// one rank, one shard a batch.
package struct BatchSizeTest: Codable, Sendable {
  package struct Row: Codable, Sendable {
    package let batch: Int
    /// The median step.
    package let stepSeconds: Seconds
    package let samplesPerSecond: Double
    /// Every tensor of a step.
    package let memory: Bytes
  }

  /// The share of the greatest speed that is good enough.
  private static let goodShare = 0.9

  package let job: String
  package let threads: Int
  package private(set) var rows: [Row] = []

  /// - Parameters:
  ///   - sizes: ascending; sizes of more samples than the job has to train on are left out.
  ///   - seconds: for each size; five steps are run in any case.
  /// - Throws: `InvalidJob` for a wrong job or data.
  package init(_ file: JobFile, sizes: [Int], seconds: Double, threads: Int) throws {
    Threads.use(threads)
    job = file.job.name
    self.threads = threads
    let data = try JobData(file)
    for size in sizes where size <= data.training.count {
      rows.append(try Self.measure(file.training(batch: size), data, seconds: seconds, threads: threads))
    }
  }

  private static func measure(_ file: JobFile, _ data: JobData, seconds: Double, threads: Int) throws -> Row {
    let job = file.job
    let graph = try file.trainingGraph(for: data.description)
    let trainer = Trainer(file, group: InProcessGroup.solo(), options: TrainingOptions(threads: threads)) { _ in }
    let phase = Phase(file: file, steps: 0..<1, trainedLayers: nil, title: nil)
    let gradient = try trainer.gradient(
      Trainer.Network(phase: phase, graph: graph, evaluationGraph: nil, fields: data.training.fields), shards: 0..<1)
    try gradient.replica.initialise { graph.initialParameterValues($0, seed: job.seed) }
    let samples = try data.firstSamples(job.training.batch, seed: job.seed)
    let optimizer = job.training.optimizer.optimizer
    let clock = ContinuousClock()
    let begin = clock.now
    var times: [Double] = []
    // The first step is not counted: it finds nothing in the caches.
    while times.count < 6 || clock.now - begin < .seconds(seconds) {
      let start = clock.now
      for entry in gradient.schedule.steps {
        try gradient.compute(
          entry, samples, 0..<samples.capacity,
          dropout: DropoutState(seed: job.seed, step: UInt32(times.count + 1), firstSample: 0))
      }
      try gradient.reduce()
      // A rate too small to lead anywhere: numbers that overflow would cost other times.
      optimizer.update(gradient.replica.store, step: times.count + 1, learningRate: 1e-9)
      times.append(Seconds(clock.now - start).count)
    }
    let sorted = times.dropFirst().sorted()
    let median = sorted[sorted.count / 2]
    return Row(
      batch: job.training.batch, stepSeconds: Seconds(median),
      samplesPerSecond: Double(job.training.batch) / median, memory: gradient.replica.memory.total)
  }

  /// The smallest batch that trains nearly as fast as the fastest: larger ones take more samples a step for little.
  package var suggested: Int? {
    let greatest = rows.map(\.samplesPerSecond).max() ?? 0
    return rows.first { $0.samplesPerSecond >= Self.goodShare * greatest }?.batch
  }
}
